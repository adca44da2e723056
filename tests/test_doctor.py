"""The doctor finds what is wrong, says what to do, changes nothing, and never ends in a traceback."""

import json
import shutil
from importlib import metadata

import pytest
from terminals import Terminal

from actors import doctor, doctor_machine
from actors.doctor import FAILED, OK, WARNING, Check, Patient, examine
from actors.wording import told


@pytest.fixture
def checks(twins):
    """`checks(*words, code=0)`: the checks by name."""

    def run(*words, code=0):
        found, document, err = twins("--json", "doctor", *words)
        assert (found, err) == (code, "")
        assert document["ok"] is (code == 0)
        assert all(check.get("advice") or check["outcome"] == OK for check in document["checks"])
        return {check["name"]: check for check in document["checks"]}

    return run


def test_all_is_well_after_a_run(ran, checks, snapshot, store):
    before = snapshot(store)
    found = checks()
    assert {check["outcome"] for check in found.values()} <= {OK, WARNING}
    names = {"python", "packages", "memory", "disk", "temporary files", "open files", "clock", "ray", "settings"}
    assert set(found) == names | {"models", "platform SDK", "store", "locks", "published copy", "segments"}
    assert "schema version" in found["store"]["detail"]
    assert "settings.json (--settings)" in found["settings"]["detail"]
    assert snapshot(store) == before


def test_without_a_store_there_is_advice_and_no_failure(workdir, checks):
    found = checks()
    assert (found["store"]["outcome"], found["store"]["advice"]) == (WARNING, "Ingest a file, or check --store")
    assert "segments" not in found
    assert not (workdir / "store").exists()


def test_a_folder_of_something_else_is_no_store(store, checks):
    store.mkdir()
    (store / "holiday.jpg").write_text("beach")
    assert checks(code=1)["store"]["detail"].endswith("exists and is not a store")


@pytest.mark.parametrize(
    "garbage", ["no json {", "[1, 2]", '{"parameters": {"execution": {"enabled_model": "x"}}}', "\x00"]
)
def test_settings_of_garbage(ran, checks, settings, garbage):
    settings.write_text(garbage)
    found = checks(code=1)
    assert found["settings"]["outcome"] == FAILED
    assert str(settings) in found["settings"]["detail"]
    assert found["segments"]["outcome"] == OK  # the others are looked at all the same


def test_a_model_that_is_enabled_and_not_there(ran, checks, write, settings_document):
    settings_document["parameters"]["execution"]["enabled_models"] = "eq_cycle"
    write("settings.json", settings_document)
    assert checks(code=1)["settings"]["advice"] == "Did you mean 'eq_cycles'?"


def test_a_broken_catalog(ran, checks, store):
    (store / "catalog.duckdb").write_bytes(b"no database")
    found = checks(code=1)
    assert (found["store"]["outcome"], found["segments"]["outcome"]) == (FAILED, FAILED)
    assert found["published copy"]["outcome"] == OK


def test_a_broken_copy(ran, checks, store):
    (store / "fleet.duckdb").write_bytes(b"no database")
    found = checks(code=1)["published copy"]
    assert (found["outcome"], "Delete" in found["advice"]) == (FAILED, True)
    (store / "fleet.duckdb").unlink()
    assert checks()["published copy"]["outcome"] == WARNING


def test_a_store_that_has_moved(ran, checks, store, workdir):
    shutil.copytree(store, workdir / "elsewhere")
    assert checks("--store", workdir / "elsewhere")["published copy"]["outcome"] == WARNING


def test_a_lost_segment(ran, checks, store):
    lost = next((store / "segments").rglob("*.parquet"))
    lost.unlink()
    found = checks(code=1)["segments"]
    assert found["outcome"] == FAILED
    assert lost.name in found["detail"]


def test_a_store_of_another_version(ran, checks):
    with ran.store().catalog.transaction("test") as con:
        con.execute("update store.meta set value = '3' where key = 'schema_version'")
    assert checks(code=1)["store"]["advice"] == "Run: twins store upgrade"


def test_who_holds_the_store(ran, checks):
    with ran.store().running("a test"):
        assert "a test by process" in checks()["locks"]["detail"]
    assert checks()["locks"]["detail"] == "nobody works on the store"


def test_segments_elsewhere_that_cannot_be_reached(workdir, checks, twins, prepared, settings):
    place = workdir / "far" / "segments"
    assert twins("init", "--segments", place.as_uri())[0] == 0
    assert twins("ingest", prepared / "events.parquet")[0] == 0
    assert checks()["segments"]["outcome"] == OK
    shutil.rmtree(place)
    assert checks(code=1)["segments"]["outcome"] == FAILED


def test_a_broken_model_folder_is_named_with_its_reason(ran, checks, workdir):
    folder = workdir / "more" / "broken"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{")
    found = checks("--models-dir", workdir / "more", code=1)["models"]
    assert str(folder) in found["detail"]


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("duckdb>=1.5", ""),
        ("duckdb>=99", "is older than 99"),
        ("no-such-package>=1; python_version > '3'", "no-such-package is missing"),
        ("rich", ""),
    ],
)
def test_packages(monkeypatch, requirement, said):
    monkeypatch.setattr(metadata, "requires", lambda name: [requirement, "moto>=99 ; extra == 'dev'"])
    found = doctor_machine.check_packages(Patient(None))
    assert found.outcome == (FAILED if said else OK)
    assert said in found.detail


def test_scarcity_is_a_warning_and_a_full_disk_a_failure(monkeypatch, tmp_path):
    usage = shutil.disk_usage(tmp_path)
    for free, outcome in ((50e9, OK), (1e9, WARNING), (1e6, FAILED)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert doctor_machine.check_disk(Patient(tmp_path / "not" / "there")).outcome == outcome


def test_a_check_that_breaks_is_a_finding(monkeypatch):
    def breaks(patient):
        raise ModuleNotFoundError("No module named 'ray'")

    monkeypatch.setattr("actors.doctor_engine.CHECKS", {"ray": breaks})
    monkeypatch.setattr("actors.doctor_store.CHECKS", {})
    monkeypatch.setattr("actors.doctor_machine.CHECKS", {})
    (found,) = examine(Patient(None))
    assert (found.name, found.outcome) == ("ray", FAILED)
    assert "No module named 'ray'" in found.detail


def test_on_a_terminal_and_on_a_pipe(ran, twins, workdir):
    code, out, _ = twins("doctor")
    assert code == 0
    assert out.splitlines()[0].startswith("✓ python: ")
    assert out.splitlines()[-1] == "15 checks, none failed"
    (workdir / "store" / "fleet.duckdb").unlink()
    terminal = Terminal(["--store", "store", "doctor"], workdir, 50)
    assert terminal.end() == 0
    assert max(map(len, terminal.text.splitlines())) <= 50
    assert "! published copy: there is none" in terminal.text
    assert "→ The next run" in terminal.text


@pytest.mark.ray
def test_ray_really_runs_a_task(workdir, checks):
    assert "it has run a task" in checks("--ray")["ray"]["detail"]


def test_a_cluster_that_is_not_there(workdir, checks, monkeypatch):
    monkeypatch.setattr("actors.ray_pool.ray.init", _refuses)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    found = checks("--ray", code=1)["ray"]
    assert "Ray runs no task: nobody answers" in found["detail"]


def _refuses(**_):
    raise ConnectionError("nobody answers")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.25 s"),
        (7.234, "7.2 s"),
        (9.6, "10 s"),
        (42.4, "42 s"),
        (65, "1 min 5 s"),
        (7200, "2 h"),
        (183_600, "2 d 3 h"),
    ],
)
def test_durations_as_people_read_them(seconds, text):
    assert told(seconds) == text


def test_a_check_is_a_document():
    assert Check("x", OK, "fine").document() == {"name": "x", "outcome": "ok", "detail": "fine"}
    assert json.dumps(doctor.Check("x", FAILED, "bad", "do").document()) == json.dumps(
        {"name": "x", "outcome": "failed", "detail": "bad", "advice": "do"}
    )
