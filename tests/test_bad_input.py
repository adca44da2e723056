"""Bad input of every kind: exit 2, one line that names what, where and what to do, and nothing changed."""

import json
import os
import shlex
from dataclasses import dataclass

import pandas as pd
import pytest

from actors import Fleet

EVENTS = "asset_id,sensor,ts,value\nA,current,2026-03-01T00:00Z,1\nA,current,2026-03-01T00:01Z,2\n"


@dataclass(frozen=True)
class Case:
    """A command with `{name}` for files of `files`, what its error must name, and its code."""

    command: str
    names: tuple[str, ...]
    code: str
    files: dict[str, object] | None = None


def settings_with(section, content):
    return {"parameters": {section: content}}


INGEST = {
    "empty file": Case("ingest {e.csv}", ("e.csv", "empty"), "IngestError", {"e.csv": ""}),
    "empty parquet": Case("ingest {e.parquet}", ("e.parquet", "empty"), "IngestError", {"e.parquet": ""}),
    "header only": Case("ingest {e.csv}", ("e.csv", "no rows"), "IngestError", {"e.csv": EVENTS.split("A")[0]}),
    "no good row": Case(
        "ingest {e.csv}",
        ("e.csv", "none of its 2 rows", "Row 1", "not a number"),
        "IngestError",
        {"e.csv": "asset_id,sensor,ts,value\nA,x,2026-03-01T00:00Z,one\n,x,2026-03-01T00:00Z,1\n"},
    ),
    "missing file": Case("ingest nowhere.csv", ("nowhere.csv", "not there"), "IngestError"),
    "a second file that is missing": Case(
        "ingest {e.csv} nowhere.csv", ("nowhere.csv", "not there"), "IngestError", {"e.csv": EVENTS}
    ),
    "no ISO time": Case(
        "ingest {e.csv}",
        ("e.csv", "but '01.03.2026 10:00:00'", "Give --ts-format, e.g. '%d.%m.%Y %H:%M:%S'"),
        "IngestError",
        {"e.csv": "asset_id,sensor,ts,value\nA,x,01.03.2026 10:00:00,1\n"},
    ),
    "wide file": Case(
        "ingest {e.csv}",
        ("e.csv", "Is there one column per sensor? Then --wide, with --asset"),
        "IngestError",
        {"e.csv": "time,I_pack,U_pack\n2026-03-01T00:00Z,1,2\n"},
    ),
    "a folder": Case("ingest .", (".", "a folder"), "IngestError"),
    "unknown ending": Case("ingest {e.xlsx}", ("e.xlsx", ".parquet", ".csv.gz"), "IngestError", {"e.xlsx": EVENTS}),
    "no parquet": Case("ingest {e.parquet}", ("e.parquet", "cannot be read"), "IngestError", {"e.parquet": EVENTS}),
    "missing column": Case(
        "ingest {e.csv}",
        ("e.csv", "no column 'value'", "--mapping"),
        "IngestError",
        {"e.csv": EVENTS.replace("value", "reading")},
    ),
    "misspelt mapping key": Case(
        "ingest {e.csv} --mapping {m.json}",
        ("m.json", "colums", "Did you mean 'columns'?"),
        "IngestError",
        {"e.csv": EVENTS, "m.json": {"colums": {}}},
    ),
    "unknown zone": Case(
        "ingest {e.csv} --tz Europe/Berlim",
        ("--tz", "Europe/Berlim", "Did you mean 'Europe/Berlin'?"),
        "IngestError",
        {"e.csv": EVENTS},
    ),
    "unreadable column flag": Case(
        "ingest {e.csv} --column ts", ("--column", "OURS=THEIRS"), "UsageError", {"e.csv": EVENTS}
    ),
}

ASSETS = {
    "an asset twice": Case(
        "assets import {a.csv}",
        ("a.csv", "row 2", "A capacity is 60.0, but 50.0 in row 1", "valid_from"),
        "ParameterError",
        {"a.csv": "asset_id,capacity\nA,50\nA,60\n"},
    ),
    "unknown chemistry": Case(
        "assets import {a.csv}",
        ("a.csv", "row 2", "chemistry", "'NMX'", "Did you mean 'NMC'?"),
        "ParameterError",
        {"a.csv": "asset_id,chemistry\nA,LFP\nB,NMX\n"},
    ),
    "misspelt parameter": Case(
        "assets import {a.csv}",
        ("a.csv", "'capasity'", "Did you mean 'capacity'?"),
        "ParameterError",
        {"a.csv": "asset_id,capasity\nA,50\n"},
    ),
    "capacity below 0": Case(
        "assets import {a.csv}",
        ("a.csv", "row 1", "capacity", "-5", "greater than 0"),
        "ParameterError",
        {"a.csv": "asset_id,capacity\nA,-5\n"},
    ),
    "half a cell": Case(
        "assets import {a.csv}",
        ("a.csv", "row 1", "cells_in_series", "1.5"),
        "ParameterError",
        {"a.csv": "asset_id,cells_in_series\nA,1.5\n"},
    ),
    "no asset column": Case(
        "assets import {a.csv}", ("a.csv", "asset_id"), "ParameterError", {"a.csv": "vin,capacity\nA,50\n"}
    ),
    "an asset without a name": Case(
        "assets import {a.csv}",
        ("a.csv", "row 2", "asset_id"),
        "ParameterError",
        {"a.csv": "asset_id,site\nA,x\n,y\n"},
    ),
    "no time": Case(
        "assets import {a.csv}",
        ("a.csv", "row 1", "valid_from", "'soon'", "ISO 8601"),
        "ParameterError",
        {"a.csv": "asset_id,capacity,valid_from\nA,50,soon\n"},
    ),
    "assets with semicolons": Case(
        "assets import {a.csv}",
        ("a.csv", "the delimiter is ';'", "commas"),
        "ParameterError",
        {"a.csv": "asset_id;capacity\nA;50,5\n"},
    ),
    "empty assets file": Case("assets import {a.csv}", ("a.csv",), "ParameterError", {"a.csv": ""}),
    "no assets": Case("assets import {a.csv}", ("a.csv", "no rows"), "ParameterError", {"a.csv": "asset_id,site\n"}),
    "assets of unknown ending": Case(
        "assets import {a.xml}", ("a.xml", ".csv"), "ParameterError", {"a.xml": "<assets/>"}
    ),
    "missing assets file": Case("assets import nowhere.csv", ("nowhere.csv",), "ParameterError"),
}

SETTINGS = {
    "no JSON": Case("plan --settings {s.json}", ("s.json", "JSON"), "SettingsError", {"s.json": "{'parameters': 1"}),
    "missing settings": Case("plan --settings nowhere.json", ("nowhere.json", "--settings"), "SettingsError"),
    "no parameters": Case("plan --settings {s.json}", ("s.json", "parameters"), "SettingsError", {"s.json": {}}),
    "unknown section": Case(
        "plan --settings {s.json}",
        ("s.json", "sensor", "Did you mean 'sensors'?"),
        "SettingsError",
        {"s.json": settings_with("sensor", {})},
    ),
    "unknown execution key": Case(
        "plan --settings {s.json}",
        ("s.json", "compute_typ", "Did you mean 'compute_type'?"),
        "SettingsError",
        {"s.json": settings_with("execution", {"compute_typ": "full"})},
    ),
    "unknown unit": Case(
        "plan --settings {s.json}",
        ("s.json", "current", "ampers", "Known: V, mV"),
        "SettingsError",
        {"s.json": settings_with("sensors", {"current": {"unit": "ampers"}})},
    ),
    "unknown model": Case(
        "run --local --settings {s.json}",
        ("eq_cycle'", "Did you mean 'eq_cycles'?"),
        "ManifestError",
        {"s.json": settings_with("models", {"eq_cycle": {}})},
    ),
    "unknown enabled model": Case(
        "run --local --settings {s.json}",
        ("voltage_monitr", "Did you mean 'voltage_monitor'?"),
        "ManifestError",
        {"s.json": settings_with("execution", {"enabled_models": "eq_cycles,voltage_monitr"})},
    ),
    "misspelt configuration key": Case(
        "run --local --settings {s.json}",
        ("s.json", "eq_cycles", "charge_eficiency", "Did you mean 'charge_efficiency'?"),
        "SettingsError",
        {"s.json": settings_with("models", {"eq_cycles": {"charge_eficiency": 0.98}})},
    ),
    "out of bounds": Case(
        "run --local --settings {s.json}",
        ("s.json", "eq_cycles", "charge_efficiency", "1.5", "<= 1"),
        "SettingsError",
        {"s.json": settings_with("models", {"eq_cycles": {"configuration": {"charge_efficiency": 1.5}}})},
    ),
    "wrong type": Case(
        "run --local --settings {s.json}",
        ("s.json", "max_gap_s", "'long'"),
        "SettingsError",
        {"s.json": settings_with("models", {"eq_cycles": {"max_gap_s": "long"}})},
    ),
    "unknown input": Case(
        "run --local --settings {s.json}",
        ("s.json", "eq_cycles", "currant", "Did you mean 'current'?"),
        "SelectionError",
        {"s.json": settings_with("models", {"eq_cycles": {"inputs": {"currant": "I"}}})},
    ),
}

LOOKING = {
    "unknown asset's state": Case("state EV-11", ("EV-11", "Did you mean 'EV-1'?"), "SelectionError"),
    "unknown asset's replay": Case("replay EV-11", ("EV-11", "Did you mean 'EV-1'?"), "SelectionError"),
    "nothing to replay": Case("replay EV-1 --to 2020-01-01", ("EV-1", "no events"), "SelectionError"),
    "no time in replay": Case("replay EV-1 --from soon", ("--from", "'soon'", "ISO 8601"), "SelectionError"),
    "misspelt override": Case(
        "replay EV-1 --set eq_cycles.deadbnd_a=1", ("deadbnd_a", "Did you mean 'deadband_a'?"), "SettingsError"
    ),
    "no override": Case("replay EV-1 --set deadband_a", ("--set", "model.key"), "SettingsError"),
    "output of unknown ending": Case("replay EV-1 --out x.xlsx", ("x.xlsx", ".csv"), "SettingsError"),
    "unknown selected model": Case(
        "run --local --select model:eq_cycle", ("eq_cycle", "Did you mean 'eq_cycles'?"), "SelectionError"
    ),
    "unknown selected asset": Case("plan --select EW-1", ("EW-1", "Did you mean 'EV-1'?"), "SelectionError"),
    "unknown selector": Case("run --local --select modle:x", ("modle", "Did you mean 'model'?"), "SelectionError"),
    "selector with an equals sign": Case(
        "plan --select model=eq_cycles", ("model=eq_cycles", "Did you mean 'model:eq_cycles'?"), "SelectionError"
    ),
    "unknown reason": Case("plan --select reason:new_event", ("new_event", "new_events"), "SelectionError"),
    "unknown status": Case("plan --select status:prked", ("prked", "parked"), "SelectionError"),
    "unknown selector in digest": Case("digest --select modle:x", ("modle", "model"), "SelectionError"),
    "unknown asset in digest": Case("digest --select EW-1", ("EW-1", "EV-1"), "SelectionError"),
    "bad SQL": Case("sql 'selec 1'", ("SQL", "selec"), "SelectionError"),
    "unknown view": Case("sql 'from output'", ("SQL", "output"), "SelectionError"),
    "unknown models folder": Case("plan --models-dir nowhere", ("nowhere", "--models-dir"), "ManifestError"),
    "unknown command": Case("replan", ("replan", "Did you mean 'replay'?"), "UsageError"),
    "unknown command of a group": Case("batches lst", ("lst", "Did you mean 'list'?"), "UsageError"),
    "unknown option": Case("plan --selct x", ("--selct", "Did you mean '--select'?"), "UsageError"),
    "unknown global option": Case("plan --jsn", ("--jsn", "Did you mean '--json'?"), "UsageError"),
    "unknown option like no other": Case("plan --qqq", ("--qqq", "See --help"), "UsageError"),
    "missing argument": Case("state", ("ASSET",), "UsageError"),
    "unknown compute type": Case("plan --compute-type some", ("some", "Known: full"), "UsageError"),
    "misspelt compute type": Case("plan --compute-type ful", ("ful", "Did you mean 'full'?"), "UsageError"),
}

WRITES = {
    query: Case(f'sql "{query}"', ("SQL", "read-only"), "SelectionError")
    for query in (
        "create table mine(x int)",
        "create view mine as select 1",
        "drop view events",
        "drop table store.heads",
        "insert into store.masks values (null, null, null, null)",
        "update store.heads set state = null",
        "delete from store.segments",
        "alter table store.heads drop column state",
    )
}

WRITES |= {
    query: Case(f'sql "{query}"', ("SQL", "read-only", word), "SelectionError")
    for query, word in (
        ("copy (select 1) to 'copied.csv'", "copied.csv"),
        ("attach 'catalog.duckdb' as mine", "catalog.duckdb"),
        ("export database 'exported'", "exported"),
        ("install httpfs", "disabled"),
    )
}

CASES = {**INGEST, **ASSETS, **SETTINGS, **LOOKING, **WRITES}


@pytest.fixture(scope="module")
def used_store(tmp_path_factory, make_events):
    """A store with events and results, for all cases: none may change it."""
    root = tmp_path_factory.mktemp("used")
    make_events("EV-1", days=2).to_parquet(root / "events.parquet")
    (root / "assets.csv").write_text("asset_id,capacity,chemistry\nEV-1,50,NMC\n")
    fleet = Fleet(root / "store")
    fleet.ingest(root / "events.parquet")
    fleet.import_assets(root / "assets.csv")
    fleet.run(local=True)
    return root / "store"


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_in_one_line_and_changes_nothing(name, used_store, write, twins, snapshot):
    case = CASES[name]
    paths = {f"{{{key}}}": write(key, content) for key, content in (case.files or {}).items()}
    words = [paths.get(word, word) for word in shlex.split(case.command)]
    before = snapshot(used_store)

    code, out, err = twins("--store", used_store, *words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert [part for part in case.names if part not in err] == []

    code, out, err = twins("--store", used_store, "--json", *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    document = json.loads(err)
    assert set(document) == {"error", "code", "hint"}
    assert document["code"] == case.code
    assert document["error"]
    assert document["hint"]
    assert snapshot(used_store) == before


@pytest.mark.parametrize("name", [*INGEST, *ASSETS])
def test_a_first_bad_file_leaves_no_store_behind(name, write, twins, store):
    case = CASES[name]
    paths = {f"{{{key}}}": write(key, content) for key, content in (case.files or {}).items()}
    assert twins(*(paths.get(word, word) for word in shlex.split(case.command)))[0] == 2
    assert not store.exists()


COMMANDS = (
    "plan",
    "run --local",
    "retry --local",
    "state A",
    "replay A",
    "status",
    "digest",
    "batches list",
    "assets list",
    "sensors",
    "sql 'from events'",
)


def test_without_a_store_every_command_says_so(store, twins):
    for command in COMMANDS:
        code, out, err = twins(*shlex.split(command))
        assert (code, out) == (2, ""), command
        assert err.count("\n") == 1
        assert str(store) in err
        assert "Ingest a file first, or check --store" in err
        assert not store.exists()


@pytest.mark.parametrize("command", [*COMMANDS, "ingest events.csv", "assets import assets.csv"])
@pytest.mark.parametrize("kind", ["foreign folder", "garbage catalog", "empty catalog", "a file"])
def test_a_store_that_is_none_is_left_alone(kind, command, store, write, twins, snapshot):
    write("events.csv", EVENTS)
    write("assets.csv", "asset_id,capacity\nA,50\n")
    if kind == "a file":
        store.write_text("dear diary")
    else:
        store.mkdir()
        content = {"foreign folder": None, "garbage catalog": os.urandom(8192), "empty catalog": b""}[kind]
        if content is None:
            (store / "diary.txt").write_text("dear diary")
        else:
            (store / "catalog.duckdb").write_bytes(content)
    before = snapshot(store)
    code, out, err = twins("--json", *shlex.split(command))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    document = json.loads(err)
    assert document["code"] == "StoreError"
    assert str(store) in document["error"]
    assert document["hint"]
    assert snapshot(store) == before


def test_one_bad_row_of_an_assets_file_takes_nothing_from_it(ingested, write, twins, ask):
    before = ask("assets", "list")
    code, _, err = twins("assets", "import", write("a.csv", "asset_id,capacity\nEV-1,51\nEV-2,none\n"))
    assert code == 2
    assert "row 2" in err
    assert ask("assets", "list") == before


def test_an_environment_override_that_names_nothing(ingested, twins, monkeypatch):
    monkeypatch.setenv("TWINS__EXECUTON__COMPUTE_TYPE", "full")
    code, _, err = twins("plan")
    assert code == 2
    assert "TWINS__EXECUTON__COMPUTE_TYPE" in err
    assert "execution" in err


def test_parquet_with_times_for_values(write, twins, store):
    frame = pd.DataFrame({"asset_id": ["A"], "sensor": ["x"], "ts": pd.to_datetime(["2026-03-01T00:00Z"])})
    code, _, err = twins("ingest", write("e.parquet", frame.assign(value=frame.ts)))
    assert code == 2
    assert "'value'" in err
    assert not store.exists()
