"""The views of the published copy, through a plain DuckDB client in another process and another folder."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from platform_double import Platform

from actors import Fleet
from actors.uploading import upload

COLUMNS = {
    "assets": "asset_id capacity chemistry cells_in_series site first_ts last_ts events",
    "events": "asset_id sensor ts value seq",
    "outputs": "asset_id model output ts value label",
    "latest_outputs": "asset_id model output ts value label",
    "twin_state": "asset_id model as_of state fingerprint status run_id",
    "snapshots": "asset_id model as_of seq state run_id",
    "records": "asset_id model kind started_at ended_at severity value detail",
    "quality": "asset_id sensor day samples gaps gap_s out_of_range stuck duplicates contradictions",
    "skipped": "asset_id model missing",
    "runs": "run_id started_at ended_at mode seq assets events_replayed parked environment",
    "attempts": "asset_id model status reasons error seconds",
    "uploads": "platform started_at ended_at status assets series points withdrawn failed",
    "quarantine": "batch file row reason raw",
}
"""CONTRACT.md, "Views in fleet.duckdb"; the parameters are those of the registry below."""

STAMPS = {"ts", "first_ts", "last_ts", "as_of", "started_at", "ended_at"}

CLIENT = """
import duckdb, json, sys
with duckdb.connect(sys.argv[1], read_only=True) as con:
    for query in json.load(sys.stdin):
        found = con.execute(query)
        names = [column[0] for column in found.description]
        print(json.dumps([dict(zip(names, row)) for row in found.fetchall()], default=str))
"""

DAY = "2026-01-31"
REGISTRY = """\
asset_id,capacity,chemistry,cells_in_series,site
EV-1,50,NMC,96,Ulm
EV-2,80.5,LFP,,12 Main St
EV-4,1,LFP,,
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory, make_events):
    """A store whose events hold sentinels, a gap and a bad row; EV-3 lacks what the models need."""
    root = tmp_path_factory.mktemp("views")
    log = pd.concat([make_events("EV-1"), make_events("EV-2", seed=1), make_events("EV-3").query("sensor == 'soc'")])
    log = log.reset_index(drop=True)
    sick = (log.asset_id == "EV-1") & (log.sensor == "cell_voltage_max") & (log.ts.dt.strftime("%F") == DAY)
    log.loc[log[sick].index[[3, 50, 200]], "value"] = [65.535, 0.0, np.nan]
    silent = (log.asset_id == "EV-1") & (log.sensor == "soc") & (log.ts.dt.strftime("%F") == DAY)
    log = log.drop(log[silent].index[100:107])
    log.to_parquet(root / "events.parquet")
    (root / "assets.csv").write_text(REGISTRY)
    rules = {
        "current": {"unit": "A", "cadence_s": 300},
        "cell_voltage_*": {"unit": "V", "cadence_s": 300, "valid_range": [1.0, 4.99]},
        "soc": {"unit": "%", "cadence_s": 300},
        "*": {"cadence_s": 300},
    }
    parameters = {"execution": {"enabled_models": "eq_cycles,voltage_monitor"}, "sensors": rules}
    (root / "settings.json").write_text(json.dumps({"parameters": parameters}))
    fleet = Fleet(root / "store", root / "settings.json")
    fleet.ingest(root / "events.parquet")
    fleet.import_assets(root / "assets.csv")
    fleet.run(local=True)
    upload(fleet, Platform())
    return root / "store" / "fleet.duckdb"


@pytest.fixture(scope="module")
def client(published, tmp_path_factory):
    """`client(*queries)`: the rows of each, from a process that knows nothing of this engine."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def ask(*queries):
        found = subprocess.run(
            [sys.executable, "-I", "-c", CLIENT, str(published)],
            input=json.dumps(queries),
            capture_output=True,
            text=True,
            cwd=elsewhere,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        answers = [json.loads(line) for line in found.stdout.splitlines()]
        return answers if len(queries) > 1 else answers[0]

    return ask


def test_every_view_has_the_contracts_columns_and_can_be_read(client):
    described = client(*(f"describe {view}" for view in COLUMNS))
    counted = client(*(f"select count(*) as n, count(columns(*)) from {view}" for view in COLUMNS))
    for (view, columns), rows, count in zip(COLUMNS.items(), described, counted, strict=True):
        types = {row["column_name"]: row["column_type"] for row in rows}
        assert set(columns.split()) <= set(types), view
        stamps = STAMPS & set(types)
        assert {types[name] for name in stamps} <= {"TIMESTAMP WITH TIME ZONE"}, view
        assert count[0]["n"] > 0, view


def test_assets_have_typed_parameters(client):
    types, rows = client("describe assets", "from assets order by asset_id")
    kinds = {row["column_name"]: row["column_type"] for row in types}
    assert (kinds["capacity"], kinds["cells_in_series"]) == ("DOUBLE", "DOUBLE")
    assert (kinds["chemistry"], kinds["site"]) == ("VARCHAR", "VARCHAR")
    chosen = [(r["asset_id"], r["capacity"], r["chemistry"], r["cells_in_series"], r["site"]) for r in rows]
    assert chosen == [
        ("EV-1", 50.0, "NMC", 96.0, "Ulm"),
        ("EV-2", 80.5, "LFP", None, "12 Main St"),
        ("EV-3", None, None, None, None),
        ("EV-4", 1.0, "LFP", None, None),
    ]
    assert [row["events"] for row in rows] == [6 * 1152 - 7 - 1, 6 * 1152, 1152, 0]
    assert rows[0]["first_ts"] == "2026-01-30 00:00:00+00:00"
    assert rows[0]["last_ts"] == "2026-02-02 23:55:00+00:00"
    assert rows[3]["first_ts"] is None


def test_twin_state_has_one_row_per_pair(client):
    rows = client("select asset_id, model, status, as_of, state is null as empty from twin_state order by all")
    as_of = "2026-02-02 23:55:00+00:00"
    assert [tuple(row.values()) for row in rows] == [
        ("EV-1", "eq_cycles", "ok", as_of, False),
        ("EV-1", "voltage_monitor", "ok", as_of, False),
        ("EV-2", "eq_cycles", "ok", as_of, False),
        ("EV-2", "voltage_monitor", "ok", as_of, False),
        ("EV-3", "eq_cycles", "skipped", None, True),
        ("EV-3", "voltage_monitor", "skipped", None, True),
    ]


def test_a_states_fields_are_columns_to_sql(client):
    state, latest = client(
        "select asset_id, state.equivalent_cycles::double as cycles from twin_state where model = 'eq_cycles'"
        " and status = 'ok' and state.observed_hours > 90 order by asset_id",
        "select asset_id, value as cycles from latest_outputs where output = 'equivalent_cycles' order by asset_id",
    )
    assert state == latest
    assert len(state) == 2


def test_pairs_of_one_model_and_settings_share_their_fingerprint(client):
    rows = client("select model, count(distinct fingerprint) as n from twin_state where status = 'ok' group by model")
    assert [row["n"] for row in rows] == [1, 1]


def test_latest_outputs_are_the_last_rows_of_outputs(client):
    latest, last = client(
        "select asset_id, model, output, ts, value from latest_outputs order by all",
        "select asset_id, model, output, max(ts) as ts, arg_max(value, ts) as value from outputs"
        " group by all order by all",
    )
    assert latest == last
    assert len(latest) == 2 * (6 + 5) - 2  # without a mapped voltage eq_cycles yields no energy


def test_outputs_are_unique_and_ordered_in_time(client):
    rows = client(
        "select count(*) as n, count(distinct (asset_id, model, output, ts)) as keys, max(ts) as last from outputs"
    )
    assert rows[0]["n"] == rows[0]["keys"]
    assert rows[0]["last"] == "2026-02-02 23:55:00+00:00"


def test_records_show_closed_and_open_alerts(client):
    rows = client("from records where asset_id = 'EV-2' order by started_at")
    assert [(r["model"], r["kind"], r["severity"], r["value"]) for r in rows] == [
        ("voltage_monitor", "alert", 2, 4.3),
        ("voltage_monitor", "alert", 2, 4.22),
    ]
    assert [r["started_at"] for r in rows] == ["2026-01-31 05:00:00+00:00", "2026-02-02 18:00:00+00:00"]
    assert [r["ended_at"] for r in rows] == ["2026-01-31 06:40:00+00:00", None]
    assert json.loads(rows[0]["detail"])["limit"] == 3.75


def test_snapshots_stand_at_closed_slots(client):
    rows = client(
        "select asset_id, model, as_of, seq, json_type(state) as state, run_id from snapshots order by all",
    )
    assert {row["as_of"] for row in rows} >= {"2026-02-02 00:00:00+00:00"}
    assert all(row["as_of"].endswith(" 00:00:00+00:00") for row in rows)
    assert {(row["asset_id"], row["model"]) for row in rows} == {
        (asset, model) for asset in ("EV-1", "EV-2") for model in ("eq_cycles", "voltage_monitor")
    }
    assert {row["state"] for row in rows} == {"OBJECT"}


def test_runs_and_attempts_tell_what_was_done(client):
    runs, attempts = client("from runs", "from attempts order by asset_id, model")
    assert len(runs) == 1
    run = runs[0]
    assert (run["mode"], run["assets"], run["parked"]) == ("incremental", 2, 0)
    assert run["events_replayed"] == 12 * 1152 - 8
    assert run["started_at"] < run["ended_at"]
    assert {"python", "numpy", "duckdb"} <= set(json.loads(run["environment"]))
    assert [(a["asset_id"], a["model"], a["status"], a["reasons"], a["error"]) for a in attempts] == [
        (asset, model, "ok", ["new_asset"], None)
        for asset in ("EV-1", "EV-2")
        for model in ("eq_cycles", "voltage_monitor")
    ]
    assert {a["run_id"] for a in attempts} == {run["run_id"]}


def test_skipped_names_what_is_missing(client):
    rows = {row["model"]: row["missing"] for row in client("from skipped where asset_id = 'EV-3'")}
    assert "current" in rows["eq_cycles"]
    assert "chemistry" in rows["voltage_monitor"]


def test_quarantine_holds_the_bad_row(client):
    (row,) = client("from quarantine")
    assert row["reason"] == "no value"
    assert row["file"].endswith("events.parquet")
    assert json.loads(row["raw"])["sensor"] == "cell_voltage_max"


def test_quality_counts_sentinels_and_gaps(client):
    rows = client("from quality order by asset_id, sensor, day")
    table = {(r["asset_id"], r["sensor"], r["day"]): r for r in rows}
    sick = table["EV-1", "cell_voltage_max", DAY]
    assert (sick["samples"], sick["out_of_range"]) == (287, 2)
    silent = table["EV-1", "soc", DAY]
    assert (silent["samples"], silent["gaps"], silent["gap_s"]) == (281, 1, 8 * 300.0)
    healthy = [r for key, r in table.items() if key not in {("EV-1", "cell_voltage_max", DAY), ("EV-1", "soc", DAY)}]
    assert {(r["samples"], r["gaps"], r["gap_s"], r["out_of_range"]) for r in healthy} == {(288, 0, 0.0, 0)}
    assert len(healthy) == 13 * 4 - 2


def test_parameters_may_be_called_anything(ingested, write, ask):
    columns = ["asset_id", "events", "first_ts", "Site", "select", 'a"b', "sensor's", "über"]
    rows = [",".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in columns), "EV-1,9,x,y,1,2,3,4"]
    ask("assets", "import", write("a.csv", "\n".join(rows) + "\n"))
    (row,) = ask("sql", "from assets where asset_id = 'EV-1'")
    assert row["events"] == 6912
    assert row["first_ts"] == "2026-01-30T00:00:00Z"
    assert (row["events_"], row["first_ts_"], row["Site"], row["site_"]) == (9.0, "x", "y", "Ulm")
    assert [row["select"], row['a"b'], row["sensor's"], row["über"]] == [1.0, 2.0, 3.0, 4.0]


def test_a_query_shows_the_last_publication_while_an_older_result_is_held(ran, write, make_events):
    held = ran.sql("select max(ts) as ts from events")
    before = held.fetchall()
    later = make_events("EV-1", days=5)
    ran.ingest(write("more.parquet", later))
    ran.publish()
    assert ran.sql("select max(ts) as ts from events").fetchall() == [(later.ts.max().to_pydatetime(),)]
    assert held.fetchall() == before
