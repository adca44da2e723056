"""Comparing a batch with the log: which rows repeat what the log already says, and which replace it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np

from event_store.ingest.arrange import Arranged
from event_store.log import LogSegment, read_assets
from event_store.segment_files import SegmentFiles
from twins import AssetSeries

OVERLAPPING = """
select g."group", g.asset_id, g.bucket, epoch_us(g.first_ts), epoch_us(g.last_ts)
from _groups g join store.sensors s on s.asset_id = g.asset_id and s.sensor = g.sensor
where g.first_ts <= s.last_ts and g.last_ts >= s.first_ts order by g.bucket
"""


def overlaps(con: duckdb.DuckDBPyConnection) -> dict[int, list[tuple[int, str, int, int]]]:
    """Groups (registered as `_groups`) that may meet events of the log: bucket to (group, asset, first, last)."""
    found: dict[int, list[tuple[int, str, int, int]]] = defaultdict(list)
    for group, asset, bucket, first, last in con.execute(OVERLAPPING).fetchall():
        found[bucket].append((group, asset, first, last))
    return dict(found)


def mark_known(
    arranged: Arranged,
    overlapping: Mapping[int, list[tuple[int, str, int, int]]],
    segments: Mapping[int, Sequence[LogSegment]],
    files: SegmentFiles,
) -> set[tuple[int, int]]:
    """Mark rows that equal their key's winner in the log as duplicates; of keys to delete, those that it has not.

    Returns the (bucket, month) in which any key of the batch is already in the log.
    """
    met: set[tuple[int, int]] = set()
    for bucket, groups in overlapping.items():
        starts: dict[str, int | None] = {}
        for _, asset, first, _ in groups:
            starts[asset] = min(first, starts.get(asset, first) or 0)
        until = max(last for _, _, _, last in groups)
        parts = [s for s in segments.get(bucket, ()) if s.first_ts <= until]
        known = read_assets(files, parts, starts)
        for group, asset, _, _ in groups:
            if asset in known and _mark_group(arranged, group, known[asset]):
                met.add((bucket, int(arranged.month[group])))
    return met


def _mark_group(arranged: Arranged, group: int, known: AssetSeries) -> bool:
    """Mark one group's rows against the log's series of its sensor; whether any key met one."""
    series = known.events.get(arranged.sensors[arranged.sensor[group]])
    if series is None:
        return False
    rows = slice(arranged.edges[group], arranged.edges[group + 1])
    t, x = series
    at = np.minimum(np.searchsorted(t, arranged.ts[rows]), len(t) - 1)
    there = t[at] == arranged.ts[rows]
    # Only the first row of a key meets the log's winner; the rows after it met the row before them.
    first = there & ~arranged.repeats[rows]
    arranged.known[rows] = there
    if np.isnan(arranged.value[rows.start]):
        arranged.duplicate[rows] = ~first
    else:
        arranged.duplicate[rows] |= first & (x[at] == arranged.value[rows])
    return bool(there.any())
