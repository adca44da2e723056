"""Reading the event log: one asset's winning events, from the segments of its bucket."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from event_store.segments import INDEX_KEY
from twins import AssetSeries, Column


@dataclass(frozen=True, slots=True)
class LogSegment:
    """An event segment of a bucket: path relative to the store, stamps µs UTC, batch sequence."""

    path: str
    first_ts: int
    last_ts: int
    seq: int


def read_assets(
    root: Path, segments: Sequence[LogSegment], starts: Mapping[str, int | None]
) -> dict[str, AssetSeries]:
    """The winning events of some assets of one bucket, each from its start (µs UTC, None: all) on.

    Segments are given in the order of their sequence. Of events with the same (sensor, stamp) the later wins.
    An asset without any event in range is left out.
    """
    chunks: dict[str, dict[str, list[Column]]] = {asset: {} for asset in starts}
    floor = None if None in starts.values() else min((s for s in starts.values() if s is not None), default=None)
    for segment in segments:
        if floor is not None and segment.last_ts < floor:
            continue
        for asset, sensor, piece in _read_segment(root / segment.path, starts, segment.last_ts):
            chunks[asset].setdefault(sensor, []).append(piece)
    found: dict[str, AssetSeries] = {}
    for asset, sensors in chunks.items():
        merged = {sensor: merge(pieces) for sensor, pieces in sensors.items()}
        newest = max((int(t[-1]) for t, _ in merged.values() if len(t)), default=None)
        if newest is not None:
            found[asset] = AssetSeries(merged, newest)
    return found


def _read_segment(path: Path, starts: Mapping[str, int | None], last_ts: int) -> Iterator[tuple[str, str, Column]]:
    """(asset, sensor, (stamps, values)) of the wanted assets; two columns are read, the index gives the rest."""
    with pq.ParquetFile(path, memory_map=True) as file:
        index = json.loads(file.schema_arrow.metadata[INDEX_KEY])
        wanted = [
            (group, asset, sensors)
            for group, (asset, sensors) in enumerate(index["assets"])
            if asset in starts and last_ts >= (starts[asset] or -(2**63))
        ]
        if not wanted:
            return
        table = file.read_row_groups([group for group, _, _ in wanted], columns=["ts", "value"], use_threads=False)
    t = table.column("ts").to_numpy().view(np.int64)
    x = table.column("value").to_numpy()
    at = 0
    for _, asset, sensors in wanted:
        start = starts[asset]
        for code, rows in sensors:
            stamps, values = t[at : at + rows], x[at : at + rows]
            at += rows
            if start is not None:
                first = int(stamps.searchsorted(start))
                stamps, values = stamps[first:], values[first:]
            if len(stamps):
                yield asset, index["sensors"][code], (stamps, values)


def merge(pieces: list[Column]) -> Column:
    """Join pieces of one series, each sorted by stamp, given in log order: of equal stamps the later piece wins."""
    ordered = sorted(pieces, key=lambda piece: int(piece[0][0]))  # stable: log order among equal first stamps
    apart = all(a[0][-1] < b[0][0] for a, b in pairwise(ordered))
    if apart and all(bool((t[1:] > t[:-1]).all()) for t, _ in ordered):
        if len(ordered) == 1:
            return ordered[0]
        return np.concatenate([t for t, _ in ordered]), np.concatenate([x for _, x in ordered])
    t = np.concatenate([t for t, _ in pieces])
    x = np.concatenate([x for _, x in pieces])
    order = np.argsort(t, kind="stable")
    t, x = t[order], x[order]
    winners = np.append(t[1:] != t[:-1], True)
    return t[winners], x[winners]
