"""Completion, through a real bash as a user's line passes through it, and in the forms that zsh and fish ask for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = f'#!/bin/sh\nexec {sys.executable} -c "from actors.cli import main; main()" "$@"\n'


@pytest.fixture
def home(workdir):
    """A folder with `twins` on the path, run from this checkout."""
    (workdir / "bin").mkdir()
    (workdir / "bin" / "twins").write_text(PROGRAM)
    (workdir / "bin" / "twins").chmod(0o755)
    return workdir


@pytest.fixture
def environment(home):
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "SHELL": "/bin/bash"}


@pytest.fixture
def bash(home, environment):
    """`bash(word, word, ...)`: what bash would offer for the last word, its words broken as readline breaks them."""

    def complete(*words, **more):
        broken = " ".join(f"'{word}'" for word in words)
        script = f"""
            eval "$(_TWINS_COMPLETE=source_bash twins)"
            COMP_WORDS=(twins {broken}); COMP_CWORD={len(words)}
            _twins_completion twins
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(
            ["bash", "--norc", "-c", script],
            cwd=home,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return complete


def test_commands_options_and_choices(bash):
    assert bash("pl") == ["plan"]
    assert bash("batches", "") == ["list", "retract"]
    assert bash("run", "--compute-type", "") == ["incremental", "full", "manual"]
    assert bash("plan", "--ex") == ["--explain"]
    assert bash("plan", "--sto") == ["--store"]  # global options may stand anywhere


def test_assets_come_from_the_store_that_the_line_names(ran, bash):
    assert bash("--store", "store", "state", "") == ["EV-1", "EV-2"]
    assert bash("state", "--store", "store", "EV-2") == ["EV-2"]
    assert bash("--store=store", "assets", "purge", "E") == ["EV-1", "EV-2"]
    assert bash("plan", "--store", "store", "--explain", "E") == ["EV-1", "EV-2"]
    assert bash("state", "", TWINS_STORE="store") == ["EV-1", "EV-2"]
    assert bash("--store", "store", "state", "X") == []


def test_without_a_store_there_is_silence(bash, home):
    assert bash("state", "") == []
    (home / "fleet-store").mkdir()
    (home / "fleet-store" / "fleet.duckdb").write_text("no database")
    assert bash("state", "") == []


def test_the_value_of_a_global_option_is_no_value_of_the_command(ran, bash):
    assert bash("state", "--store", "") == []  # the shell offers files


def test_selectors_are_completed_part_by_part(ran, bash):
    assert bash("plan", "--select", "") == ["asset:", "model:", "reason:", "status:"]
    store = ("--store", "store", "plan", "--select")
    assert bash(*store, "asset", ":") == ["EV-1", "EV-2"]
    assert bash(*store, "asset", ":", "EV-2") == ["EV-2"]
    assert bash(*store, "model", ":", "eq_cycles,reason", ":", "la") == ["late_events"]
    assert bash(*store, "status", ":", "p") == ["parked"]
    assert bash(*store, "model", ":", "vol") == ["voltage_monitor"]


def test_models_are_completed_with_those_of_other_folders(bash, home):
    (home / "more" / "my_model").mkdir(parents=True)
    (home / "more" / "my_model" / "model.json").write_text("{}")
    assert bash("models", "check", "e") == ["eq_cycles"]
    assert bash("--models-dir", "more", "models", "check", "m") == ["my_model"]
    assert bash("replay", "EV-1", "--set", "vol") == ["voltage_monitor."]


@pytest.mark.parametrize(
    ("shell", "more"), [("zsh", {}), ("fish", {"_TYPER_COMPLETE_FISH_ACTION": "get-args"})], ids=["zsh", "fish"]
)
def test_other_shells_get_the_same_words(ran, home, environment, shell, more):
    asked = {"_TWINS_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "twins state --store store EV-2", **more}
    done = subprocess.run(
        ["twins"], cwd=home, env={**environment, **asked}, capture_output=True, text=True, timeout=120
    )
    assert "EV-2" in done.stdout
    assert "EV-1" not in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_be_taught(home, environment, shell):
    done = subprocess.run(
        ["twins"],
        cwd=home,
        env={**environment, "_TWINS_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert f"_TWINS_COMPLETE=complete_{shell}" in done.stdout


def test_completing_an_asset_loads_the_database_and_no_engine(ran, home, environment):
    script = (
        "import atexit, sys\n"
        "from actors.cli import main\n"
        "names = ('ray', 'pyarrow', 'pandas', 'numpy', 'altergo_interface', 'twins', 'models')\n"
        "atexit.register(lambda: sys.stderr.write(repr([n for n in names if n in sys.modules])))\n"
        "main()"
    )
    asked = {"_TWINS_COMPLETE": "complete_bash", "COMP_WORDS": "twins --store store state EV", "COMP_CWORD": "4"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=home,
        env={**environment, **asked},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["EV-1", "EV-2"]
    assert done.stderr == "[]"
