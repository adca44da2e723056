"""Laying out arranged events as an event segment: one row group per asset, and the index of what lies where."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from event_store.ingest.arrange import Arranged
from event_store.log import LogSegment
from event_store.segments import EVENT_SCHEMA, Segment


def log_segment(segment: Segment) -> LogSegment:
    """A segment just written, as the log reads it."""
    return LogSegment(segment.path, segment.first_ts, segment.last_ts, segment.seq, segment.tombstones)


def row_groups(events: Arranged, groups: np.ndarray, seq: int) -> tuple[list[pa.Table], object]:
    """One table per asset, and the index: which sensors, with how many rows, lie in which row group."""
    used = sorted({int(code) for code in events.sensor[groups]})
    rank = {code: at for at, code in enumerate(used)}
    tables, assets = [], []
    cuts = np.flatnonzero(np.diff(events.asset[groups])) + 1
    for part in np.split(groups, cuts):
        name = events.assets[events.asset[part[0]]]
        counts = events.edges[part + 1] - events.edges[part]
        tables.append(_asset_table(events, part, counts, name, seq))
        assets.append([name, [[rank[int(events.sensor[g])], int(n)] for g, n in zip(part, counts, strict=True)]])
    return tables, {"sensors": [events.sensors[code] for code in used], "assets": assets}


def _asset_table(events: Arranged, part: np.ndarray, counts: np.ndarray, name: str, seq: int) -> pa.Table:
    rows = slice(events.edges[part[0]], events.edges[part[-1] + 1])
    sensors = [events.sensors[code] for code in events.sensor[part]]
    numbers = np.full(int(counts.sum()), seq, np.int64)
    return asset_table(name, sensors, counts, (events.ts[rows], events.value[rows], numbers, events.row[rows]))


def asset_table(name: str, sensors: Sequence[str], counts: np.ndarray, columns: Sequence[np.ndarray]) -> pa.Table:
    """One asset's rows as a row group: of each sensor so many, then the columns ts (µs UTC), value, seq and row."""
    ts, value, seq, row = columns
    size = len(ts)
    arrays = [
        pa.DictionaryArray.from_arrays(np.zeros(size, np.int32), [name]),
        pa.DictionaryArray.from_arrays(np.repeat(np.arange(len(counts), dtype=np.int32), counts), list(sensors)),
        pa.array(ts).view(EVENT_SCHEMA.field("ts").type),
        *(pa.array(column) for column in (value, seq, row)),
    ]
    return pa.table(arrays, schema=EVENT_SCHEMA)
