"""Merging event segments of one place: no row is lost or changed, and the order of the log can still be told."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from event_store.ingest.layers import asset_table
from event_store.paths import new_segment
from event_store.segment_files import SegmentFiles
from event_store.segments import INDEX_KEY, Segment, write_segment

_COLUMNS = ("ts", "value", "seq", "row")
_Rows = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]
"""Stamps (µs UTC), values, batches, row numbers."""


def merge_events(files: SegmentFiles, segments: Sequence[Segment]) -> Segment:
    """Write all rows of these segments, which share a bucket and a month, as one segment.

    No segment that is left outside may hold a batch between the merged ones: readers take them for one step of the
    log. Within it, rows of a sensor are sorted by stamp, batch and row, so that of equal stamps the later wins here,
    too.
    """
    merge = _Merge()
    for segment in segments:
        merge.add(files, segment)
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


class _Merge:
    """The rows by asset and sensor; `met`: two of them have the same key (known once the tables were taken)."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, list[_Rows]]] = defaultdict(lambda: defaultdict(list))
        self.met = False

    def add(self, files: SegmentFiles, segment: Segment) -> None:
        index, table = files.read(
            segment.path,
            lambda file: (
                json.loads(file.schema_arrow.metadata[INDEX_KEY]),
                file.read(columns=list(_COLUMNS), use_threads=False),
            ),
        )
        at = 0
        for asset, sensors in index["assets"]:
            # Row groups come as chunks of their own, in the order of the index.
            group = table.slice(at, sum(rows for _, rows in sensors))
            at += group.num_rows
            ts, value, seq, row = (group.column(name).to_numpy() for name in _COLUMNS)
            low = 0
            for code, rows in sensors:
                cut = slice(low, low + rows)
                low += rows
                piece = (ts[cut].view(np.int64), value[cut], seq[cut], row[cut])
                self._rows[asset][index["sensors"][code]].append(piece)

    def index(self) -> object:
        names = sorted({sensor for sensors in self._rows.values() for sensor in sensors})
        rank = {name: code for code, name in enumerate(names)}
        assets = [
            [asset, [[rank[name], sum(len(ts) for ts, *_ in pieces)] for name, pieces in sorted(sensors.items())]]
            for asset, sensors in sorted(self._rows.items())
        ]
        return {"sensors": names, "assets": assets}

    def tables(self) -> Iterator[pa.Table]:
        for asset, sensors in sorted(self._rows.items()):
            merged = {name: self._sorted(pieces) for name, pieces in sorted(sensors.items())}
            columns = [np.concatenate(column) for column in zip(*merged.values(), strict=True)]
            counts = np.array([len(rows[0]) for rows in merged.values()])
            yield asset_table(asset, list(merged), counts, columns)

    def _sorted(self, pieces: Sequence[_Rows]) -> _Rows:
        ts, value, seq, row = (np.concatenate(column) for column in zip(*pieces, strict=True))
        order = np.lexsort((row, seq, ts))
        ts = ts[order]
        self.met = self.met or bool((ts[1:] == ts[:-1]).any())
        return ts, value[order], seq[order], row[order]
