"""Restating: how far back a change reaches, where a replay ends early, what a budget or a manual range leaves."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toys import write_toys

from actors import Fleet

DAYS = 400
STEP_H = 6
START = pd.Timestamp("2025-01-01T00:00Z")
DAY = pd.Timedelta(days=1)
PER_DAY = 24 // STEP_H
MODELS = ("held", "latest", "windowed", "seeded", "ranked", "below")


def year(days: int = DAYS) -> pd.DataFrame:
    """A current every six hours; above 100 A (an open record of `latest`) for six weeks of summer."""
    n = days * PER_DAY
    x = np.round(40 * np.sin(np.arange(n) * 1.3), 2)
    x[180 * PER_DAY : 222 * PER_DAY] += 150
    ts = START + pd.to_timedelta(np.arange(n) * STEP_H, unit="h")
    return pd.DataFrame({"asset_id": "A", "sensor": "current", "ts": ts, "value": x})


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toys(tmp_path_factory.mktemp("toys"), *MODELS)


def settings_for(path: Path, *models: str, **execution: object) -> Path:
    document = {"parameters": {"execution": {"enabled_models": list(models), **execution}}}
    path.write_text(json.dumps(document))
    return path


def fleet_of(root: Path, toys: Path, events: pd.DataFrame, *models: str, **execution: object) -> Fleet:
    root.mkdir(parents=True, exist_ok=True)
    fleet = Fleet(root / "store", settings_for(root / "settings.json", *models, **execution), [toys])
    if len(events):
        ingest(fleet, events)
    return fleet


def ingest(fleet: Fleet, events: pd.DataFrame) -> None:
    path = fleet.root.parent / f"{len(list(fleet.root.parent.iterdir()))}.parquet"
    events.to_parquet(path)
    fleet.ingest(path)


def late(days_ago: int, value: float = 7.0) -> pd.DataFrame:
    """One more event, this many days before the end of the year."""
    ts = [START + (DAYS - days_ago) * DAY + pd.Timedelta(hours=1)]
    return pd.DataFrame({"asset_id": "A", "sensor": "current", "ts": ts, "value": value})


def clean_digest(root: Path, toys: Path, events: pd.DataFrame, *models: str) -> str:
    fleet = fleet_of(root / "clean", toys, events.sort_values("ts", kind="stable"), *models)
    fleet.run(local=True)
    return fleet.digest()


@pytest.mark.parametrize("model", ["held", "latest", "windowed", "seeded"])
def test_an_event_ten_days_late_costs_a_rung_and_the_tail(model: str, toys: Path, tmp_path: Path) -> None:
    events = year()
    fleet = fleet_of(tmp_path, toys, events, model)
    assert fleet.run(local=True).events_replayed == len(events)
    ingest(fleet, late(10))
    (item,) = fleet.plan().items
    assert item.reasons == ("late_events",)
    assert item.start is not None
    report = fleet.run(local=True)
    # A week's rung at the most, ten days, and the day that is open.
    assert report.events_replayed <= 18 * PER_DAY + 1
    if model == "windowed":  # it has forgotten the event by the next day
        assert report.events_replayed <= 10 * PER_DAY + 1
    assert fleet.digest() == clean_digest(tmp_path, toys, pd.concat([events, late(10)]), model)
    assert fleet.plan().items == ()


def test_a_model_that_converges_stops_at_the_next_edge_that_has_a_hash(toys: Path, tmp_path: Path) -> None:
    """Daily runs keep a hash of every day for five weeks: the replay ends the day after the event."""
    events = year(60)
    fleet = fleet_of(tmp_path, toys, events.iloc[: 20 * PER_DAY], "latest", "held")
    fleet.run(local=True)
    for day in range(20, 60):
        ingest(fleet, events.iloc[day * PER_DAY : (day + 1) * PER_DAY])
        fleet.run(local=True)
    extra = late(DAYS - 40)
    ingest(fleet, extra)
    before = fleet.sql("select max(as_of) from snapshots where as_of <= '2025-02-10'").fetchall()[0][0]
    report = fleet.run("model:latest", local=True)
    reread = (START + 41 * DAY - before) / DAY * PER_DAY
    assert (
        report.events_replayed == reread + 1 + PER_DAY
    )  # from the rung to the day after the event, and the open day
    fleet.run(local=True)
    assert fleet.digest() == clean_digest(tmp_path, toys, pd.concat([events, extra]), "latest", "held")


def test_an_alert_that_is_open_for_six_weeks_opens_again_exactly(toys: Path, tmp_path: Path) -> None:
    events = year(230)
    fleet = fleet_of(tmp_path, toys, events.iloc[: 200 * PER_DAY], "latest")
    fleet.run(local=True)
    query = "select started_at, ended_at, value from records order by started_at"
    (started, ended, _), *_ = opened = fleet.sql(query).fetchall()
    assert (len(opened), ended) == (1, None)
    for back in (190, 181, 199):  # each time a rewind into the alert, which stays the same one
        ts = [START + back * DAY + pd.Timedelta(hours=2)]
        ingest(fleet, pd.DataFrame({"asset_id": "A", "sensor": "current", "ts": ts, "value": 150.0}))
        fleet.run(local=True)
        assert fleet.sql(query).fetchall() == opened
    ts = [START + 190 * DAY + pd.Timedelta(hours=3)]
    drop = pd.DataFrame({"asset_id": "A", "sensor": "current", "ts": ts, "value": 1.0})
    ingest(fleet, drop)
    fleet.run(local=True)
    spells = fleet.sql(query).fetchall()
    assert [spell[1] is None for spell in spells] == [False, True]
    assert spells[0][0] == started
    ingest(fleet, events.iloc[200 * PER_DAY :])
    fleet.run(local=True)
    assert [spell[1] is None for spell in fleet.sql(query).fetchall()] == [False, False]


def test_a_parameter_change_begins_at_its_day(toys: Path, tmp_path: Path) -> None:
    events = year(60).assign(asset_id="A")
    settings = {"parameters": {"execution": {"enabled_models": ["eq_cycles"]}, "sensors": {"current": {"unit": "A"}}}}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    fleet = Fleet(tmp_path / "store", tmp_path / "settings.json")
    (tmp_path / "a.csv").write_text("asset_id,capacity\nA,50\n")
    fleet.import_assets(tmp_path / "a.csv")
    ingest(fleet, events)
    fleet.run(local=True)
    (tmp_path / "b.csv").write_text("asset_id,capacity,valid_from\nA,40,2025-02-20T13:00Z\n")
    fleet.import_assets(tmp_path / "b.csv")
    (item,) = fleet.plan().items
    assert item.reasons == ("parameters_changed",)
    report = fleet.run(local=True)
    assert report.events_replayed <= (60 - 50 + 7) * PER_DAY
    digest = fleet.digest()
    fleet.run(compute_type="full", local=True)
    assert fleet.digest() == digest


@pytest.mark.parametrize("days", [3, 0.5, 17])
def test_a_budget_is_spent_run_by_run(days: float, toys: Path, tmp_path: Path) -> None:
    events = year(40)
    parts = [model for model in MODELS if model != "ranked"]  # the model of the whole log has no parts
    fleet = fleet_of(tmp_path, toys, events, *parts, max_days_period_compute=days)
    remaining = []
    for _ in range(90):
        report = fleet.run(local=True)
        assert report.events_replayed <= (max(days, 1) + 1) * PER_DAY
        remaining.append(report.remaining)
        if not report.remaining:
            break
    assert remaining[0] == len(parts)
    assert len(remaining) >= 40 / max(days, 1) - 1
    assert fleet.plan().items == ()
    assert fleet.digest() == clean_digest(tmp_path, toys, events, *parts)


def test_a_budget_and_late_events_come_to_the_same(toys: Path, tmp_path: Path) -> None:
    events, extra = year(40), late(DAYS - 5)
    fleet = fleet_of(tmp_path, toys, events.iloc[: 30 * PER_DAY], *MODELS, max_days_period_compute=4)
    for _ in range(5):
        fleet.run(local=True)
    ingest(fleet, extra)
    fleet.run(local=True)
    ingest(fleet, events.iloc[30 * PER_DAY :])
    while fleet.run(local=True).remaining:
        pass
    assert fleet.digest() == clean_digest(tmp_path, toys, pd.concat([events, extra]), *MODELS)


def test_a_manual_range_changes_nothing_where_nothing_has_changed(toys: Path, tmp_path: Path) -> None:
    events = year(60)
    fleet = fleet_of(tmp_path, toys, events, *MODELS)
    fleet.run(local=True)
    digest = fleet.digest()
    report = fleet.run("model:latest", "manual", since="2025-02-10", until="2025-02-12", local=True)
    assert report.events_replayed < 20 * PER_DAY
    fleet.run(compute_type="manual", since="2025-02-10", until="2025-02-12", local=True)
    assert (fleet.digest(), fleet.plan().items) == (digest, ())


def test_a_manual_range_ends_what_has_not_been_run(toys: Path, tmp_path: Path) -> None:
    events = year(60)
    fleet = fleet_of(tmp_path, toys, events, "held", "below", "latest")
    report = fleet.run(compute_type="manual", until="2025-01-20T12:00Z", local=True)
    assert (report.events_replayed, report.remaining) == (20 * PER_DAY, 3)
    newest = fleet.sql("select max(ts) from outputs").fetchall()[0][0]
    assert newest < pd.Timestamp("2025-01-21T00:00Z")
    assert fleet.run(local=True).remaining == 0
    assert fleet.digest() == clean_digest(tmp_path, toys, events, "held", "below", "latest")


def voltages(*days: int) -> pd.DataFrame:
    """Cell voltages every minute on these days, up to a minute before midnight."""
    ts = [START + day * DAY + pd.Timedelta(minutes=n) for day in days for n in range(1440)]
    rows = [
        pd.DataFrame({"asset_id": "A", "sensor": name, "ts": ts, "value": value})
        for name, value in (("cell_voltage_min", 3.6), ("cell_voltage_max", 3.7))
    ]
    return pd.concat(rows, ignore_index=True)


@pytest.mark.parametrize("tail", [0, 40])
def test_a_row_that_a_timer_stamped_on_a_silent_day_is_not_told_twice(tail: int, tmp_path: Path) -> None:
    """Going stale was told on the silent day after the last sample, by a call behind the snapshot's edge."""
    (tmp_path / "assets.csv").write_text("asset_id,chemistry\nA,NMC\n")
    events = voltages(0, 40, 41, *range(42, 42 + tail))
    extra = voltages(37).iloc[[5, 1445]]
    fleets = []
    for name, pieces in (("late", [events, extra]), ("clean", [pd.concat([events, extra])])):
        fleet = Fleet(tmp_path / name / "store")
        (tmp_path / name).mkdir()
        fleet.import_assets(tmp_path / "assets.csv")
        for piece in pieces:
            ingest(fleet, piece)
            items = fleet.plan("model:voltage_monitor").items
            fleet.run("model:voltage_monitor", local=True)
        fleets.append(fleet)
        if name == "late":
            assert items[0].start is not None
            assert items[0].through is not None
            assert items[0].through < items[0].start
    assert fleets[0].digest() == fleets[1].digest()
    stale = "select count(*) from outputs where output = 'voltage_status' and value = 3 and ts < '2025-02-01'"
    assert [fleet.sql(stale).fetchall() for fleet in fleets] == [[(1,)], [(1,)]]
    digest = fleets[0].digest()
    fleets[0].run("model:voltage_monitor", "manual", since="2025-02-04", local=True)  # to the end, meeting nothing
    assert fleets[0].digest() == digest


@pytest.mark.parametrize("model", ["held", "latest", "seeded", "windowed"])
def test_a_late_event_before_a_pair_has_begun_voids_nothing(model: str, toys: Path, tmp_path: Path) -> None:
    """Its own sensor is out of range at first: the carry at the first edge is equal because there is none."""
    current = year(7)
    other = current.assign(sensor="other", value=1.0)
    current.loc[current.index < 4 * PER_DAY, "value"] = 5000.0
    extra = pd.DataFrame(
        {"asset_id": "A", "sensor": "other", "ts": [START + DAY + pd.Timedelta(hours=1)], "value": 2.0}
    )
    settings = {
        "parameters": {
            "execution": {"enabled_models": [model]},
            "sensors": {"current": {"unit": "A", "valid_range": [-500, 500]}},
        }
    }
    digests = []
    for name in ("late", "clean"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.json").write_text(json.dumps(settings))
        fleet = Fleet(tmp_path / name / "store", tmp_path / name / "settings.json", [toys])
        whole = pd.concat([current, other])
        days = [whole[whole.ts.dt.day_of_year == day] for day in range(1, 8)]
        for piece in [*days, extra] if name == "late" else [pd.concat([whole, extra])]:
            ingest(fleet, piece)
            fleet.run(local=True)
        digests.append(fleet.digest())
        assert fleet.sql("select count(*) from outputs").fetchall()[0][0] >= 3
    assert digests[0] == digests[1]


@pytest.mark.parametrize("further", [False, True])
def test_a_head_behind_which_everything_was_taken_away_moves_back(further: bool, toys: Path, tmp_path: Path) -> None:
    """The head is that of a pair that a budget has stopped: nothing of the log is left from there on."""
    events = year(6)
    fleet = fleet_of(tmp_path, toys, events.iloc[: 2 * PER_DAY], "held", max_days_period_compute=2)
    ingest(fleet, events.iloc[2 * PER_DAY : 4 * PER_DAY])
    assert fleet.run(local=True).remaining == 1
    fleet.retract(fleet.batches()[-1]["batch"])
    if further:
        fleet = Fleet(fleet.root, settings_for(tmp_path / "more.json", "held", "latest"), [toys])
    fleet.run(local=True)
    models = ("held", "latest") if further else ("held",)
    left = events.iloc[: 2 * PER_DAY]
    assert fleet.digest() == clean_digest(tmp_path, toys, left, *models)
    more = events.iloc[2 * PER_DAY - 1 : 2 * PER_DAY].assign(ts=START + 2 * DAY - pd.Timedelta(hours=1))
    ingest(fleet, more)
    fleet.run(local=True)
    fleet.run(local=True)
    assert fleet.digest() == clean_digest(tmp_path / "more", toys, pd.concat([left, more]), *models)
