"""Arranging a parsed file as the log stores it: by bucket, month, asset, sensor, stamp and row."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from event_store.ingest.parse import Parsed
from event_store.paths import bucket_of
from event_store.segments import TS

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Arranged:
    """Sorted event columns (n,), and the groups (g,) of rows of one bucket, month, asset and sensor.

    `edges` (g + 1,) are the groups' row offsets. A row is a `duplicate` if it equals the row before it in key and
    value, or what the log says already; of rows with one key the last one wins. `known` rows have a key that the log
    has already.
    """

    assets: list[str]
    sensors: list[str]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    row: NDArray[np.int64]
    duplicate: NDArray[np.bool_]
    repeats: NDArray[np.bool_]
    known: NDArray[np.bool_]
    edges: NDArray[np.int64]
    bucket: NDArray[np.int64]
    month: NDArray[np.int64]
    asset: NDArray[np.int64]
    sensor: NDArray[np.int64]

    def groups_table(self) -> pa.Table:
        """One row per group: names, row counts, extents; for the catalog."""
        starts = self.edges[:-1]
        return pa.table(
            {
                "group": np.arange(len(starts)),
                "asset_id": pa.DictionaryArray.from_arrays(self.asset.astype(np.int32), self.assets),
                "sensor": pa.DictionaryArray.from_arrays(self.sensor.astype(np.int32), self.sensors),
                "bucket": self.bucket.astype(np.int32),
                "fresh": np.add.reduceat(~(self.repeats | self.known), starts, dtype=np.int64),
                "first_ts": pa.array(self.ts[starts], TS),
                "last_ts": pa.array(self.ts[self.edges[1:] - 1], TS),
                "min_value": np.minimum.reduceat(self.value, starts),
                "max_value": np.maximum.reduceat(self.value, starts),
            }
        )

    def changed_days(self) -> pa.Table:
        """How the log changes, per group and UTC day: asset_id, day, changed rows, first_ts, last_ts of them."""
        changed = np.flatnonzero(~self.duplicate)
        group = np.repeat(np.arange(len(self.asset)), np.diff(self.edges))[changed]
        ts = self.ts[changed]
        day = ts // DAY_US
        begins = np.append(True, (group[1:] != group[:-1]) | (day[1:] != day[:-1]))[: len(ts)]
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(ts))[: len(first)] - 1
        assets = pa.DictionaryArray.from_arrays(self.asset[group[first]].astype(np.int32), self.assets)
        return changed_days(assets, day[first], last - first + 1, ts[first], ts[last])

    def repeated_days(self) -> pa.Table:
        """Rows that repeat a key of the batch, or what the log says already, per sensor and UTC day."""
        again = np.flatnonzero(self.repeats | self.duplicate)
        group = np.repeat(np.arange(len(self.asset)), np.diff(self.edges))[again]
        days = np.stack((self.asset[group], self.sensor[group], self.ts[again] // DAY_US))
        (asset, sensor, day), counts = np.unique(days, axis=1, return_counts=True)
        return pa.table(
            {
                "asset_id": pa.DictionaryArray.from_arrays(asset.astype(np.int32), self.assets),
                "sensor": pa.DictionaryArray.from_arrays(sensor.astype(np.int32), self.sensors),
                "day": pa.array(day.astype(np.int32), pa.int32()).cast(pa.date32()),
                "duplicates": counts.astype(np.int64),
            }
        )

    def segments(self) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
        """(bucket, month, indices of its groups) of every segment to write."""
        place = self.bucket * (1 << 32) + self.month
        cuts = np.flatnonzero(place[1:] != place[:-1]) + 1
        for groups in np.split(np.arange(len(place)), cuts):
            yield int(self.bucket[groups[0]]), int(self.month[groups[0]]), groups


def changed_days(
    assets: pa.Array,
    day: NDArray[np.int64],
    changed: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> pa.Table:
    """Changed rows of assets on UTC days (days since 1970; stamps µs UTC), as the catalog takes them."""
    columns = {"day": day, "changed": changed, "first_ts": pa.array(first, TS), "last_ts": pa.array(last, TS)}
    return pa.table({"asset_id": assets, **columns})


def arrange(parsed: Parsed) -> Arranged:
    """Sort a parsed file. Stable: rows with one key keep the file's order."""
    assets, asset = _by_name(parsed.assets, parsed.asset)
    sensors, sensor = _by_name(parsed.sensors, parsed.sensor)
    buckets = np.array([bucket_of(name) for name in assets], dtype=np.int64)
    month = parsed.ts.view("M8[us]").astype("M8[M]").astype(np.int64)
    base = int(month.min())
    shape = (int(buckets.max()) + 1, int(month.max()) - base + 1, len(assets), len(sensors))
    key = np.ravel_multi_index((buckets[asset], month - base, asset, sensor), shape)
    ts, value, row = parsed.ts, parsed.value, parsed.row
    same_key = key[1:] == key[:-1]
    if not _sorted(key, ts):
        order = _order(key, ts)
        key, ts, value, row = key[order], ts[order], value[order], row[order]
        same_key = key[1:] == key[:-1]
    repeats = np.append(False, same_key & (ts[1:] == ts[:-1]))
    same = value[1:] == value[:-1]
    if np.isnan(value[0]):  # keys to delete: all of them are NaN
        same = np.ones_like(same)
    duplicate = repeats & np.append(False, same)
    starts = np.append(0, np.flatnonzero(~same_key) + 1)
    bucket, months, a, s = (part.astype(np.int64) for part in np.unravel_index(key[starts], shape))
    edges = np.append(starts, len(key))
    return Arranged(
        assets,
        sensors,
        ts,
        value,
        row,
        duplicate,
        repeats,
        np.zeros_like(repeats),
        edges,
        bucket,
        months + base,
        a,
        s,
    )


def _sorted(key: NDArray[np.int64], ts: NDArray[np.int64]) -> bool:
    return bool(((key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (ts[1:] >= ts[:-1]))).all())


def _order(key: NDArray[np.int64], ts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The stable order by key, then stamp. Most files give each series in order of time: then keys alone are sorted,
    which takes a third as long."""
    order = np.argsort(key, kind="stable")
    return order if _sorted(key[order], ts[order]) else np.lexsort((ts, key))


def _by_name(names: list[str], codes: NDArray[np.int32]) -> tuple[list[str], NDArray[np.int64]]:
    """Names in order, and the codes that go with that order."""
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    return [names[i] for i in order], rank[codes]
