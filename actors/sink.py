"""Collects the outcomes of a batch and writes them as segments and as one message to the driver."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from actors.twin_actor import PairOutcome
from actors.work import AssetWork, BatchResult, WorkBatch
from altergo_interface.data import Times, Values
from event_store.commit import HEAD_SCHEMA, SNAPSHOT_SCHEMA, GroupResult
from event_store.paths import StorePaths
from event_store.segments import OUTPUT_SCHEMA, RECORD_SCHEMA, TS, Segment, write_segment
from twins import AssetSeries, Replay
from twins.outputs import Collected

_Key = tuple[str, int]
"""Kind of segment, and month as months since 1970."""
_Piece = tuple[str, str, str, Times, Values]
"""Asset, model, output, stamps, values."""


class Sink:
    """Rows of one batch. Nothing is visible until the driver has committed the message that `close` returns."""

    def __init__(self, root: Path, batch: WorkBatch) -> None:
        self._paths = StorePaths(root)
        self._batch = batch
        self._heads: list[dict[str, Any]] = []
        self._snapshots: list[dict[str, Any]] = []
        self._pieces: dict[_Key, list[_Piece]] = defaultdict(list)
        self._records: dict[_Key, list[dict[str, Any]]] = defaultdict(list)
        self._parked: list[tuple[str, str, str]] = []
        self._warnings: list[str] = []

    def add(self, asset: AssetWork, series: AssetSeries, outcome: PairOutcome) -> None:
        """Take over one pair's outcome."""
        pair, result = outcome.work, outcome.result
        head = {
            "asset_id": asset.asset_id,
            "model": pair.model,
            "version": pair.version,
            "status": "ok" if result is not None else "parked",
            "error": outcome.error or None,
            "code": pair.fingerprint.code,
            "config": pair.fingerprint.config,
            "seq": self._batch.seq,
            "choices": json.dumps(outcome.choices, sort_keys=True),
            "from_ts": pair.start,
            "reasons": list(pair.reasons),
            "seconds": outcome.seconds,
        }
        if result is None:
            self._parked.append((asset.asset_id, pair.model, outcome.error))
        else:
            head |= self._accept(asset.asset_id, pair.model, result, series)
        self._heads.append(head)

    def _accept(self, asset: str, model: str, result: Replay, series: AssetSeries) -> Mapping[str, Any]:
        for edge, carry in result.snapshots:
            row = {"asset_id": asset, "model": model, "as_of": edge, "carry": carry.to_json()}
            self._snapshots.append(row)
        self._collect(asset, model, result.closed, "")
        self._collect(asset, model, result.open, "open_")
        self._warnings.extend(f"{asset} {model}: {notice}" for notice in result.notices)
        latest = [{"output": n, "ts": t, "value": x, "label": None} for n, (t, x) in sorted(result.latest.items())]
        return {
            "head": result.head,
            "as_of": series.newest,
            "open_events": len(series.since(result.head)),
            "state": result.state.model_dump_json(),
            "latest": latest,
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
        for record in rows.records:
            row = {
                "asset_id": asset,
                "model": model,
                "kind": record.kind,
                "cell": record.cell,
                "started_at": record.started_at,
                "ts": record.at,
                "ended_at": record.ended_at,
                "severity": record.severity,
                "value": record.value,
                "detail": json.dumps(dict(record.detail), sort_keys=True),
                "run": self._batch.run,
            }
            self._records[f"{prefix}record", _month(record.at)].append(row)

    def close(self, events: int) -> BatchResult:
        """Write the segments and give the message that commits them."""
        tables = {key: _output_table(pieces, self._batch.run) for key, pieces in self._pieces.items()}
        tables |= {key: pa.Table.from_pylist(rows, RECORD_SCHEMA) for key, rows in self._records.items()}
        segments = [self._write(kind, month, table) for (kind, month), table in sorted(tables.items(), key=_by_key)]
        heads = pa.Table.from_pylist(self._heads, HEAD_SCHEMA)
        snapshots = pa.Table.from_pylist(self._snapshots, SNAPSHOT_SCHEMA)
        group = GroupResult(heads, snapshots, segments)
        return BatchResult(self._batch.number, group, len(self._heads), self._parked, events, self._warnings)

    def _write(self, kind: str, month: int, table: pa.Table) -> Segment:
        name = str(np.datetime64(month, "M"))
        path = self._paths.new_segment(kind, self._batch.bucket, name)
        size, checksum = write_segment(self._paths.root, path, kind, [table])
        stamps = table.column("ts").to_numpy().view(np.int64)
        extent = (int(stamps.min()), int(stamps.max()))
        return Segment(
            str(path), kind, self._batch.bucket, name, len(table), size, *extent, self._batch.run, False, checksum
        )


def _by_key(item: tuple[_Key, pa.Table]) -> _Key:
    return item[0]


def _month(t: int) -> int:
    return int(np.datetime64(t, "us").astype("M8[M]").astype(np.int64))


def _output_table(pieces: list[_Piece], run: int) -> pa.Table:
    counts = [len(t) for *_, t, _ in pieces]
    size = sum(counts)
    assets, models, outputs, *_ = zip(*pieces, strict=True)
    columns = [
        *(_names(names, counts) for names in (assets, models, outputs)),
        pa.array(np.concatenate([t for *_, t, _ in pieces])).view(TS),
        pa.array(np.concatenate([x for *_, x in pieces])),
        pa.nulls(size, OUTPUT_SCHEMA.field("label").type),
        pa.array(np.full(size, run, np.int64)),
    ]
    return pa.table(columns, schema=OUTPUT_SCHEMA)


def _names(names: Sequence[str], counts: list[int]) -> pa.DictionaryArray:
    """A dictionary column in which each name stands `count` times."""
    codes: dict[str, int] = {}
    per_piece = [codes.setdefault(name, len(codes)) for name in names]
    return pa.DictionaryArray.from_arrays(np.repeat(np.array(per_piece, np.int32), counts), list(codes))
