"""entrypoint.py as the platform and a developer start it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors import Fleet
from actors.platform_entry import main
from actors.platform_run import wanted_sensors
from altergo_interface.sdk_gateway import INSTALL

ROOT = Path(__file__).parents[1]
KEY = "k3y-Zq7+/9fT2mB0wX5"


@pytest.fixture
def folder(platform_of):
    return platform_of({"capacity": 50, "chemistry": "NMC", "cells_in_series": 96})


@pytest.fixture
def dev(write, folder, settings):
    """`dev(**more)`: writes dev-parameters.json; its path."""

    def write_it(**more):
        given = {"altergoUserApiKey": KEY, "assetId": "EV-1", "gateway": "file:platform", "settings": "settings.json"}
        return str(write("dev-parameters.json", given | more))

    return write_it


@pytest.fixture
def enter(capsys):
    """`enter(argument)`: (exit code, stderr); stdout must stay empty."""

    def run(*words):
        capsys.readouterr()
        code = main(words)
        out, err = capsys.readouterr()
        assert out == ""
        assert KEY not in err
        return code, err

    return run


def test_it_fetches_and_runs(enter, dev, workdir):
    code, err = enter(dev())
    assert code == 0, err
    assert "ran 2 pairs" in err
    fleet = Fleet(workdir / "fleet-store")
    assert fleet.sql("select distinct asset_id, status from twin_state").fetchall() == [("EV-1", "ok")]


def test_again_it_does_nothing_and_another_asset_is_added(enter, dev, workdir):
    enter(dev())
    assert "ran 0 pairs" in enter(dev())[1]
    code, err = enter(dev(assetId=["EV-1", "EV-2"]))
    assert (code, "ran 2 pairs" in err) == (0, True)


def test_it_sends_the_results_to_where_it_fetched_from(enter, dev, folder):
    asked = {"execution": {"upload_output": True}}
    code, err = enter(dev(parameters=asked))
    assert code == 0, err
    results = folder / "EV-1" / "results"
    assert (results / "eq_cycles equivalent_cycles.csv").read_text().startswith("ts,value,label,unit\n2026-01-30T")
    assert "file:" in err.splitlines()[-1]
    assert enter(dev(parameters=asked))[1].splitlines()[-1].endswith("up to date")


def test_an_asset_whose_results_are_refused_is_told(enter, dev, folder):
    (folder / "EV-1" / "results").write_text("no folder")
    code, err = enter(dev(parameters={"execution": {"upload_output": True}}))
    assert (code, "ran 2 pairs" in err) == (1, True), err
    assert "refused: EV-1" in err


def test_without_assets_a_folder_gives_all_of_its_own(enter, write, folder, settings, workdir):
    assert enter(json.dumps({"gateway": "file:platform", "settings": "settings.json"}))[0] == 0
    assert len(Fleet(workdir / "fleet-store").assets()) == 2


def test_the_store_is_that_of_the_arguments_or_of_the_environment(enter, dev, workdir, monkeypatch):
    assert enter(dev(store="there"))[0] == 0
    monkeypatch.setenv("TWINS_STORE", str(workdir / "elsewhere"))
    assert enter(dev())[0] == 0
    assert {(workdir / name / "catalog.duckdb").is_file() for name in ("there", "elsewhere")} == {True}


def test_each_missing_key_is_told_once(enter, dev):
    err = enter(dev())[1]
    missing = [line for line in err.splitlines() if "is missing" in line]
    assert len(missing) == len(set(missing)) == 4
    assert any('execution.compute_type is missing: "incremental" is used' in line for line in missing)


def test_the_arguments_override_the_settings(enter, dev, workdir, settings):
    assert enter(dev(parameters={"execution": {"enabled_models": "eq_cycles"}}))[0] == 0
    found = Fleet(workdir / "fleet-store", settings).sql("select distinct model from twin_state").fetchall()
    assert found == [("eq_cycles",)]


def test_the_platforms_configuration_overrides_and_its_gaps_are_told(enter, dev, workdir, settings_document, write):
    execution = {"enabled_models": {"default": "eq_cycles,voltage_monitor", "valueDev": "none"}}
    write("settings.json", {"parameters": settings_document["parameters"] | {"execution": execution}})
    sent = {"execution": {"compute_type": "manual"}, "sensors": settings_document["parameters"]["sensors"]}
    given = {"gateway": f"file:{workdir / 'platform'}", "settings": "settings.json", "configurationValues": sent}
    execution = {"enabled_models": "eq_cycles", "compute_type": "full"}
    code, err = enter(json.dumps(given | {"parameters": {"execution": execution}}))
    assert code == 0, err
    (run,) = Fleet(workdir / "fleet-store").sql("select mode from runs").fetchall()
    assert run == ("full",)  # the parameters win over what was sent
    assert "ran 2 pairs" in err
    missing = [line for line in err.splitlines() if "that of" in line]
    assert [line.split(": ")[2].split()[0] for line in missing] == [
        "execution.enabled_models",
        "models.eq_cycles.inputs.voltage",
    ]


def test_value_dev_is_for_developers(enter, dev, workdir, settings_document, write, monkeypatch):
    """Only a developer's file takes valueDev; the platform's takes the default."""
    from actors.platform_arguments import read_arguments
    from actors.platform_run import platform_fleet

    leaf = {"default": "full", "valueDev": "manual"}
    write("settings.json", {"parameters": settings_document["parameters"] | {"execution": {"compute_type": leaf}}})
    told = {
        name: platform_fleet(read_arguments(str(write(name, {"settings": "settings.json"})))).settings()
        for name in ("dev-parameters.json", "task.json")
    }
    assert [s.execution.compute_type for s in told.values()] == ["manual", "full"]


def test_the_settings_may_name_the_gateway(enter, dev, write, settings_document, workdir):
    write("settings.json", settings_document | {"gateway": "file:platform"})
    assert enter(dev(gateway=""))[0] == 0
    assert (workdir / "fleet-store").is_dir()


def test_without_the_sdk_it_says_how_to_install_it(enter, dev, workdir, monkeypatch):
    monkeypatch.setitem(sys.modules, "altergo_sdk", None)
    urls = {"altergoFactoryApi": "https://a", "altergoIotApi": "https://b"}
    code, err = enter(dev(gateway="", **urls))
    assert code == 2
    assert INSTALL in err
    assert not (workdir / "fleet-store").exists()


def test_an_asset_that_fails_ends_in_3_and_the_others_are_run(enter, dev, workdir):
    code, err = enter(dev(assetId="EV-9,EV-1"))
    assert code == 3
    assert "error: EV-9: file:" in err
    assert "ran 2 pairs" in err
    assert enter(dev(assetId="EV-9", store="nothing"))[0] == 3
    assert not (workdir / "nothing").exists()


def test_bad_samples_and_parameters_end_in_1(enter, dev, folder):
    (folder / "EV-1" / "sensors").mkdir()
    (folder / "EV-1" / "sensors" / "soh.csv").write_text("ts,value\n2026-01-30T00:00:00Z,?\n")
    code, err = enter(dev())
    assert (code, "1 × value is not finite" in err) == (1, True)
    (folder / "EV-1" / "parameters.json").write_text('{"capacity": -1}')
    code, err = enter(dev())
    assert (code, "refused: EV-1: parameters: capacity must be greater than 0" in err) == (1, True)


@pytest.mark.parametrize("words", [(), ("a", "b"), ("--help",)])
def test_usage(enter, words):
    code, err = enter(*words)
    assert (code, "Usage: python entrypoint.py" in err) == (2, True)


BROKEN = {
    "settings": ({"settings": "nowhere.json"}, ("nowhere.json", "No such file")),
    "unknown key": ({"parameters": {"execution": {"compute_tipe": "full"}}}, ("compute_tipe", "'compute_type'")),
    "unknown model": ({"parameters": {"execution": {"enabled_models": "eq_cicles"}}}, ("eq_cicles", "'eq_cycles'")),
    "gateway": ({"gateway": "file:../../no/such"}, ("no such folder",)),
    "traversal": ({"assetId": "../../../etc"}, ("no folder for asset '../../../etc'",)),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_named_and_nothing_is_changed(enter, dev, workdir, snapshot, case):
    more, names = BROKEN[case]
    argument = dev(**more)
    before = snapshot(workdir)
    code, err = enter(argument)
    assert code == (3 if case == "traversal" else 2)
    assert all(name in err for name in names), err
    assert snapshot(workdir) == before


def test_it_is_a_script_that_works_from_any_folder(dev, workdir):
    script = [sys.executable, str(ROOT / "entrypoint.py"), dev()]
    done = subprocess.run(script, cwd=workdir, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "ran 2 pairs" in done.stderr


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux shows a command line as a file")
def test_inline_arguments_leave_the_command_line(folder, workdir, settings):
    """While it reads a pipe as a sensor's file, the process is looked at."""
    (folder / "EV-1" / "sensors").mkdir()
    pipe = folder / "EV-1" / "sensors" / "soh.csv"
    os.mkfifo(pipe)
    given = {"altergoUserApiKey": KEY, "assetId": "EV-1", "gateway": "file:platform", "settings": "settings.json"}
    script = [sys.executable, str(ROOT / "entrypoint.py"), json.dumps(given)]
    with subprocess.Popen(script, cwd=workdir, stderr=subprocess.PIPE, text=True) as process:
        with pipe.open("w") as writer:  # opened once it is read
            shown = (
                Path(f"/proc/{process.pid}/cmdline").read_bytes() + Path(f"/proc/{process.pid}/environ").read_bytes()
            )
            writer.write("ts,value\n")
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert KEY.encode() not in shown
    assert b"entrypoint.py\0/dev/fd/" in shown
    assert KEY not in err


def test_the_sensors_that_the_settings_name_are_asked_for(fleet):
    found = wanted_sensors(fleet, fleet.settings())
    assert found[:4] == ["current", "pack_voltage", "cell_voltage_*", "soc"]
    assert {"soh", "charge_ah"} <= set(found)  # of the manifests
    assert len(found) == len(set(found))
