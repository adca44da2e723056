"""The author's kit on the command line: `models new` writes a model that passes `models check` as it stands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from altergo_interface.models import discover, load_folder
from twins.checks import CHECKS

FILES = ["README.md", "__init__.py", "model.json", "test_warm_hours.py", "warm_hours.py"]
CONTINUITIES = {(): "stateful", ("--plain",): "windowed"}


@pytest.mark.parametrize("flags", CONTINUITIES)
def test_a_new_model_passes_its_checks_and_its_test(ask, workdir, flags):
    made = ask("models", "new", "warm_hours", *flags)
    assert made == {"model": "warm_hours", "folder": "models/warm_hours", "files": FILES}
    found = ask("models", "check", "models/warm_hours")
    assert (found["model"], found["continuity"]) == ("warm_hours", CONTINUITIES[flags])
    assert found["failed"] == 0
    assert _pytest(workdir / "models" / "warm_hours", workdir) == 0


def _pytest(folder: Path, elsewhere: Path) -> int:
    """The scaffold's own test as its author runs it, from a folder of their own and with warnings as errors."""
    away = elsewhere / "away"
    away.mkdir()
    (away / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pytest.ini", folder]
    done = subprocess.run(words, cwd=away, env=dict(os.environ), capture_output=True, text=True, timeout=120)
    assert f"{len(CHECKS) + 1} passed" in done.stdout, done.stdout + done.stderr
    return done.returncode


def test_the_document_of_a_check(ask):
    document = ask("models", "check", "eq_cycles")
    assert list(document) == ["model", "continuity", "checks", "passed", "failed", "skipped"]
    assert [entry["name"] for entry in document["checks"]] == list(CHECKS)
    assert all(set(entry) == {"name", "outcome", "detail"} for entry in document["checks"])
    outcomes = [entry["outcome"] for entry in document["checks"]]
    assert [document[outcome] for outcome in ("passed", "failed", "skipped")] == [
        outcomes.count(outcome) for outcome in ("passed", "failed", "skipped")
    ]


def test_a_check_reads_like_a_test_runner(twins):
    code, text, _ = twins("models", "check", "eq_cycles")
    lines = text.splitlines()
    assert code == 0
    assert len(lines) == len(CHECKS) + 1
    assert all(line.startswith(("PASS  ", "SKIP  ")) for line in lines[:-1])
    assert lines[-1].startswith(f"eq_cycles (stateful): {len(CHECKS)} checks, ")


def test_a_failing_check_exits_1_and_names_the_promise(ask, twins, workdir):
    ask("models", "new", "warm_hours")
    path = workdir / "models" / "warm_hours" / "warm_hours.py"
    path.write_text(path.read_text().replace("[state.throughput_ah]", "[0.0]"))
    document = ask("models", "check", "models/warm_hours", code=1)
    failed = {entry["name"]: entry["detail"] for entry in document["checks"] if entry["outcome"] == "failed"}
    assert {"law 1", "call boundaries"} <= set(failed)
    assert failed["law 1"].startswith("promises 'stateful', but output 'throughput_ah' differs")
    code, text, _ = twins("models", "check", "models/warm_hours")
    assert code == 1
    assert "FAIL  law 1 " in text


def test_a_model_is_found_by_name_by_folder_and_from_inside(ask, workdir, monkeypatch):
    ask("--models-dir", "mine", "models", "new", "warm_hours", "--plain")
    assert ask("--models-dir", "mine", "models", "check", "warm_hours")["failed"] == 0
    assert ask("models", "check", workdir / "mine" / "warm_hours")["model"] == "warm_hours"
    monkeypatch.chdir(workdir / "mine" / "warm_hours")
    assert ask("models", "check", ".")["model"] == "warm_hours"
    packaged = discover()["voltage_monitor"].path
    assert load_folder(packaged)["voltage_monitor"].cls is discover()["voltage_monitor"].cls


@pytest.mark.parametrize("target", ["nope", "no/such/folder", "."])
def test_what_is_no_model_is_said(twins, target):
    code, _, err = twins("models", "check", target)
    assert code == 2
    assert "unknown model" in err or "no folder with a model.json" in err


def test_a_new_model_that_is_checked_by_name_is_pointed_out(ask, twins):
    ask("models", "new", "warm_hours")
    code, _, err = twins("models", "check", "warm_hours")
    assert (code, "twins models check models/warm_hours" in err) == (2, True)


def test_a_broken_folder_is_named(ask, twins, workdir):
    ask("models", "new", "warm_hours")
    (workdir / "models" / "warm_hours" / "warm_hours.py").write_text("raise RuntimeError('no luck')\n")
    code, _, err = twins("models", "check", "models/warm_hours")
    assert code == 2
    assert "warm_hours: importing it raised RuntimeError: no luck" in err


BAD = ["Warm", "warm-hours", "1st", "_warm", "", "a/b", "../up", "class", "wärme", "test_warm", "numpy", "twins"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_name_is_refused_and_nothing_is_written(twins, workdir, name):
    code, _, err = twins("models", "new", name)
    assert code == 2
    assert f"'{name}' is " in err
    assert not (workdir / "models").exists()


def test_a_name_that_is_taken_is_refused(ask, twins, workdir):
    ask("--models-dir", "mine", "models", "new", "warm_hours")
    before = (workdir / "mine" / "warm_hours" / "warm_hours.py").read_bytes()
    for words, said in {
        ("--models-dir", "mine", "models", "new", "warm_hours"): "mine/warm_hours exists already",
        ("models", "new", "eq_cycles"): "there is a model 'eq_cycles'",
        ("--models-dir", "other", "--models-dir", "mine", "models", "new", "warm_hours"): "there is a model 'warm_",
    }.items():
        code, _, err = twins(*words)
        assert (code, said in err) == (2, True), err
    assert (workdir / "mine" / "warm_hours" / "warm_hours.py").read_bytes() == before
    assert not (workdir / "other").exists()


@pytest.mark.parametrize(("name", "cls"), [("samples", "SamplesModel"), ("carried", "CarriedModel")])
def test_a_class_is_not_called_like_another_of_its_module(ask, workdir, name, cls):
    ask("models", "new", name)
    assert ask("models", "check", f"models/{name}")["failed"] == 0
    assert f"class {cls}(Model):" in (workdir / "models" / name / f"{name}.py").read_text()


def test_a_new_model_runs_in_a_fleet(ask, ingested, write, settings, settings_document):
    ask("--models-dir", "mine", "models", "new", "warm_hours")
    del settings_document["parameters"]["execution"]["enabled_models"]
    write(settings.name, settings_document)
    report = ask("--models-dir", "mine", "run", "--local", "--select", "model:warm_hours")
    assert (report["pairs"], report["parked"]) == (2, [])


def test_what_to_do_next_is_said(twins):
    code, text, _ = twins("--models-dir", "mine", "models", "new", "warm_hours")
    assert code == 0
    assert "twins models check mine/warm_hours" in text
    assert "twins --models-dir mine replay ASSET" in text
