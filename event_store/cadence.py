"""How often sensors speak: measured on one asset per sensor, the one with the most events."""

from collections import defaultdict

import numpy as np

from event_store.catalog import one
from event_store.facts import read_log_segments
from event_store.log import read_assets
from event_store.paths import bucket_of
from event_store.store import Store, last_seq

GAP_INTERVALS = 5


def measure_cadence(store: Store) -> dict[str, tuple[float, int]]:
    """Sensor to its median interval in seconds (0: a single sample), and the intervals over five times that."""
    with store.catalog.session("sensors") as con:
        if not one(con, "select count(*) from store.sensors where events > 0"):
            return {}
        query = "select sensor, arg_max(asset_id, events) from store.sensors where events > 0 group by sensor"
        speaker: dict[str, str] = dict(con.execute(query).fetchall())
        buckets: dict[int, set[str]] = defaultdict(set)
        for asset in speaker.values():
            buckets[bucket_of(asset)].add(asset)
        segments = read_log_segments(con, last_seq(con), buckets)
    found: dict[str, tuple[float, int]] = {}
    for bucket, assets in buckets.items():
        log = read_assets(store.files, segments[bucket], dict.fromkeys(assets))
        for sensor, asset in speaker.items():
            if asset in assets:
                found[sensor] = _cadence(np.diff(log[asset].events[sensor][0]) / 1e6)
    return found


def _cadence(intervals_s: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[float, int]:
    if len(intervals_s) == 0:
        return 0.0, 0
    median = float(np.median(intervals_s))
    return median, int(np.count_nonzero(intervals_s > GAP_INTERVALS * median))
