"""The real fleet: four cars with real faults, through the real storage, on Ray and in-process."""

from pathlib import Path

import duckdb
import pytest

from actors import Fleet

SETTINGS = """{"parameters": {
  "sensors": {
    "current": {"unit": "A", "current_sign": "discharge_positive"},
    "pack_voltage": {"unit": "V", "valid_range": [100, 500]},
    "cell_voltage_*": {"unit": "V", "valid_range": [1.5, 4.9]},
    "temp_*": {"unit": "°C", "valid_range": [-40, 90]},
    "soc": {"unit": "%", "valid_range": [0, 100]}},
  "models": {"eq_cycles": {"inputs": {"voltage": {"default": "pack_voltage"}}}}}}"""

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def fleet(reference_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """All four cars, ingested and run in-process."""
    root = tmp_path_factory.mktemp("reference")
    (root / "settings.json").write_text(SETTINGS)
    found = Fleet(root / "store", root / "settings.json")
    for name in ("fleet_baticm_pack", "fleet_baticm_cells"):
        report = found.ingest(reference_data / f"{name}.parquet")
        assert report.quarantined == 0
    found.import_assets(reference_data / "baticm_assets.csv")
    report = found.run(local=True)
    assert (report.pairs, report.parked) == (4 * len(found.registry()), [])
    return found


def test_every_event_is_there_once(fleet: Fleet, reference_data: Path) -> None:
    files = [f"from '{reference_data}/{name}.parquet'" for name in ("fleet_baticm_pack", "fleet_baticm_cells")]
    delivered = f"({' union all '.join(files)})"
    with duckdb.connect() as con:
        rows = con.execute(f"select count(*) from {delivered}").fetchall()
        keys = con.execute(f"select count(*) from (select distinct asset_id, sensor, ts from {delivered})").fetchall()
    assert fleet.sql("select count(*) from events").fetchall() == keys
    assert fleet.sql("select sum(appended + duplicates) from batches where kind = 'events'").fetchall() == rows


@pytest.mark.ray
def test_ray_and_local_agree(fleet: Fleet) -> None:
    local = fleet.digest()
    report = fleet.run(compute_type="full", workers=2)
    assert (report.pairs, report.parked) == (4 * len(fleet.registry()), [])
    assert fleet.digest() == local


def test_the_sentinels_are_counted_and_no_sample(fleet: Fleet) -> None:
    """5.000 V, 1.284 V and 125 °C in car 4, impossible values in the exported cells of the others."""
    counted = dict(
        fleet.sql(
            """select asset_id || ' ' || sensor, sum(out_of_range)::int from quality
               where sensor in ('cell_voltage_max', 'cell_voltage_min', 'temp_max') group by all"""
        ).fetchall()
    )
    assert counted["baticm_car4 cell_voltage_max"] == 3
    assert counted["baticm_car4 cell_voltage_min"] == 2
    assert counted["baticm_car4 temp_max"] > 0
    assert counted["baticm_car1 cell_voltage_max"] == 0
    repeated = fleet.sql("select asset_id, sum(duplicates)::int from quality where sensor = 'current' group by all")
    cars = ("baticm_car1", "baticm_car2", "baticm_car3", "baticm_car4")
    assert dict(repeated.fetchall()) == dict(zip(cars, (6, 1, 34, 0), strict=True))
    cells = fleet.sql(
        "select sum(out_of_range) from quality where sensor similar to 'cell_voltage_[0-9]+'"
    ).fetchall()
    assert cells[0][0] > 100
    extremes = fleet.sql("select min(value), max(value) from outputs where output in ('min_voltage', 'max_voltage')")
    low, high = extremes.fetchall()[0]
    assert low >= 1.5
    assert high <= 4.9


def test_only_the_real_fault_raises_alerts(fleet: Fleet) -> None:
    """Car 4 raised its own warning level 3 from 2019-07-09 22:14:40 on; no other car ever left its limits."""
    alerts = fleet.sql(
        "select asset_id, cell, started_at::varchar, severity, round(value, 3) from records where kind = 'alert'"
        " order by started_at, cell"
    ).fetchall()
    assert [row[0] for row in alerts] == ["baticm_car4", "baticm_car4"]
    assert [row[1] for row in alerts] == ["high", "low"]
    assert {row[2] for row in alerts} == {"2019-07-09 22:14:40+00"}
    assert [row[4] for row in alerts] == [4.363, 1.964]


def test_counters_are_those_of_the_valid_samples(fleet: Fleet) -> None:
    """Charge throughput of car 1 against SQL over the same events: sample and hold, gaps over 5 s left out."""
    expected = fleet.sql(
        """with i as (select ts, value, lead(ts) over (order by ts) as next from events
                      where asset_id = 'baticm_car1' and sensor = 'current')
           select sum(abs(value) * epoch(next - ts)) / 3600 from i where epoch(next - ts) <= 5"""
    ).fetchall()[0][0]
    found = fleet.sql(
        """select sum(value) from latest_outputs where asset_id = 'baticm_car1'
           and output in ('charge_throughput_ah', 'discharge_throughput_ah')"""
    ).fetchall()[0][0]
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.ray
def test_the_exported_cells_tell_the_same_story(fleet: Fleet, tmp_path: Path) -> None:
    """The monitor fed by 87 to 96 single cells instead of the BMS's extremes: alerts in car 4 alone, cells named."""
    settings = tmp_path / "cells.json"
    none = '"v_cell_min": "no such sensor", "v_cell_max": "no such sensor", "cell_voltages": "cell_voltage_#"'
    mapping = f'"voltage_monitor": {{"inputs": {{{none}}}}}, "eq_cycles"'
    settings.write_text(SETTINGS.replace('"eq_cycles"', mapping))
    cells = Fleet(fleet.root, settings)
    report = cells.run("model:voltage_monitor", local=True)
    assert (report.pairs, report.parked) == (4, [])
    local = cells.digest()
    alerts = cells.sql("select asset_id, detail ->> 'cell' from records where kind = 'alert'").fetchall()
    assert {asset for asset, _ in alerts} == {"baticm_car4"}
    assert all(cell.startswith("cell_voltage_0") for _, cell in alerts)
    cells.run("model:voltage_monitor", compute_type="full", workers=2)
    assert cells.digest() == local
