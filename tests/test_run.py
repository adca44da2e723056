"""Plan and run, through the command line: reasons, tails, faults, parameters, replay; nothing is done twice."""

import json
import os
from datetime import datetime

import pandas as pd
import pytest

from actors import Fleet

PAIRS = [(asset, model) for asset in ("EV-1", "EV-2") for model in ("eq_cycles", "voltage_monitor")]
ALL_EVENTS = 2 * 6 * 1152
LAST_DAY = "2026-02-02T00:00:00Z"
OPEN_EVENTS = 6 * 288


def pairs_of(plan):
    return [(item["asset_id"], item["model"]) for item in plan["items"]]


def reasons_of(plan):
    return {(item["asset_id"], item["model"]): item["reasons"] for item in plan["items"]}


def run(ask, *args, code=0):
    return ask("run", "--local", *args, code=code)


def day_after(make_events, asset, seed=0):
    """The fifth day's rows alone: they end after the alert that the log holds open."""
    rows = make_events(asset, days=5, seed=seed)
    return rows[rows.ts >= "2026-02-03"]


def outputs_before(fleet, asset, end):
    query = f"select model, output, ts, value from outputs where asset_id = '{asset}' and ts < '{end}' order by all"
    return fleet.sql(query).fetchall()


# --- the documents -------------------------------------------------------------------------------------------------


def test_the_documents_have_their_keys(ingested, ask, settings):
    plan = ask("plan")
    assert set(plan) >= {"seq", "settings", "items", "skipped"}
    assert plan["settings"] == str(settings)
    assert set(plan["items"][0]) >= {"asset_id", "model", "reasons", "from", "to", "events", "snapshot"}
    report = run(ask)
    assert set(report) >= {
        *("run_id", "seq", "pairs", "events_replayed", "remaining", "parked", "skipped", "seconds"),
    }
    state = ask("state", "EV-1")
    assert set(state) >= {"asset_id", "as_of", "seq", "models"}
    assert set(state["models"]) == {"eq_cycles", "voltage_monitor"}
    assert all(set(entry) >= {"state", "outputs", "status"} for entry in state["models"].values())
    status = ask("status")
    keys = {"assets", "events", "head", "lag_s", "parked", "blocked", "last_run", "published_age_s"}
    assert set(status) >= keys
    assert (status["assets"], status["events"], status["head"], status["lag_s"]) == (2, ALL_EVENTS, LAST_DAY, 0)
    assert status["last_run"]["run_id"] == report["run_id"]
    assert len(ask("digest")["digest"]) == 64
    batches = ask("batches", "list")
    assert [batch["seq"] for batch in batches] == [1, 2]
    assert set(batches[0]) >= {"batch", "file", "appended", "duplicates", "late", "quarantined"}
    assert set(ask("replay", "EV-1")) >= {"asset_id", "as_of", "seq", "models"}


# --- what runs, and why --------------------------------------------------------------------------------------------


def test_plan_then_run_then_nothing_is_left(ingested, ask):
    plan = ask("plan")
    assert pairs_of(plan) == PAIRS
    assert {tuple(item["reasons"]) for item in plan["items"]} == {("new_asset",)}
    assert {(item["from"], item["snapshot"], item["events"]) for item in plan["items"]} == {
        ("2026-01-30T00:00:00Z", None, ALL_EVENTS // 2)
    }
    report = run(ask)
    assert (report["pairs"], report["events_replayed"], report["remaining"]) == (4, ALL_EVENTS, 0)
    assert (report["parked"], report["skipped"], report["seq"]) == ([], [], plan["seq"])
    assert ask("plan")["items"] == []
    again = run(ask)
    assert (again["pairs"], again["events_replayed"]) == (0, 0)


def test_the_plan_is_written_to_a_file(ingested, ask, workdir):
    document = ask("plan", "--out", "plan.json")
    assert json.loads((workdir / "plan.json").read_text()) == document


def test_a_plan_runs_nothing(ingested, ask, store, snapshot):
    before = snapshot(store)
    ask("plan")
    assert snapshot(store) == before


def test_new_events_replay_the_tail_alone(ran, ask, write, make_events):
    new = day_after(make_events, "EV-1")
    ran.ingest(write("more.parquet", new))
    plan = ask("plan")
    assert reasons_of(plan) == {pair: ["new_events"] for pair in PAIRS[:2]}
    item = plan["items"][0]
    assert (item["snapshot"], item["from"], item["to"]) == (LAST_DAY, LAST_DAY, "2026-02-03T23:55:00Z")
    assert item["events"] == OPEN_EVENTS + len(new)
    report = run(ask)
    assert (report["pairs"], report["events_replayed"]) == (2, OPEN_EVENTS + len(new))
    assert ask("plan")["items"] == []
    assert ask("status")["head"] == LAST_DAY  # the earliest: EV-2 has had no events since
    assert ask("state", "EV-1")["as_of"] == "2026-02-03T23:55:00Z"


def test_duplicates_alone_are_no_reason(ran, ask, write, events):
    report = ran.ingest(write("again.parquet", events.iloc[1000:3000]))
    assert (report.appended, report.duplicates) == (0, 2000)
    assert ask("plan")["items"] == []


@pytest.mark.parametrize("kind", ["added", "corrected"])
def test_a_late_event_restates_as_if_it_had_come_in_time(
    kind, ran, ask, write, events, assets_csv, settings, workdir
):
    found = events[(events.asset_id == "EV-2") & (events.sensor == "current")].iloc[[400]]
    late = found.assign(value=99.0) if kind == "corrected" else found.assign(ts=found.ts + pd.Timedelta(seconds=30))
    assert ask("ingest", write("late.parquet", late))["late"] == 1
    before = ask("digest")
    assert {pair: reasons for pair, reasons in reasons_of(ask("plan")).items() if pair[0] == "EV-1"} == {}
    assert reasons_of(ask("plan"))["EV-2", "eq_cycles"] == ["late_events"]
    run(ask)
    after = ask("digest")
    assert after != before
    clean = Fleet(workdir / "clean", settings)
    clean.ingest(write("both.parquet", pd.concat([events, late])))
    clean.import_assets(assets_csv)
    clean.run(local=True)
    assert clean.digest() == after["digest"]
    assert ask("plan")["items"] == []


def test_a_changed_configuration_replays_its_model(ran, ask, write, settings_document):
    settings_document["parameters"]["models"]["eq_cycles"]["charge_efficiency"] = 0.9
    changed = write("changed.json", settings_document)
    assert reasons_of(ask("plan", "--settings", changed)) == {
        pair: ["config_changed"] for pair in PAIRS if pair[1] == "eq_cycles"
    }
    before = ask("digest")
    run(ask, "--settings", changed)
    assert ask("digest") != before
    assert ask("plan", "--settings", changed)["items"] == []
    run(ask)
    assert ask("digest") == before


def test_changes_without_an_effect_replay_nothing(ran, ask, write, settings_document):
    parameters = settings_document["parameters"]
    parameters["execution"] |= {"debug_mode": True, "upload_output": True}
    parameters["sensors"]["unrelated"] = {"unit": "V"}
    parameters["models"]["eq_cycles"] |= {
        "outputs": {"equivalent_cycles": "Cycles"},
        "charge_efficiency": {"description": "as by default", "default": 0.98},
    }
    assert ask("plan", "--settings", write("same.json", settings_document))["items"] == []


def test_a_changed_sensor_declaration_replays_what_it_feeds(ran, ask, write, settings_document):
    settings_document["parameters"]["sensors"]["cell_voltage_*"]["valid_range"] = [1.0, 4.25]
    plan = ask("plan", "--settings", write("stricter.json", settings_document))
    assert reasons_of(plan) == {pair: ["config_changed"] for pair in PAIRS if pair[1] == "voltage_monitor"}


def test_the_last_runs_settings_hold_where_none_are_named(ingested, settings, ask, workdir):
    run(ask)
    assert Fleet(workdir / "store").plan().settings == str(settings)


def test_an_unchanged_registry_is_no_reason_and_a_changed_one_is(ran, ask, write, assets_csv):
    before = ask("state", "EV-1")["models"]
    assert ask("assets", "import", assets_csv) == {"changed": 0}
    assert ask("plan")["items"] == []
    changed = write("changed.csv", assets_csv.read_text().replace("EV-1,50,", "EV-1,25,"))
    assert ask("assets", "import", changed) == {"changed": 1}
    assert reasons_of(ask("plan")) == {("EV-1", "eq_cycles"): ["parameters_changed"]}
    assert run(ask)["pairs"] == 1
    assert ask("plan")["items"] == []
    after = ask("state", "EV-1")["models"]
    cycles = [models["eq_cycles"]["outputs"]["equivalent_cycles"] for models in (before, after)]
    assert cycles[1] == pytest.approx(2 * cycles[0])
    assert after["voltage_monitor"] == before["voltage_monitor"]


def test_a_parameter_that_no_model_takes_is_no_reason(ran, ask, write):
    ask("assets", "import", write("site.csv", "asset_id,site\nEV-1,Köln\n"))
    assert ask("plan")["items"] == []


def test_a_dated_parameter_holds_from_its_day_on(ran, ask, write):
    day = "2026-01-31"  # no edge at which calls would end anyway
    early, others = outputs_before(ran, "EV-1", day), outputs_before(ran, "EV-2", "2027-01-01")
    query = f"""select max(value) filter (ts < '{day}') as before, max(value) as final from outputs
                where asset_id = 'EV-1' and output = 'equivalent_cycles'"""
    old = ask("sql", query)[0]
    ask("assets", "import", write("repair.csv", f"asset_id,capacity,valid_from\nEV-1,25,{day}T00:00:00Z\n"))
    assert reasons_of(ask("plan")) == {("EV-1", "eq_cycles"): ["parameters_changed"]}
    run(ask)
    new = ask("sql", query)[0]
    assert outputs_before(ran, "EV-1", day) == early
    assert outputs_before(ran, "EV-2", "2027-01-01") == others
    # The interval that ends at the day's edge still counts with the new capacity at most: two steps of difference.
    assert new["final"] - new["before"] == pytest.approx(2 * (old["final"] - old["before"]), rel=1e-2)
    assert ask("plan")["items"] == []


def test_full_replays_everything_to_the_same_digest(ran, ask):
    before = ask("digest")
    report = run(ask, "--compute-type", "full")
    assert (report["pairs"], report["events_replayed"]) == (4, ALL_EVENTS)
    assert ask("digest") == before


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("EV-1", PAIRS[:2]),
        ("asset:EV-2,model:eq_cycles", [("EV-2", "eq_cycles")]),
        ("asset:EV-?,model:voltage_monitor", [PAIRS[1], PAIRS[3]]),
        ("EV-1,EV-2", PAIRS),
        ("reason:new_asset", PAIRS),
        ("reason:late_events", []),
    ],
)
def test_a_selector_limits_a_plan(selector, expected, ingested, ask):
    assert pairs_of(ask("plan", "--select", selector)) == expected


def test_a_selector_limits_a_run(ingested, ask):
    assert run(ask, "--select", "asset:EV-2,model:eq_cycles")["pairs"] == 1
    assert pairs_of(ask("plan")) == [pair for pair in PAIRS if pair != ("EV-2", "eq_cycles")]
    assert run(ask, "--select", "status:ok")["pairs"] == 0


# --- what cannot run -----------------------------------------------------------------------------------------------


def test_an_asset_without_what_a_model_needs_is_skipped(ingested, ask, write, make_events):
    ingested.ingest(write("bare.parquet", make_events("BARE").query("sensor == 'current'")))
    report = run(ask)
    assert report["parked"] == []
    missing = {(s["asset_id"], s["model"]): s["missing"] for s in report["skipped"]}
    assert set(missing) == {("BARE", "eq_cycles"), ("BARE", "voltage_monitor")}
    assert "capacity" in missing["BARE", "eq_cycles"]
    assert ask("plan")["skipped"] == report["skipped"]
    state = ask("state", "BARE")
    assert {entry["status"] for entry in state["models"].values()} == {"skipped"}
    assert "capacity" in state["models"]["eq_cycles"]["missing"]
    ask("assets", "import", write("bare.csv", "asset_id,capacity\nBARE,10\n"))
    assert reasons_of(ask("plan")) == {("BARE", "eq_cycles"): ["new_asset"]}
    run(ask)
    assert ask("state", "BARE")["models"]["eq_cycles"]["status"] == "ok"


def test_a_selected_run_keeps_the_other_skipped_pairs(ingested, ask, write, make_events):
    ingested.ingest(write("bare.parquet", make_events("BARE").query("sensor == 'soc'")))
    run(ask)
    both = ask("sql", "from skipped order by all")
    assert len(both) == 2
    run(ask, "--select", "asset:EV-1")
    assert ask("sql", "from skipped order by all") == both
    run(ask, "--select", "model:eq_cycles")
    assert ask("sql", "from skipped order by all") == both


def test_a_second_run_is_told_who_holds_the_store(ran, twins, store):
    with ran.store().running():
        code, out, err = twins("--json", "run", "--local")
    assert (code, out) == (2, "")
    document = json.loads(err)
    assert document["code"] == "StoreBusy"
    assert str(store) in document["error"]
    assert f"process {os.getpid()}" in document["error"]
    since = datetime.fromisoformat(document["error"].split("since ")[1].split()[0])
    assert since.tzinfo is not None
    assert "Wait" in document["hint"]
    assert twins("run", "--local")[0] == 0


def test_looking_and_ingesting_need_no_run_lock(ran, ask, write, make_events):
    with ran.store().running():
        assert ask("ingest", write("more.parquet", day_after(make_events, "EV-1")))["appended"] > 0
        assert len(ask("plan")["items"]) == 2
        assert ask("state", "EV-1")["asset_id"] == "EV-1"
        assert ask("replay", "EV-1")["asset_id"] == "EV-1"


# --- faults --------------------------------------------------------------------------------------------------------

FAULTY = """
from pathlib import Path

from altergo_interface import Model, ModelState, Samples, register_model

FAULT = Path("FOLDER/fault")


class Count(ModelState):
    n: int = 0


@register_model("counter")
class Counter(Model):
    State = Count

    def advance(self, state, data):
        if FAULT.exists() and FAULT.read_text() == str(data.number("capacity")):
            raise ValueError("a fault\\nof two lines")
        current = data.series("current")
        if current is None:
            return state, {}
        after = Count(n=state.n + len(current) - current.lead)
        return after, {"samples": Samples(current.t[-1:], current.x[-1:] * 0 + after.n)}
"""

MANIFEST = {
    "name": "counter",
    "version": "1",
    "continuity": "stateful",
    "inputs": {"current": {"type": "pd.Series", "unit": "A"}, "capacity": {"type": "float", "unit": "Ah"}},
    "outputs": {"samples": {}},
}


@pytest.fixture
def faulty(write, settings, settings_document):
    """A folder of models with `counter`, which raises for the asset whose capacity `fault` names; it is enabled."""
    settings_document["parameters"]["execution"]["enabled_models"] += ",counter"
    write(settings.name, settings_document)
    folder = write("more_models/counter/model.json", MANIFEST).parent
    write("more_models/counter/__init__.py", code(folder))
    return folder


def code(folder):
    """The model's source; it names its folder, because equal sources are one module to this process."""
    return FAULTY.replace("FOLDER", str(folder))


def counter(ask, asset, folder):
    return ask("--models-dir", folder.parent, "state", asset)["models"]["counter"]


def test_a_model_error_parks_its_pair_alone(ingested, ask, faulty):
    (faulty / "fault").write_text("80.5")
    report = run(ask, "--models-dir", faulty.parent, code=1)
    assert report["pairs"] == 6
    ((entry),) = report["parked"]
    assert (entry["asset_id"], entry["model"]) == ("EV-2", "counter")
    assert "ValueError: a fault of two lines" in entry["error"]
    assert "__init__.py" in entry["error"]
    assert counter(ask, "EV-1", faulty) == {"state": {"n": 1152}, "outputs": {"samples": 1152}, "status": "ok"}
    parked = counter(ask, "EV-2", faulty)
    assert (parked["status"], parked["state"], parked["outputs"]) == ("parked", None, {})
    assert parked["error"] == entry["error"]
    status = ask("status")
    assert status["parked"] == 1
    assert status["parked_pairs"] == [entry]
    rows = ask("sql", "select asset_id, model, error from twin_state where status = 'parked'")
    assert rows == [entry]
    assert ask("sql", "select status, error from attempts where status <> 'ok'") == [
        {"status": "parked", "error": entry["error"]}
    ]
    assert ask("sql", "select distinct status from twin_state where model <> 'counter'") == [{"status": "ok"}]


def test_a_parked_pair_waits_for_retry_or_a_change(ingested, ask, faulty, write, make_events):
    models = ("--models-dir", faulty.parent)
    (faulty / "fault").write_text("80.5")
    run(ask, *models, code=1)
    assert ask("plan", *models)["items"] == []
    ingested.ingest(write("more.parquet", day_after(make_events, "EV-2", seed=1)))
    assert ("EV-2", "counter") not in reasons_of(ask("plan", *models))
    assert ask("retry", "--local", *models, code=1)["parked"] != []
    (faulty / "fault").unlink()
    report = ask("retry", "--local", *models)
    assert (report["pairs"], report["parked"]) == (1, [])
    assert counter(ask, "EV-2", faulty) == {"state": {"n": 5 * 288}, "outputs": {"samples": 5 * 288}, "status": "ok"}
    assert ask("retry", "--local", *models)["pairs"] == 0


def test_a_parked_pair_keeps_its_last_good_state(ingested, ask, faulty, write, make_events):
    models = ("--models-dir", faulty.parent)
    run(ask, *models)
    good = counter(ask, "EV-2", faulty)
    outputs = "select * from outputs where asset_id = 'EV-2' and model = 'counter' order by all"
    latest = outputs.replace("outputs", "latest_outputs")
    seen = [ask("sql", query) for query in (outputs, latest)]
    more = [day_after(make_events, "EV-1"), day_after(make_events, "EV-2", seed=1)]
    ask("ingest", write("more.parquet", pd.concat(more)))
    (faulty / "fault").write_text("80.5")
    run(ask, *models, code=1)
    parked = counter(ask, "EV-2", faulty)
    assert parked["status"] == "parked"
    assert {key: parked[key] for key in ("state", "outputs")} == {key: good[key] for key in ("state", "outputs")}
    assert [ask("sql", query) for query in (outputs, latest)] == seen
    (faulty / "fault").unlink()
    report = ask("retry", "--local", *models)
    assert report["events_replayed"] == OPEN_EVENTS + len(more[1])  # from its last good head
    assert counter(ask, "EV-2", faulty)["state"] == {"n": 5 * 288}


def test_edited_code_plans_its_model_again_parked_pairs_too(ingested, ask, faulty, write):
    models = ("--models-dir", faulty.parent)
    source = code(faulty)
    (faulty / "fault").write_text("80.5")
    run(ask, *models, code=1)
    write("more_models/counter/__init__.py", source.replace("a fault", "another fault"))
    assert reasons_of(ask("plan", *models)) == {(asset, "counter"): ["code_changed"] for asset in ("EV-1", "EV-2")}
    write("more_models/counter/__init__.py", source + "\n# only a comment\n")
    assert ask("plan", *models)["items"] == []
    sound = source.replace("FAULT.exists() and", "False and")
    write("more_models/counter/__init__.py", sound.replace("+ len(current) - ", "+ 2 * len(current) - 2 * "))
    run(ask, *models)
    assert [counter(ask, asset, faulty)["state"] for asset in ("EV-1", "EV-2")] == [{"n": 2304}] * 2


# --- replay --------------------------------------------------------------------------------------------------------


def test_a_replay_gives_the_stored_state_and_writes_nothing(ran, ask, store, snapshot):
    before = snapshot(store)
    for asset in ("EV-1", "EV-2"):
        state, replayed = ask("state", asset), ask("replay", asset)
        assert (replayed["as_of"], replayed["seq"]) == (state["as_of"], state["seq"])
        for model, entry in state["models"].items():
            assert {key: replayed["models"][model][key] for key in entry} == entry
    assert snapshot(store) == before


def test_a_replay_needs_no_run(ingested, ask, store, snapshot):
    before = snapshot(store)
    replayed = ask("replay", "EV-1")["models"]
    assert snapshot(store) == before
    run(ask)
    state = ask("state", "EV-1")["models"]
    assert {name: entry["state"] for name, entry in replayed.items()} == {n: e["state"] for n, e in state.items()}


def test_a_replay_with_another_configuration(ran, ask, write, settings_document, store, snapshot):
    before = snapshot(store)
    overrides = ("--set", "eq_cycles.enable_efficiency_correction=false", "--set", "eq_cycles.deadband_a=5")
    document = ask("replay", "EV-1", *overrides)
    assert snapshot(store) == before
    settings_document["parameters"]["models"]["eq_cycles"] |= {"enable_efficiency_correction": False, "deadband_a": 5}
    run(ask, "--settings", write("same.json", settings_document))
    assert document["models"]["eq_cycles"]["state"] == ask("state", "EV-1")["models"]["eq_cycles"]["state"]


def test_a_replay_until_a_time_is_the_state_of_a_log_that_ends_there(ran, ask, write, events, workdir, assets_csv):
    document = ask("replay", "EV-1", "--to", "2026-02-01T10:00")
    assert document["as_of"] == "2026-02-01T09:55:00Z"
    shorter = ("--store", workdir / "shorter")
    ask(*shorter, "ingest", write("part.parquet", events[events.ts < "2026-02-01T10:00Z"]))
    ask(*shorter, "assets", "import", assets_csv)
    run(ask, *shorter)
    state = ask(*shorter, "state", "EV-1")
    assert {name: entry["state"] for name, entry in document["models"].items()} == {
        name: entry["state"] for name, entry in state["models"].items()
    }


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_replay_writes_the_outputs_of_a_range(ending, ran, ask, workdir):
    low, high = "2026-01-31T00:00", "2026-02-01T00:00"
    ask("replay", "EV-1", "--from", low, "--to", high, "--out", f"out.{ending}")
    path = workdir / f"out.{ending}"
    frame = pd.read_parquet(path) if ending == "parquet" else pd.read_csv(path, parse_dates=["ts"])
    frame = frame.sort_values(["model", "output", "ts"])
    assert list(frame.columns) == ["ts", "model", "output", "value"]
    stored = f"""select ts, model, output, value from outputs where asset_id = 'EV-1' and not isnan(value)
                 and ts >= '{low}Z' and ts < '{high}Z' order by model, output, ts"""
    expected = ran.sql(stored).fetchall()
    found = list(zip(frame.ts.dt.to_pydatetime(), frame.model, frame.output, frame.value, strict=True))
    assert len(found) > 100
    assert found == expected


def test_the_twin_of_the_facade(ran):
    twin = ran.twin("EV-2").replay(until="2026-01-31T00:00Z")
    assert set(twin.state) == {"eq_cycles", "voltage_monitor"}
    frame = twin.outputs["eq_cycles"]
    assert "equivalent_cycles" in frame
    assert str(frame.index.tz) == "UTC"
    assert frame.index.max() == pd.Timestamp("2026-01-30T23:55Z")
