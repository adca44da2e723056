"""Retractions: keys deleted by tombstones, batches undone; nothing leaves the log, and everything can come back."""

import pandas as pd
import pytest

from actors import Fleet

EV1 = "asset_id = 'EV-1'"


def clean_digest(workdir, settings, assets_csv, write, events):
    fleet = Fleet(workdir / "clean", settings)
    fleet.ingest(write("clean.parquet", events))
    fleet.import_assets(assets_csv)
    fleet.run(local=True)
    return fleet.digest()


def count(ask, where="true"):
    return ask("sql", f"select count(*) as n from events where {where}")[0]["n"]


def test_keys_are_deleted_and_the_twins_follow(ran, ask, write, events, workdir, settings, assets_csv):
    gone = events[(events.asset_id == "EV-1") & (events.sensor == "current")].iloc[100:160]
    report = ask("ingest", "--retract", write("gone.csv", gone.drop(columns="value")))
    assert (report["retracted"], report["appended"], report["duplicates"], report["late"]) == (60, 0, 0, 60)
    assert count(ask) == len(events) - 60
    assert {tuple(item["reasons"]) for item in ask("plan")["items"]} == {("late_events",)}
    ask("run", "--local")
    left = events.drop(gone.index)
    assert ask("digest")["digest"] == clean_digest(workdir, settings, assets_csv, write, left)
    assert ask("assets", "list")[0]["events"] == len(events) // 2 - 60


def test_a_key_that_is_not_there_is_nothing(ran, ask, write, events):
    strange = events.iloc[:3].assign(ts=events.ts.iloc[:3] + pd.Timedelta(seconds=1))
    report = ask("ingest", "--retract", write("strange.csv", strange))
    assert (report["retracted"], report["duplicates"]) == (0, 3)
    assert ask("plan")["items"] == []
    rows = events.iloc[:2]
    assert ask("ingest", "--retract", write("twice.csv", pd.concat([rows, rows])))["retracted"] == 2
    assert ask("ingest", "--retract", write("again.csv", rows))["retracted"] == 0


def test_a_dry_run_deletes_nothing(ran, ask, write, events, store, snapshot):
    before = snapshot(store)
    report = ask("ingest", "--retract", "--dry-run", write("gone.csv", events.iloc[:5]))
    assert report["retracted"] == 5
    assert snapshot(store) == before


def test_the_newest_slot_can_go(ran, ask, write, events, workdir, settings, assets_csv):
    """What held the open slot is gone: the head moves back, and closed results behind it go too."""
    gone = events[(events.asset_id == "EV-1") & (events.ts >= "2026-02-01T06:00Z")]
    ask("ingest", "--retract", write("gone.parquet", gone))
    ask("run", "--local")
    left = events.drop(gone.index)
    assert ask("digest")["digest"] == clean_digest(workdir, settings, assets_csv, write, left)
    assert ask("state", "EV-1")["as_of"] == "2026-02-01T05:55:00Z"
    assert ask("sql", f"select count(*) as n from outputs where {EV1} and ts >= '2026-02-01 06:00Z'") == [{"n": 0}]
    ask("ingest", write("back.parquet", gone))
    ask("run", "--local")
    assert ask("digest")["digest"] == clean_digest(workdir, settings, assets_csv, write, pd.concat([left, gone]))


def test_all_of_an_asset_can_go_and_come_back(ran, ask, write, events, workdir, settings, assets_csv):
    before = ask("digest")["digest"]
    gone = events[events.asset_id == "EV-1"]
    ask("ingest", "--retract", write("gone.parquet", gone))
    ask("run", "--local")
    assert ask("digest")["digest"] == clean_digest(workdir, settings, assets_csv, write, events.drop(gone.index))
    assert ask("sql", f"select count(*) as n from twin_state where {EV1}") == [{"n": 0}]
    assert ask("sql", f"select count(*) as n from latest_outputs where {EV1}") == [{"n": 0}]
    assert ask("plan")["items"] == []
    ask("ingest", write("back.parquet", gone))
    assert {tuple(item["reasons"]) for item in ask("plan")["items"]} == {("new_asset",)}
    ask("run", "--local")
    assert ask("digest")["digest"] == before


def test_a_sensor_that_is_gone_feeds_nothing(ran, ask, write, events, workdir, settings, assets_csv):
    gone = events[(events.asset_id == "EV-1") & (events.sensor == "current")]
    ask("ingest", "--retract", write("gone.parquet", gone))
    report = ask("run", "--local")
    assert [(s["asset_id"], s["model"]) for s in report["skipped"]] == [("EV-1", "eq_cycles")]
    assert ask("digest")["digest"] == clean_digest(workdir, settings, assets_csv, write, events.drop(gone.index))
    assert "current" not in {row["sensor"] for row in ask("sql", f"from sensors where {EV1}")}


def test_a_wide_file_names_keys_by_its_cells(ran, ask, write):
    wide = pd.DataFrame({"asset_id": ["EV-1"] * 2, "ts": ["2026-01-30T00:00Z", "2026-01-30T00:05Z"]})
    wide = wide.assign(current=[1.0, 1.0], soc=[None, 1.0])
    assert ask("ingest", "--wide", "--retract", write("wide.csv", wide))["retracted"] == 3


# --- batches -------------------------------------------------------------------------------------------------------


@pytest.fixture
def corrected(ran, ask, write, events):
    """The ran fleet after a batch that corrects a hundred currents of EV-2, run; the id of that batch."""
    rows = events[(events.asset_id == "EV-2") & (events.sensor == "current")].iloc[200:300]
    batch = ask("ingest", write("wrong.parquet", rows.assign(value=55.0)))["batch"]
    ask("run", "--local")
    return batch


def test_a_batch_is_undone_and_what_it_had_replaced_counts_again(ran, ask, corrected, events):
    wrong = ask("digest")
    report = ask("batches", "retract", corrected[:8])
    assert (report["batch"], report["assets"], report["changed"]) == (corrected, 1, 100)
    assert {(i["asset_id"], tuple(i["reasons"])) for i in ask("plan")["items"]} == {("EV-2", ("late_events",))}
    ask("run", "--local")
    assert ask("digest") != wrong
    restated = ask("digest")
    ask("run", "--local", "--compute-type", "full")
    assert ask("digest") == restated
    assert count(ask) == len(events)
    assert ask("sql", "select count(*) as n from events where value = 55") == [{"n": 0}]
    kinds = [(batch["kind"], batch["retracted_by"]) for batch in ask("batches", "list")]
    assert kinds == [("events", None), ("parameters", None), ("events", 4), ("retraction", None)]


def test_undoing_a_batch_of_duplicates_changes_nothing(ran, ask, write, events):
    batch = ask("ingest", write("twice.parquet", events.iloc[:500]))["batch"]
    assert ask("batches", "retract", batch)["changed"] == 0
    assert ask("plan")["items"] == []
    assert count(ask) == len(events)


def test_what_a_duplicate_said_outlives_the_first(ran, ask, write, events):
    before = ask("digest")
    first = ask("batches", "list")[0]["batch"]
    ask("ingest", write("copy.parquet", events.sample(frac=1.0, random_state=1)))
    assert ask("batches", "retract", first)["changed"] == 0
    ask("run", "--local")
    assert (ask("digest"), count(ask)) == (before, len(events))


def test_a_retraction_can_be_undone(ran, ask, write, events):
    before = ask("digest")
    batch = ask("ingest", "--retract", write("gone.parquet", events.iloc[300:400]))["batch"]
    ask("run", "--local")
    assert ask("batches", "retract", batch)["changed"] == 100
    ask("run", "--local")
    assert (ask("digest"), count(ask)) == (before, len(events))


def test_an_undone_file_can_be_ingested_again(ran, ask, corrected, workdir):
    wrong = ask("digest")
    ask("batches", "retract", corrected)
    report = ask("ingest", workdir / "wrong.parquet")
    assert (report["appended"], report["files"][0]["known"]) == (100, False)
    ask("run", "--local")
    assert ask("digest") == wrong


def test_wrong_names_are_told(ran, twins, ask, corrected):
    code, _, err = twins("batches", "retract", "nonsense")
    assert (code, "no batch is called 'nonsense'" in err) == (2, True)
    code, _, err = twins("batches", "retract", "parameters-2")
    assert (code, "holds parameters, no events" in err) == (2, True)
    ask("batches", "retract", corrected)
    code, _, err = twins("batches", "retract", corrected)
    assert (code, "is retracted already" in err) == (2, True)


@pytest.mark.parametrize("change", [{"ts": pd.Timestamp("2025-06-01T00:00Z")}, {"sensor": "no such sensor"}])
def test_a_key_far_from_the_log_takes_nothing_with_it(ran, ask, write, events, change):
    before, figures = ask("digest"), ask("assets", "list")
    report = ask("ingest", "--retract", write("far.csv", events.iloc[:1].assign(**change)))
    assert (report["retracted"], report["duplicates"]) == (0, 1)
    assert ask("assets", "list") == figures
    assert ask("plan")["items"] == []
    ask("run", "--local")
    assert ask("digest") == before


def test_a_key_that_came_again_counts_once_when_its_tombstone_is_undone(ran, ask, write, events):
    rows = events.iloc[10:12]
    batch = ask("ingest", "--retract", write("gone.csv", rows))["batch"]
    ask("ingest", write("again.csv", rows.assign(value=99.0)))
    ask("batches", "retract", batch)
    assert count(ask) == len(events)
    assert count(ask, "value = 99") == 2
