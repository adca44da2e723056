"""Merging event segments of one place: no row is lost or changed, and the order of the log can still be told."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from event_store.ingest.layers import asset_table
from event_store.paths import new_segment
from event_store.segment_files import SegmentFiles
from event_store.segments import INDEX_KEY, Segment, write_segment

CHUNK_ROWS = 2_000_000
"""Assets are merged in portions of about so many rows, which fit in memory; a place of a large fleet does not."""

_COLUMNS = ("ts", "value", "seq", "row")
_Rows = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]
"""Stamps (µs UTC), values, batches, row numbers."""
_Pieces = dict[str, dict[str, list[_Rows]]]
"""Rows by asset and sensor, in the order of the segments."""


def merge_events(files: SegmentFiles, segments: Sequence[Segment]) -> Segment:
    """Write all rows of these segments, which share a bucket and a month, as one segment.

    No segment that is left outside may hold a batch between the merged ones: readers take them for one step of the
    log. Within it, rows of a sensor are sorted by stamp, batch and row, so that of equal stamps the later wins here,
    too.
    """
    merge = _Merge(files, segments)
    first = segments[0]
    path = new_segment(first.kind, first.bucket, first.month)
    size, checksum = write_segment(files, path, first.kind, merge.tables(), merge.index())
    return Segment(
        *(path, first.kind, first.bucket, first.month, sum(s.rows for s in segments), size),
        *(min(s.first_ts for s in segments), max(s.last_ts for s in segments)),
        *(min(s.first_seq for s in segments), max(s.seq for s in segments)),
        merge.met or any(s.collides for s in segments),
        any(s.tombstones for s in segments),
        checksum,
    )


def newest_events(segments: Sequence[Segment]) -> list[Segment]:
    """Of the segments of a place, in log order, those that are worth merging: the newest.

    An older one that holds more than all that are newer together is left alone. So a row is written anew a few times,
    and not with every merge of its month; what is left alone at least halves in size from one to the next.
    """
    chosen = list(segments)
    while len(chosen) > 2:
        oldest, newer = chosen[0], chosen[1:]
        if oldest.rows <= sum(s.rows for s in newer) or oldest.seq >= min(s.first_seq for s in newer):
            break
        chosen = newer
    return chosen


class _Merge:
    """What lies where in the segments; `met`: two rows have the same key (known once the tables were taken)."""

    def __init__(self, files: SegmentFiles, segments: Sequence[Segment]) -> None:
        self._files = files
        self._paths = [segment.path for segment in segments]
        self._indices = [files.read(path, _index) for path in self._paths]
        self._counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for index in self._indices:
            for asset, sensors in index["assets"]:
                for code, rows in sensors:
                    self._counts[asset][index["sensors"][code]] += rows
        self.met = False

    def index(self) -> object:
        """The index of the merged segment."""
        names = sorted({sensor for sensors in self._counts.values() for sensor in sensors})
        rank = {name: code for code, name in enumerate(names)}
        assets = [
            [asset, [[rank[name], rows] for name, rows in sorted(sensors.items())]]
            for asset, sensors in sorted(self._counts.items())
        ]
        return {"sensors": names, "assets": assets}

    def tables(self) -> Iterator[pa.Table]:
        """Each asset's rows, sorted."""
        for portion in self._portions():
            for asset, sensors in sorted(self._read(portion).items()):
                merged = {name: self._sorted(pieces) for name, pieces in sorted(sensors.items())}
                columns = [np.concatenate(column) for column in zip(*merged.values(), strict=True)]
                counts = np.array([len(rows[0]) for rows in merged.values()])
                yield asset_table(asset, list(merged), counts, columns)

    def _portions(self) -> Iterator[set[str]]:
        portion: set[str] = set()
        rows = 0
        for asset, sensors in sorted(self._counts.items()):
            portion.add(asset)
            rows += sum(sensors.values())
            if rows >= CHUNK_ROWS:
                yield portion
                portion, rows = set(), 0
        if portion:
            yield portion

    def _read(self, assets: Collection[str]) -> _Pieces:
        found: _Pieces = defaultdict(lambda: defaultdict(list))
        for path, index in zip(self._paths, self._indices, strict=True):
            wanted = [(at, *entry) for at, entry in enumerate(index["assets"]) if entry[0] in assets]
            if wanted:
                table = self._files.read(path, partial(_groups, [at for at, *_ in wanted]))
                _split(table, [(asset, sensors) for _, asset, sensors in wanted], index["sensors"], found)
        return found

    def _sorted(self, pieces: Sequence[_Rows]) -> _Rows:
        ts, value, seq, row = (np.concatenate(column) for column in zip(*pieces, strict=True))
        order = np.lexsort((row, seq, ts))
        ts = ts[order]
        self.met = self.met or bool((ts[1:] == ts[:-1]).any())
        return ts, value[order], seq[order], row[order]


def _index(file: pq.ParquetFile) -> dict[str, Any]:
    index: dict[str, Any] = json.loads(file.schema_arrow.metadata[INDEX_KEY])
    return index


def _groups(groups: list[int], file: pq.ParquetFile) -> pa.Table:
    return file.read_row_groups(groups, columns=list(_COLUMNS), use_threads=False)


def _split(table: pa.Table, assets: Sequence[tuple[str, Any]], names: Sequence[str], found: _Pieces) -> None:
    """Cut row groups, which come as chunks of their own, into the rows of each asset's sensors."""
    at = 0
    for asset, sensors in assets:
        group = table.slice(at, sum(rows for _, rows in sensors))
        at += group.num_rows
        ts, value, seq, row = (group.column(name).to_numpy() for name in _COLUMNS)
        low = 0
        for code, rows in sensors:
            cut = slice(low, low + rows)
            low += rows
            found[asset][names[code]].append((ts[cut].view(np.int64), value[cut], seq[cut], row[cut]))
