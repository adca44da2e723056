"""Appending a file to the event log: one file is one batch, known batches are skipped, nothing is half done."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from altergo_interface.errors import IngestError
from event_store.catalog import insert
from event_store.facts import read_log_segments
from event_store.ingest.arrange import Arranged, arrange
from event_store.ingest.batch import IngestReport, record_batch, told_reasons
from event_store.ingest.compare import mark_known, overlaps
from event_store.ingest.faults import Fault, reasons
from event_store.ingest.layers import log_segment, row_groups
from event_store.ingest.options import ParseOptions
from event_store.ingest.parse import Parsed, parse
from event_store.ingest.recount import Recounted, add_arrivals, recount
from event_store.log import LogSegment
from event_store.paths import new_segment
from event_store.segments import Segment, segment_table, write_segment
from event_store.store import Store


def batch_id(path: Path, options: ParseOptions) -> str:
    """A hash of the file's bytes and of the options that parse it."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "blake2b")
    except OSError as error:
        raise IngestError(f"{path}: {error.strerror}", "Check the path") from error
    digest.update(options.fingerprint().encode())
    return digest.hexdigest()[:24]


def read_events(path: Path, options: ParseOptions, now_us: int) -> Parsed:
    """A file's events. Raises IngestError for a file without any good row."""
    parsed = parse(path, options, now_us)
    if len(parsed.ts) == 0:
        raise IngestError(f"{path}: none of its {parsed.rows} rows can be ingested", _first_reason(parsed, options))
    return parsed


def ingest_file(
    store: Store,
    path: Path,
    options: ParseOptions,
    now_us: int,
    *,
    again: bool = False,
    dry_run: bool = False,
    parsed: Parsed | None = None,
) -> IngestReport:
    """Append a file's events; see IngestReport.

    A file that was ingested before with the same options is skipped unless `again`. With `dry_run` nothing is
    written. `parsed` are its events, where it has been read already. Raises IngestError, and changes nothing, for
    a file without any good row.
    """
    batch = batch_id(path, options)
    with store.ingesting():
        if not again and store.knows_batch(batch):
            return IngestReport(batch, str(path), known=True)
        events = parsed or read_events(path, options, now_us)
        return Appender(store, str(path), batch, events).run(options, dry_run)


def _first_reason(parsed: Parsed, options: ParseOptions) -> str:
    if parsed.rejected.num_rows == 0:
        return "It holds no values"
    first = parsed.rejected.slice(0, 1).to_pylist()[0]
    said = f"Row {first['row']}: {first['reason']}"
    if first["reason"] != reasons(options)[Fault.UNREADABLE_TIME]:
        return said
    stamp = json.loads(first["raw"])[options.columns.get("ts", "ts")]
    hint = "" if options.ts_format or options.ts_unit else ". Give --ts-format, e.g. '%d.%m.%Y %H:%M:%S'"
    return f"{said}, but {stamp!r}{hint}"


class Appender:
    """The steps of one append of events that came under a `name`; the caller holds the ingest lock."""

    def __init__(self, store: Store, name: str, batch: str, parsed: Parsed) -> None:
        self._store = store
        self._name = name
        self._batch = batch
        self._parsed = parsed
        self._events = arrange(parsed)

    def run(self, options: ParseOptions, dry_run: bool = False) -> IngestReport:
        """Compare with the log, write segments, commit; nothing is written with `dry_run`."""
        events = self._events
        if options.retract:
            events.duplicate[:] = True  # what the log does not hold cannot be deleted
        with self._store.catalog.session("ingest") as con:
            con.register("_groups", events.groups_table())
            overlapping = overlaps(con)
            heads = _heads(con)
            seq = self._store.next_seq(con)
            # What is left of an asset is counted in all of its log, also where the file meets nothing in it.
            buckets = {int(b) for b in events.bucket} if options.retract else set(overlapping)
            segments = read_log_segments(con, seq, buckets)
        met = mark_known(events, overlapping, segments, self._store.files)
        report = self._report(options, heads)
        if not dry_run:
            written = list(self._write(seq, met, options.retract))
            recounted = self._recount(segments, written) if options.retract else None
            self._commit(report, seq, options, written, recounted)
        return report

    def _report(self, options: ParseOptions, heads: dict[str, int]) -> IngestReport:
        events = self._events
        duplicates = int(events.duplicate.sum())
        done = len(events.ts) - duplicates
        return IngestReport(
            self._batch,
            self._name,
            0 if options.retract else done,
            duplicates,
            _count_late(events, heads),
            self._parsed.rejected.num_rows,
            done if options.retract else 0,
            reasons=told_reasons(self._parsed),
        )

    def _write(self, seq: int, met: set[tuple[int, int]], retract: bool) -> Iterable[Segment]:
        events = self._events
        for bucket, month, groups in events.segments():
            name = str(np.datetime64(month, "M"))
            path = new_segment("event", bucket, name)
            tables, index = row_groups(events, groups, seq)
            size, checksum = write_segment(self._store.files, path, "event", tables, index)
            rows = slice(events.edges[groups[0]], events.edges[groups[-1] + 1])
            ts = events.ts[rows]
            collides = retract or (bucket, month) in met or bool(events.repeats[rows].any())
            place, extent = (path, "event", bucket, name), (int(ts.min()), int(ts.max()))
            yield Segment(*place, len(ts), size, *extent, seq, seq, collides, retract, checksum)

    def _recount(self, segments: Mapping[int, Sequence[LogSegment]], written: list[Segment]) -> Recounted:
        """What is left of the assets once the keys are deleted."""
        events = self._events
        assets: dict[int, list[str]] = defaultdict(list)
        for asset, bucket in sorted(
            {(events.assets[a], int(b)) for a, b in zip(events.asset, events.bucket, strict=True)}
        ):
            assets[bucket].append(asset)
        after = {b: [*segments.get(b, ()), *(log_segment(s) for s in written if s.bucket == b)] for b in assets}
        return recount(self._store.files, after, assets)

    def _commit(
        self, report: IngestReport, seq: int, options: ParseOptions, written: list[Segment], again: Recounted | None
    ) -> None:
        events = self._events
        with self._store.catalog.transaction("ingest") as con:
            record_batch(con, seq, report, options, self._parsed, (int(events.ts.min()), int(events.ts.max())))
            insert(con, "segments", segment_table(written))
            add_arrivals(con, seq, events.changed_days())
            if again is None:
                con.register("_groups", events.groups_table())
                con.register("_repeated", events.repeated_days())
                for statement in (*UPSERTS, *COUNT_DUPLICATES):
                    con.execute(statement, {"seq": seq} if "$seq" in statement else None)
            else:
                again.store(con)


UPSERTS = (
    """create temp table _assets as
       select asset_id, any_value(bucket) as bucket, min(first_ts) as first_ts, max(last_ts) as last_ts,
              sum(fresh)::bigint as events from _groups group by asset_id""",
    """update store.assets a set first_ts = least(a.first_ts, n.first_ts), last_ts = greatest(a.last_ts, n.last_ts),
              events = a.events + n.events from _assets n where n.asset_id = a.asset_id""",
    """insert into store.assets select asset_id, bucket, first_ts, last_ts, events from _assets n
       where not exists (select 1 from store.assets a where a.asset_id = n.asset_id)""",
    """create temp table _sensors as
       select asset_id, sensor, min(first_ts) as first_ts, max(last_ts) as last_ts, sum(fresh)::bigint as events,
              min(min_value) as min_value, max(max_value) as max_value from _groups group by asset_id, sensor""",
    """update store.sensors s set first_ts = least(s.first_ts, n.first_ts), last_ts = greatest(s.last_ts, n.last_ts),
              events = s.events + n.events, min_value = least(s.min_value, n.min_value),
              max_value = greatest(s.max_value, n.max_value)
       from _sensors n where n.asset_id = s.asset_id and n.sensor = s.sensor""",
    """insert into store.sensors
       select asset_id, sensor, $seq, events, first_ts, last_ts, min_value, max_value from _sensors n
       where not exists (select 1 from store.sensors s where s.asset_id = n.asset_id and s.sensor = n.sensor)""",
    "drop table _assets",
    "drop table _sensors",
)


COUNT_DUPLICATES = (
    """update store.duplicates d set duplicates = d.duplicates + n.duplicates from _repeated n
       where n."day" = d."day" and n.asset_id = d.asset_id and n.sensor = d.sensor""",
    """insert into store.duplicates from _repeated n where not exists (
           select 1 from store.duplicates d
           where d.asset_id = n.asset_id and d.sensor = n.sensor and d."day" = n."day")""",
)


def _heads(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How far the batch's assets have come: asset to its furthest head (µs UTC)."""
    query = """select asset_id, epoch_us(max(head)) from store.heads
               where head is not null and asset_id in (select asset_id from _groups) group by asset_id"""
    return dict(con.execute(query).fetchall())


def _count_late(events: Arranged, heads: dict[str, int]) -> int:
    """Rows that change the log before the head of their asset."""
    if not heads:
        return 0
    head = np.array([heads.get(name, np.iinfo(np.int64).min) for name in events.assets])
    limit = np.repeat(head[events.asset], np.diff(events.edges))
    return int(np.count_nonzero((events.ts < limit) & ~events.duplicate))
