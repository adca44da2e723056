"""Fetching: the platform's history becomes part of the log, once, whole, and whatever fails on the way."""

import json

import numpy as np
import pandas as pd
import pytest
from gateway_double import MemoryGateway

from actors import Fleet
from altergo_interface import SelectionError
from altergo_interface.file_gateway import FileGateway
from altergo_interface.gateway import GatewayUnavailable

DAY = 86_400_000_000
T0 = int(pd.Timestamp("2026-01-30T00:00Z").value // 1000)


def stamps(n, step_s=300, start=T0):
    return start + np.arange(n) * step_s * 1_000_000


@pytest.fixture
def platform():
    """Two assets, one of two sensors: 5 pages of 4 samples for EV-1."""
    double = MemoryGateway()
    double.put("EV-1", "current", stamps(8), np.arange(8.0))
    double.put("EV-1", "pack_voltage", stamps(12), 350 + np.arange(12.0))
    double.put("EV-2", "current", stamps(4), np.arange(4.0))
    double.given["EV-1"] = {"capacity": 50, "site": "Ulm"}
    return double


@pytest.fixture
def log(fleet):
    """`log()`: the winning events as asset -> sensor -> {stamp µs: value}."""

    def read():
        fleet.publish()
        found = {}
        for asset, sensor, ts, value in fleet.sql(
            "select asset_id, sensor, epoch_us(ts), value from events"
        ).fetchall():
            found.setdefault(asset, {}).setdefault(sensor, {})[ts] = value
        return found

    return read


def held(platform):
    return {
        asset: {name: dict(zip(t.tolist(), x.tolist(), strict=True)) for name, (t, x) in sensors.items()}
        for asset, sensors in platform.samples.items()
    }


def rows_of(fleet, table):
    with fleet.store().catalog.session("test") as con:
        return con.execute(f"select count(*) from store.{table}").fetchall()[0][0]


def test_a_fetch_is_a_batch_of_the_log(fleet, platform, log):
    report = fleet.fetch(platform)
    assert (report.appended, report.duplicates, report.quarantined, report.failed) == (24, 0, 0, [])
    assert log() == held(platform)
    (batch,) = [row for row in fleet.batches() if row["kind"] == "events"]
    assert (batch["file"], batch["appended"]) == ("memory", 24)
    assert report.batches == [batch["batch"]]


def test_a_fetch_of_nothing_new_leaves_no_trace(fleet, platform, snapshot):
    fleet.fetch(platform)
    before = rows_of(fleet, "batches"), rows_of(fleet, "segments")
    for full in (False, True):
        again = fleet.fetch(platform, full=full)
        assert (again.appended, again.duplicates, again.batches, again.parameters) == (0, 24, [], 0)
    assert (rows_of(fleet, "batches"), rows_of(fleet, "segments")) == before
    assert rows_of(fleet, "duplicates") == 0  # repeats of a fetch are no bad data


def test_the_next_fetch_begins_before_the_newest_stamp_of_each_sensor(fleet, platform, log):
    fleet.fetch(platform)
    platform.put("EV-1", "current", [T0 - DAY // 2, T0 + DAY], [7.0, 8.0])  # one that is late, one that is new
    platform.put("EV-1", "soc", stamps(3), [1.0, 2.0, 3.0])  # one whose history is older than all that is known
    platform.asked.clear()
    report = fleet.fetch(platform, "asset:EV-1", overlap_s=86_400)
    newest = {"current": T0 + 7 * 300_000_000, "pack_voltage": T0 + 11 * 300_000_000}
    assert platform.asked == [("EV-1", {name: t - DAY for name, t in newest.items()})]
    assert report.appended == 5
    assert log() == held(platform)


def test_what_is_later_than_the_overlap_needs_a_full_fetch(fleet, platform, log):
    fleet.fetch(platform)
    platform.put("EV-2", "current", [T0 - 9 * DAY], [1.0])
    assert fleet.fetch(platform).appended == 0
    assert fleet.fetch(platform, full=True).appended == 1
    assert log() == held(platform)


def test_a_corrected_value_replaces_and_of_equal_stamps_the_last_counts(fleet, platform, log):
    fleet.fetch(platform)
    platform.samples["EV-2"]["current"][1][2] = 99.0
    assert fleet.fetch(platform).appended == 1
    platform.put("EV-2", "current", [T0, T0], [50.0, 51.0])
    assert fleet.fetch(platform).appended == 1
    assert log()["EV-2"]["current"][T0] == 51.0
    assert fleet.fetch(platform).appended == 0  # although 50 is not what the log says


@pytest.mark.parametrize("page", range(1, 7))
def test_a_page_that_fails_for_good_loses_nothing(fleet, platform, log, page):
    platform.fail_at = page
    report = fleet.fetch(platform)
    guilty = "EV-2" if page == 6 else "EV-1"
    assert report.failed == [(guilty, "page refused")]
    assert report.appended == 24 - 4 * (6 - page if guilty == "EV-1" else 1)
    got = log()
    assert all(got[a][s][t] == x for a in got for s in got[a] for t, x in got[a][s].items())
    platform.fail_at = None
    assert fleet.fetch(platform, overlap_s=0).failed == []
    assert log() == held(platform)


def test_one_failing_asset_stops_no_other(fleet, platform, log):
    platform.error, platform.fail_at = GatewayUnavailable("too slow"), 1
    report = fleet.fetch(platform)
    assert report.failed == [("EV-1", "too slow")]
    assert set(log()) == {"EV-1", "EV-2"} - {"EV-1"}


def test_parameters_are_facts_that_are_written_when_they_change(fleet, platform):
    assert fleet.fetch(platform).parameters == 2
    assert fleet.fetch(platform).parameters == 0
    platform.given["EV-1"]["capacity"] = 48.5
    assert fleet.fetch(platform).parameters == 1
    (asset,) = [row for row in fleet.assets() if row["asset_id"] == "EV-1"]
    assert asset["parameters"] == {"capacity": 48.5, "site": "Ulm"}


def test_a_parameter_that_makes_no_sense_is_refused_alone(fleet, platform):
    platform.given["EV-1"] |= {"capacity": -1, "cells_in_series": 96, "ocv_table": "/etc/passwd", "odd": {1, 2}}
    platform.given["EV-1"] |= {"nothing": None, "unknown": float("nan")}
    report = fleet.fetch(platform)
    told = sorted(error.removeprefix("parameters: ").split()[0].rstrip(":") for _, error in report.refused)
    assert told == ["capacity", "ocv_table", "odd"]
    (asset,) = [row for row in fleet.assets() if row["asset_id"] == "EV-1"]
    assert asset["parameters"] == {"cells_in_series": 96, "site": "Ulm"}


def test_bad_samples_are_quarantined_once(fleet, platform, log):
    platform.put("EV-1", "soc", [T0, T0 + 1, 4_000_000_000_000_000], [np.nan, np.inf, 50.0])
    report = fleet.fetch(platform)
    assert (report.appended, report.quarantined) == (24, 3)
    assert fleet.fetch(platform).quarantined == 0
    assert rows_of(fleet, "quarantine") == 3
    platform.put("EV-1", "soc", [T0 + 2], [np.nan])
    assert fleet.fetch(platform).quarantined == 1  # a fetch of nothing but a bad sample
    assert rows_of(fleet, "quarantine") == 4
    assert "soc" not in log()["EV-1"]


def test_assets_come_in_batches(fleet, platform, store, log):
    from actors.fetching import Fetch

    report = Fetch(store, platform, batch_events=1).run(["EV-1", "EV-2"])
    assert len(report.batches) == 2
    assert log() == held(platform)


def test_a_retracted_fetch_comes_again(fleet, platform, log):
    (batch,) = fleet.fetch(platform).batches
    fleet.retract(batch)
    assert log() == {}
    assert fleet.fetch(platform).appended == 24
    assert log() == held(platform)


def test_assets_are_selected_and_unknown_ones_named(fleet, platform, store):
    for select, said in (("asset:EV-9", "no asset matches"), ("model:eq_cycles", "only assets")):
        with pytest.raises(SelectionError, match=said):
            fleet.fetch(platform, select)
    assert not store.exists()
    assert fleet.fetch(platform, "EV-2").assets == 1


def test_a_failed_fetch_makes_no_store(fleet, platform, store):
    platform.fail_at = 1
    assert fleet.fetch(platform, "EV-2").failed
    assert not store.exists()


def test_the_digest_is_that_of_an_ingest(fleet, ran, workdir, events, settings, assets_csv):
    """Fetched a part at a time, with a run after each, the twins are what they are from one file."""
    root = workdir / "platform"
    other = Fleet(workdir / "other", settings)
    for asset in events.asset_id.unique():
        (root / asset / "sensors").mkdir(parents=True)
    for row in pd.read_csv(assets_csv).to_dict("records"):
        (root / row.pop("asset_id") / "parameters.json").write_text(json.dumps(row))
    for until in ("2026-01-31T06:00Z", "2026-02-10T00:00Z"):
        for (asset, sensor), rows in events[events.ts < until].groupby(["asset_id", "sensor"]):
            rows[["ts", "value"]].to_parquet(root / asset / "sensors" / f"{sensor}.parquet")
        assert other.fetch(FileGateway(root)).failed == []
        assert not other.run(local=True).parked
    assert other.digest() == ran.digest()
