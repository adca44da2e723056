"""Reading the event log: one asset's winning events, from the segments of its bucket."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from event_store.segment_files import SegmentFiles
from event_store.segments import INDEX_KEY
from twins import AssetSeries, Column


@dataclass(frozen=True, slots=True)
class LogSegment:
    """An event segment of a bucket: its path, stamps µs UTC, its newest batch.

    `tombstones`: some of its rows delete a key. Of a segment that holds several batches, rows of those in `gone`
    (retracted) and of those after `upto` do not count.
    """

    path: str
    first_ts: int
    last_ts: int
    seq: int
    tombstones: bool = False
    gone: tuple[int, ...] = ()
    upto: int | None = None


def read_assets(
    files: SegmentFiles, segments: Sequence[LogSegment], starts: Mapping[str, int | None]
) -> dict[str, AssetSeries]:
    """The winning events of some assets of one bucket, each from its start (µs UTC, None: all) on.

    Segments are given in the order of their sequence. Of events with the same (sensor, stamp) the later wins.
    A winner that is a tombstone (NaN) is no event. An asset without any event in range is left out.
    """
    chunks: dict[str, dict[str, list[Column]]] = {asset: {} for asset in starts}
    deleted: set[str] = set()
    floor = None if None in starts.values() else min((s for s in starts.values() if s is not None), default=None)
    for segment in segments:
        if floor is not None and segment.last_ts < floor:
            continue
        for asset, sensor, piece in _read_segment(files, starts, segment):
            chunks[asset].setdefault(sensor, []).append(piece)
            if segment.tombstones:
                deleted.add(asset)
    found: dict[str, AssetSeries] = {}
    for asset, sensors in chunks.items():
        newest = max((int(t[-1]) for pieces in sensors.values() for t, _ in pieces), default=None)
        series = None if newest is None else AssetSeries(sensors, newest)
        if series is not None and asset in deleted:
            series = series.without_deleted()
        if series is not None:
            found[asset] = series
    return found


_Group = tuple[int, str, list[tuple[int, int]]]
"""A row group: its number, its asset, and the rows of each sensor (its place in the index) in it."""


def _read_segment(
    files: SegmentFiles, starts: Mapping[str, int | None], segment: LogSegment
) -> Iterator[tuple[str, str, Column]]:
    """(asset, sensor, (stamps, values)) of the wanted assets; two columns are read, the index gives the rest."""
    partly = bool(segment.gone) or segment.upto is not None
    columns = ["ts", "value", "seq"] if partly else ["ts", "value"]

    def use(file: pq.ParquetFile) -> tuple[list[str], list[_Group], pa.Table]:
        index = json.loads(file.schema_arrow.metadata[INDEX_KEY])
        wanted = [
            (group, asset, sensors)
            for group, (asset, sensors) in enumerate(index["assets"])
            if asset in starts and segment.last_ts >= (starts[asset] or -(2**63))
        ]
        groups = [group for group, _, _ in wanted]
        table = file.read_row_groups(groups, columns=columns, use_threads=False) if wanted else None
        return index["sensors"], wanted, table

    names, wanted, table = files.read(segment.path, use)
    # Row groups come as chunks of their own: cut inside them, nothing has to be copied.
    at = 0
    for _, asset, sensors in wanted:
        start = starts[asset]
        group = table.slice(at, sum(rows for _, rows in sensors))
        at += group.num_rows
        t, x = group.column("ts").to_numpy(), group.column("value").to_numpy()
        counted = _counted(group.column("seq").to_numpy(), segment) if partly else None
        low = 0
        for code, rows in sensors:
            stamps, values = t[low : low + rows].view(np.int64), x[low : low + rows]
            if counted is not None:
                stamps, values = stamps[counted[low : low + rows]], values[counted[low : low + rows]]
            low += rows
            if start is not None:
                first = int(stamps.searchsorted(start))
                stamps, values = stamps[first:], values[first:]
            if len(stamps):
                yield asset, names[code], (stamps, values)


def _counted(seq: NDArray[np.int64], segment: LogSegment) -> NDArray[np.bool_]:
    """Which rows of a segment of several batches count."""
    counted = ~np.isin(seq, segment.gone)
    return counted if segment.upto is None else counted & (seq <= segment.upto)
