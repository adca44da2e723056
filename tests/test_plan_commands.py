"""plan --explain, plan --out with run --plan, and the flags of a manual run, through the command line."""

import json
import re

import pytest

from actors.cli.skipping import lacking


def day_after(make_events, asset, seed=0):
    rows = make_events(asset, days=5, seed=seed)
    return rows[rows.ts >= "2026-02-03"]


# --- run --plan ----------------------------------------------------------------------------------------------------


def test_exactly_the_written_plan_is_run(ran, ask, write, make_events):
    ran.ingest(write("a.parquet", day_after(make_events, "EV-1")))
    plan = ask("plan", "--select", "model:eq_cycles", "--out", "plan.json")
    ran.ingest(write("b.parquet", day_after(make_events, "EV-2", seed=1)))
    report = ask("run", "--local", "--plan", "plan.json")
    assert (report["pairs"], report["seq"]) == (1, plan["seq"])
    left = {(item["asset_id"], item["model"]): item["reasons"] for item in ask("plan")["items"]}
    assert set(left) == {("EV-1", "voltage_monitor"), ("EV-2", "eq_cycles"), ("EV-2", "voltage_monitor")}


def test_a_batch_that_came_later_is_not_part_of_it(ran, ask, write, make_events):
    rows = day_after(make_events, "EV-1")
    ran.ingest(write("a.parquet", rows[rows.ts < "2026-02-03T12:00Z"]))
    ask("plan", "--out", "plan.json")
    ran.ingest(write("b.parquet", rows[rows.ts >= "2026-02-03T12:00Z"]))
    ask("run", "--local", "--plan", "plan.json")
    assert ask("state", "EV-1")["as_of"] == "2026-02-03T11:55:00Z"
    assert {tuple(item["reasons"]) for item in ask("plan")["items"]} == {("new_events",)}
    ask("run", "--local")
    digest = ask("digest")
    ask("run", "--local", "--compute-type", "full")
    assert ask("digest") == digest


def test_a_plan_whose_pair_has_moved_is_refused_by_name(ran, ask, twins, write, make_events, store, snapshot):
    ran.ingest(write("a.parquet", day_after(make_events, "EV-1")))
    ask("plan", "--out", "plan.json")
    ask("run", "--local", "--select", "model:eq_cycles")
    before = snapshot(store / "segments")
    code, _, err = twins("--json", "run", "--local", "--plan", "plan.json")
    document = json.loads(err)
    assert (code, document["code"], document["hint"]) == (2, "PlanStale", "Plan again")
    assert "EV-1 eq_cycles has moved" in document["error"]
    assert "voltage_monitor" not in document["error"]
    assert snapshot(store / "segments") == before


def test_a_plan_made_with_other_settings_is_refused(ran, ask, twins, write, settings_document):
    ask("plan", "--compute-type", "full", "--out", "plan.json")
    settings_document["parameters"]["models"]["eq_cycles"]["charge_efficiency"] = 0.9
    changed = write("changed.json", settings_document)
    code, _, err = twins("run", "--local", "--plan", "plan.json", "--settings", changed)
    assert (code, "EV-1 eq_cycles, EV-2 eq_cycles has moved" in err) == (2, True)


@pytest.mark.parametrize(
    ("content", "what"),
    [("{", "not a plan"), ("[]", "not a plan"), ('{"seq": 1}', "not a plan"), (None, "No such file")],
)
def test_what_is_no_plan_is_refused(ran, twins, write, content, what):
    if content is not None:
        write("plan.json", content)
    code, _, err = twins("run", "--local", "--plan", "plan.json")
    assert (code, what in err) == (2, True)


def test_a_plan_and_a_selector_exclude_each_other(ran, ask, twins):
    ask("plan", "--out", "plan.json")
    code, _, err = twins("run", "--plan", "plan.json", "--select", "EV-1")
    assert (code, "--plan says what to run" in err) == (2, True)


# --- plan --explain ------------------------------------------------------------------------------------------------


def models_of(ask, *args):
    return ask("plan", "--explain", "EV-1", *args)["models"]


def test_an_up_to_date_asset_is_said_to_be(ran, ask, twins):
    found = models_of(ask)
    assert {name: (entry["status"], entry["reasons"]) for name, entry in found.items()} == {
        "eq_cycles": ("ok", []),
        "voltage_monitor": ("ok", []),
    }
    assert found["eq_cycles"]["inputs"]["current"] == "current"
    assert "eq_cycles [ok]: up to date" in twins("plan", "--explain", "EV-1")[1]


def test_every_part_that_differs_is_shown(ran, ask, twins, write, settings_document, make_events, assets_csv):
    settings_document["parameters"]["models"]["eq_cycles"]["charge_efficiency"] = 0.9
    settings_document["parameters"]["sensors"]["current"]["valid_range"] = [-500, 500]
    changed = write("changed.json", settings_document)
    ran.ingest(write("a.parquet", day_after(make_events, "EV-1")))
    ask("assets", "import", write("b.csv", "asset_id,capacity,valid_from\nEV-1,40,2026-02-01\n"))
    entry = models_of(ask, "--settings", changed)["eq_cycles"]
    assert entry["reasons"] == ["new_events", "config_changed", "parameters_changed"]
    differences = {(d["part"], d["key"]): (d["was"], d["now"]) for d in entry["differences"]}
    assert differences.pop(("configuration", "charge_efficiency")) == (0.98, 0.9)
    assert set(differences) == {("sensors", "rules")}
    assert [a["from"] for a in entry["arrivals"]] == ["2026-02-03T00:00:00Z"]
    assert entry["parameters"] == [{"name": "capacity", "value": 40, "valid_from": "2026-02-01T00:00:00Z"}]
    text = twins("plan", "--explain", "EV-1", "--settings", changed)[1]
    assert "configuration charge_efficiency: 0.98 → 0.9" in text
    assert "parameter capacity = 40 from 2026-02-01T00:00:00Z on" in text


def test_an_unknown_asset_is_told(ran, twins):
    code, _, err = twins("plan", "--explain", "EV-11")
    assert (code, "Did you mean 'EV-1'?" in err) == (2, True)


# --- manual and the budget -----------------------------------------------------------------------------------------


def test_a_manual_run_needs_a_range_and_a_range_needs_a_manual_run(ran, twins):
    code, _, err = twins("run", "--local", "--compute-type", "manual")
    assert (code, "has no range" in err) == (2, True)
    code, _, err = twins("plan", "--from", "2026-02-01")
    assert (code, "go with compute type 'manual'" in err) == (2, True)
    code, _, err = twins("plan", "--compute-type", "manual", "--from", "2026-02-02", "--to", "2026-02-01")
    assert (code, "is empty" in err) == (2, True)


def test_the_settings_can_ask_for_a_range(ran, ask, write, settings_document):
    before = ask("digest")
    execution = {"compute_type": "manual", "manual_start_date": "2026-01-31", "manual_end_date": "2026-02-01"}
    settings_document["parameters"]["execution"] |= execution
    changed = write("manual.json", settings_document)
    items = ask("plan", "--settings", changed)["items"]
    assert {(tuple(item["reasons"]), item["snapshot"] or item["from"]) for item in items} <= {
        (("manual",), "2026-01-31T00:00:00Z"),
        (("manual",), "2026-01-30T00:00:00Z"),
    }
    ask("run", "--local", "--settings", changed)
    assert ask("digest") == before


def test_a_models_own_compute_type_holds_where_none_is_asked_for(ran, ask, write, settings_document):
    settings_document["parameters"]["models"]["eq_cycles"]["compute_type"] = "full"
    changed = write("own.json", settings_document)
    reasons = {(item["model"], tuple(item["reasons"])) for item in ask("plan", "--settings", changed)["items"]}
    assert reasons == {("eq_cycles", ("full",))}
    assert ask("plan", "--settings", changed, "--compute-type", "incremental")["items"] == []


def test_a_budget_says_what_remains(ingested, ask, write, settings_document):
    settings_document["parameters"]["execution"] |= {"max_days_period_compute": 1}
    limited = write("limited.json", settings_document)
    assert [ask("run", "--local", "--settings", limited)["remaining"] for _ in range(4)] == [4, 4, 4, 0]
    digest = ask("digest")
    ask("run", "--local", "--compute-type", "full")
    assert ask("digest") == digest


def test_estimated_against_actual_is_recorded(ran, ask, write, make_events):
    ran.ingest(write("a.parquet", day_after(make_events, "EV-1")))
    planned = {(item["asset_id"], item["model"]): item["events"] for item in ask("plan")["items"]}
    ask("run", "--local")
    rows = ask("sql", "select asset_id, model, planned_events, events from attempts where reasons = ['new_events']")
    assert {(row["asset_id"], row["model"]): row["planned_events"] for row in rows} == planned
    assert all(row["events"] == row["planned_events"] for row in rows)


# --- what the text says --------------------------------------------------------------------------------------------


def test_assets_that_lack_the_same_share_a_line(ran, twins, write):
    write("other.json", {"parameters": {"models": {"eq_cycles": {"inputs": {"current": "I_pack"}}}}})
    line = "skipped: 2 assets (EV-1, …) eq_cycles: nothing feeds its input current (looked for: I_pack)"
    for command in (("plan",), ("run", "--local")):
        _, _, err = twins("--settings", "other.json", *command)
        assert line in err.splitlines()


def test_the_state_has_units_and_what_the_models_carry_only_on_demand(ran, twins):
    _, out, _ = twins("state", "EV-1")
    assert re.search(r"charge_throughput_ah = \S+ Ah\n", out)
    assert "    state " not in out
    assert "--full" in out.splitlines()[-1]
    _, out, _ = twins("state", "EV-1", "--full")
    assert "    state {" in out


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("current (current or Current)", "nothing feeds its input current (looked for: current or Current)"),
        ("capacity (capacity)", "no parameter capacity (twins assets import gives it)"),
        ("one of: a (x); b (y)", "needs one of: a (x); b (y)"),
        ("soh: sensor 'soh' has no declared unit", "its input soh: sensor 'soh' has no declared unit"),
    ],
)
def test_what_a_pair_lacks_in_words(missing, said):
    assert lacking(missing) == said
