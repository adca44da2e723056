"""Many runs: two hundred days, each ingested and run on its own, leave few files, and the digest of one run."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from histories import DAY_US, TS, write_assets

from actors import Fleet
from actors.settings_file import packaged_settings
from event_store.compact import COMPACT_ABOVE
from event_store.garbage import KEEP

RUNS = 200
MONTHS = 8  # January to August
KINDS = 3  # events, outputs, records
START = 1_736_899_200_000_000  # 2025-01-15
SENSORS = {"current": (-80, 120), "pack_voltage": (300, 400), "cell_voltage_min": (2.4, 4.1)}


def day(number: int) -> pa.Table:
    """A few events of each sensor, some of them of the day before: late."""
    rng = np.random.default_rng(number)
    parts = []
    for sensor, (low, high) in SENSORS.items():
        t = START + number * DAY_US + np.sort(rng.choice(86_400, 10, replace=False)) * 1_000_000
        if number % 20 == 19:
            t[0] -= DAY_US
        columns = {"asset_id": ["A"] * len(t), "sensor": [sensor] * len(t), "ts": pa.array(t).view(TS)}
        parts.append(pa.table(columns | {"value": np.round(rng.uniform(low, high, len(t)), 2)}))
    return pa.concat_tables(parts)


def fleet_of(root: Path, days: list[pa.Table]) -> Fleet:
    """A store into which each of these is ingested and run."""
    root.mkdir()
    fleet = Fleet(root / "store", packaged_settings())
    fleet.import_assets(write_assets(root / "assets.csv", ["A"]))
    for table in days:
        pq.write_table(table, root / "day.parquet")
        fleet.ingest(root / "day.parquet")
        assert fleet.run(local=True).parked == []
    return fleet


def rows(fleet: Fleet, query: str) -> list[tuple[Any, ...]]:
    with fleet.store().catalog.session("test") as con:
        found: list[tuple[Any, ...]] = con.execute(query).fetchall()
    return found


def test_two_hundred_runs_leave_few_files_and_the_digest_of_one(tmp_path: Path) -> None:
    days = [day(number) for number in range(RUNS)]
    fleet = fleet_of(tmp_path / "many", days)
    digest = fleet.digest()
    assert digest == fleet_of(tmp_path / "one", [pa.concat_tables(days)]).digest()
    assert fleet.verify().findings == []

    listed = {path for (path,) in rows(fleet, "select path from store.segments")}
    garbage = {path for (path,) in rows(fleet, "select path from store.garbage")}
    places = rows(fleet, "select kind, count(*) from store.segments group by kind, bucket, month")
    assert max(count for _, count in places) <= COMPACT_ABOVE
    assert len([kind for kind, _ in places if not kind.startswith("open_")]) <= MONTHS * KINDS
    assert len([kind for kind, _ in places if kind.startswith("open_")]) <= 2  # the open slot's outputs and records
    assert len(garbage) <= KEEP + 2 * (KINDS * (COMPACT_ABOVE + 1) + 2)  # and that of the last two runs
    on_disk = {str(path.relative_to(fleet.root)) for path in fleet.root.rglob("*.parquet")}
    assert on_disk == listed | garbage

    for full, hashes in rows(fleet, "select count(carry), count(*) from store.snapshots group by asset_id, model"):
        assert full <= 2 + 7 + 8 + MONTHS
        assert hashes <= full + 35
    assert rows(fleet, "select count(*) <= 2 * 10 from store.masks") == [(True,)]  # one a late day
    assert fleet.sql("select count(*) from events").fetchall() == [(RUNS * 30,)]
    fleet.gc(grace_s=0)
    assert {str(path.relative_to(fleet.root)) for path in fleet.root.rglob("*.parquet")} == listed
    assert fleet.digest() == digest
