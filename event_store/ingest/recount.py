"""What a change of the log means for the catalog: arrivals, and figures of assets that have lost events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from event_store.log import LogSegment, read_assets
from event_store.segment_files import SegmentFiles
from event_store.segments import TS
from twins import AssetSeries

_ARRIVALS = """
insert into store.arrivals
with days as (select asset_id::varchar as asset_id, day, sum(changed)::bigint as changed, min(first_ts) as first_ts,
                     max(last_ts) as last_ts from _days group by all),
     runs as (select *, day - row_number() over (partition by asset_id order by day) as run from days)
select asset_id, $seq, sum(changed)::bigint, min(first_ts), max(last_ts) from runs group by asset_id, run
"""


def add_arrivals(con: duckdb.DuckDBPyConnection, seq: int, days: pa.Table) -> None:
    """Record which days of which assets a batch has changed: one row for each run of days that follow each other."""
    con.register("_days", days)
    con.execute(_ARRIVALS, {"seq": seq})
    con.unregister("_days")


@dataclass(frozen=True, slots=True)
class Recounted:
    """The figures of some assets and their sensors, counted anew; an asset without events has none."""

    assets: pa.Table
    sensors: pa.Table

    def store(self, con: duckdb.DuckDBPyConnection) -> None:
        """Replace the catalog's figures of these assets. Sensors without events stay known."""
        con.register("_assets", self.assets)
        con.register("_sensors", self.sensors)
        for statement in _REPLACE:
            con.execute(statement)
        con.unregister("_assets")
        con.unregister("_sensors")


_REPLACE = (
    """update store.assets a set first_ts = n.first_ts, last_ts = n.last_ts, events = n.events
       from _assets n where n.asset_id = a.asset_id""",
    """update store.sensors s set events = 0, first_ts = null, last_ts = null, min_value = null, max_value = null
       from _assets n where n.asset_id = s.asset_id""",
    """update store.sensors s set events = n.events, first_ts = n.first_ts, last_ts = n.last_ts,
              min_value = n.min_value, max_value = n.max_value
       from _sensors n where n.asset_id = s.asset_id and n.sensor = s.sensor""",
)


def recount(
    files: SegmentFiles, log: Mapping[int, Sequence[LogSegment]], assets: Mapping[int, Sequence[str]]
) -> Recounted:
    """Count the events of these assets, bucket by bucket, in the log as it is given."""
    rows, sensors = [], []
    for bucket, names in assets.items():
        found = read_assets(files, log.get(bucket, ()), dict.fromkeys(names))
        for name in names:
            series = found.get(name)
            per_sensor = [] if series is None else list(_figures(name, series))
            sensors += per_sensor
            firsts, lasts = [row["first_ts"] for row in per_sensor], [row["last_ts"] for row in per_sensor]
            extent = {"first_ts": min(firsts, default=None), "last_ts": max(lasts, default=None)}
            rows.append({"asset_id": name, "events": sum(row["events"] for row in per_sensor), **extent})
    return Recounted(pa.Table.from_pylist(rows, _ASSETS), pa.Table.from_pylist(sensors, _SENSORS))


_ASSETS = pa.schema([("asset_id", pa.string()), ("events", pa.int64()), ("first_ts", TS), ("last_ts", TS)])
_SENSORS = pa.schema(
    [
        *_ASSETS,
        pa.field("sensor", pa.string()),
        pa.field("min_value", pa.float64()),
        pa.field("max_value", pa.float64()),
    ]
)


def _figures(asset: str, series: AssetSeries) -> Iterator[dict[str, Any]]:
    for sensor, (t, x) in series.events.items():
        yield {
            "asset_id": asset,
            "sensor": sensor,
            "events": len(t),
            "first_ts": int(t[0]),
            "last_ts": int(t[-1]),
            "min_value": float(x.min()),
            "max_value": float(x.max()),
        }
