"""Collects the outcomes of a batch and writes them as segments and as one message to the driver."""

import json
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from itertools import chain, groupby, pairwise
from math import inf
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa

from actors.slowest import Replayed, Slowest
from actors.twin_actor import BLOCKED, PARKED, PairOutcome
from actors.work import AssetWork, BatchResult, Notice, PairWork, WorkBatch
from altergo_interface.data import Times, Values, Words
from altergo_interface.records import Record
from event_store.commit import HEAD_SCHEMA, SNAPSHOT_SCHEMA, GroupResult
from event_store.paths import new_segment
from event_store.segment_files import SegmentFiles
from event_store.segments import OUTPUT_SCHEMA, RECORD_SCHEMA, TS, Segment, write_segment
from twins import AssetSeries, Restated
from twins.grid import DAY_US
from twins.outputs import Collected, split

_Key = tuple[str, int]
"""Kind of segment, and month as months since 1970."""
_Piece = tuple[str, str, str, Times, Values | Words]
"""Asset, model, output, stamps, values or labels."""
_Version = tuple[str, str, Record, str]
"""Asset, model, record version, its detail as JSON."""


class Sink:
    """Rows of one batch. Nothing is visible until the driver has committed the message that `close` returns."""

    def __init__(self, files: SegmentFiles, batch: WorkBatch) -> None:
        self._files = files
        self._batch = batch
        self._heads: list[dict[str, Any]] = []
        self._snapshots: list[dict[str, Any]] = []
        self._pieces: dict[_Key, list[_Piece]] = defaultdict(list)
        self._records: dict[_Key, list[_Version]] = defaultdict(list)
        self._parked: list[tuple[str, str, str]] = []
        self._blocked: list[tuple[str, str, str]] = []
        self._notices: list[Notice] = []
        self._events = 0
        self._remaining = 0
        self._slowest = Slowest()

    def add(self, asset: AssetWork, series: AssetSeries | None, outcomes: Sequence[PairOutcome]) -> None:
        """Take over the outcomes of one asset's pairs."""
        folded: list[tuple[int | None, int | None]] = []
        for outcome in outcomes:
            head = self._head(asset.asset_id, outcome)
            if outcome.result is not None and series is not None:
                head |= self._accept(asset.asset_id, outcome.work, outcome.result, series)
                folded += outcome.result.ranges
            elif outcome.status in (PARKED, BLOCKED):
                listed = self._parked if outcome.status == PARKED else self._blocked
                listed.append((asset.asset_id, outcome.work.model, outcome.error))
            self._heads.append(head)
        self._slowest.add(Replayed(sum(outcome.seconds for outcome in outcomes), asset.asset_id))
        if series is not None:
            self._events += sum(series.count(*both) for both in _union(folded))

    def _head(self, asset_id: str, outcome: PairOutcome) -> dict[str, Any]:
        pair = outcome.work
        read = {model: run or self._batch.run for model, run in pair.consumed.items()}
        return {
            "asset_id": asset_id,
            "model": pair.model,
            "version": pair.version,
            "status": outcome.status,
            "error": outcome.error or None,
            "fingerprint": pair.fingerprint,
            "seq": self._batch.seq,
            "choices": json.dumps(outcome.choices or {}, sort_keys=True),
            "consumed": json.dumps(read) if pair.above else None,
            "from_ts": pair.start,
            "restated": pair.start != pair.head,
            "reasons": list(pair.reasons),
            "seconds": outcome.seconds,
            "planned_events": pair.events,
        }

    def _accept(self, asset: str, pair: PairWork, restated: Restated, series: AssetSeries) -> dict[str, Any]:
        result, model = restated.result, pair.model
        for edge in result.edges:
            row = {
                "asset_id": asset,
                "model": model,
                "as_of": edge.at,
                "through": edge.through,
                "digest": edge.digest,
            }
            self._snapshots.append(row | {"carry": None if edge.carry is None else edge.carry.to_json()})
        self._collect(asset, model, result.closed, "")
        self._collect(asset, model, result.open, "open_")
        self._notices.extend(Notice(asset, model, text) for text in result.notices)
        self._remaining += not result.complete
        latest = [_latest(name, *sample) for name, sample in sorted(result.latest.items())]
        return {
            "until_ts": restated.until,
            "mask_from": restated.masked_from,
            "mask_to": restated.masked_to,
            "head": result.head,
            "through": next((edge.through for edge in result.edges if edge.at == result.head), None),
            "as_of": result.as_of,
            "open_events": series.count(result.head, None) if result.complete else 0,
            "state": result.state.model_dump_json(),
            "latest": latest,
            "events": sum(series.count(*both) for both in restated.ranges),
        }

    def _collect(self, asset: str, model: str, rows: Collected, prefix: str) -> None:
        for output, (t, x) in rows.columns().items():
            first = _month(int(t[0]))
            starts = np.arange(first + 1, _month(int(t[-1])) + 1).astype("M8[M]").astype("M8[us]").astype(np.int64)
            edges = [0, *np.searchsorted(t, starts).tolist(), len(t)]
            for month, (low, high) in enumerate(pairwise(edges), first):
                if high > low:
                    piece = (asset, model, output, t[low:high], x[low:high])
                    self._pieces[f"{prefix}output", month].append(piece)
        found = [(asset, model, *row) for row in zip(rows.records, rows.details, strict=True)]
        for month, group in groupby(found, _month_of_version):
            self._records[f"{prefix}record", month].extend(group)

    def close(self) -> BatchResult:
        """Write the segments and give the message that commits them."""
        tables = {key: _output_table(pieces, self._batch.run) for key, pieces in self._pieces.items()}
        tables |= {key: _record_table(rows, self._batch.run) for key, rows in self._records.items()}
        segments = [self._write(kind, month, table) for (kind, month), table in sorted(tables.items(), key=_by_key)]
        heads = pa.Table.from_pylist(self._heads, HEAD_SCHEMA)
        snapshots = pa.Table.from_pylist(self._snapshots, SNAPSHOT_SCHEMA)
        group = GroupResult(heads, snapshots, segments)
        return BatchResult(
            self._batch.number,
            group,
            len(self._heads),
            self._parked,
            self._blocked,
            self._events,
            self._remaining,
            self._notices,
            self._slowest,
        )

    def _write(self, kind: str, month: int, table: pa.Table) -> Segment:
        name = str(np.datetime64(month, "M"))
        path = new_segment(kind, self._batch.bucket, name)
        size, checksum = write_segment(self._files, path, kind, [table])
        stamps = table.column("ts").to_numpy().view(np.int64)
        extent = (int(stamps.min()), int(stamps.max()))
        place = (path, kind, self._batch.bucket, name)
        run = self._batch.run
        return Segment(*place, len(table), size, *extent, run, run, False, False, checksum)


def _union(ranges: Sequence[tuple[int | None, int | None]]) -> list[tuple[int | None, int | None]]:
    """Ranges [start, end) that do not overlap and cover the same; None: no bound."""
    merged: list[tuple[float, float]] = []
    bounds = [(-inf if low is None else low, inf if high is None else high) for low, high in ranges]
    for low, high in sorted(bounds):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return [(None if low == -inf else int(low), None if high == inf else int(high)) for low, high in merged]


def _by_key(item: tuple[_Key, pa.Table]) -> _Key:
    return item[0]


def _month_of_version(version: _Version) -> int:
    return _month_of_day(version[2].at // DAY_US)


@cache
def _month_of_day(day: int) -> int:
    return int(np.datetime64(day, "D").astype("M8[M]").astype(np.int64))


def _month(t: int) -> int:
    return _month_of_day(t // DAY_US)


def _latest(output: str, t: int, x: float | str) -> dict[str, Any]:
    value, label = (float("nan"), x) if isinstance(x, str) else (x, None)
    return {"output": output, "ts": t, "value": value, "label": label}


def _output_table(pieces: list[_Piece], run: int) -> pa.Table:
    counts = [len(t) for *_, t, _ in pieces]
    assets, models, outputs, *_ = zip(*pieces, strict=True)
    values, labels = zip(*(split(x) for *_, x in pieces), strict=True)
    columns = [
        *(_names(names, counts) for names in (assets, models, outputs)),
        pa.array(np.concatenate([t for *_, t, _ in pieces])).view(TS),
        pa.array(np.concatenate(values)),
        _label_column(labels, counts),
        pa.array(np.full(sum(counts), run, np.int64)),
    ]
    return pa.table(columns, schema=OUTPUT_SCHEMA)


def _label_column(labels: Sequence[list[str | None] | None], counts: list[int]) -> pa.Array:
    """Labels as a dictionary column, null where a piece has none."""
    kind = OUTPUT_SCHEMA.field("label").type
    if not any(labels):
        return pa.nulls(sum(counts), kind)
    rows = (found or [None] * count for found, count in zip(labels, counts, strict=True))
    return pa.array(list(chain.from_iterable(rows)), pa.string()).dictionary_encode()


def _record_table(versions: Sequence[_Version], run: int) -> pa.Table:
    assets, models, records, details = zip(*versions, strict=True)
    known = {"asset_id": assets, "model": models, "ts": [record.at for record in records], "detail": details}
    columns = {"run": [run] * len(records)} | known
    missing = (name for name in RECORD_SCHEMA.names if name not in columns)
    columns |= {name: list(map(attrgetter(name), records)) for name in missing}
    return pa.table([pa.array(columns[f.name], f.type) for f in RECORD_SCHEMA], schema=RECORD_SCHEMA)


def _names(names: Sequence[str], counts: list[int]) -> pa.DictionaryArray:
    """A dictionary column in which each name stands `count` times."""
    codes: dict[str, int] = {}
    per_piece = [codes.setdefault(name, len(codes)) for name in names]
    return pa.DictionaryArray.from_arrays(np.repeat(np.array(per_piece, np.int32), counts), list(codes))
