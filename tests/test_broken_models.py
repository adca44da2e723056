"""Broken model folders: every command says what is wrong with them, and all other models run."""

import json
from pathlib import Path

import pytest
from toys import CURRENT, write_toys

BROKEN = {
    "raises": ("raise RuntimeError('no luck')", {}, "raises: importing it raised RuntimeError: no luck"),
    "leaves": ("import sys\nsys.exit(3)", {}, "leaves: importing it raised SystemExit: 3"),
    "lies": (None, {"outputs": {"../x": {}}}, "lies/model.json: outputs: the name '../x' is no plain name"),
    "seeds": (
        None,
        {"inputs": {"a": {"initialisation_value": "b"}}},
        "seeds/model.json: inputs.a.initialisation_value names the unknown output 'b'",
    ),
    "empty": ("", {}, "empty: no class is registered"),
}
MODEL = """
from altergo_interface import Model, register_model

@register_model("{name}")
class Toy(Model):
    def process(self, data):
        return {{"y": data["current"]}}
"""


@pytest.fixture
def models(workdir: Path) -> Path:
    """One model that is whole, and one folder for each way of being broken."""
    folder = write_toys(workdir / "my-models", "held")
    for name, (code, manifest, _) in BROKEN.items():
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(MODEL.format(name=name) if code is None else code)
        document = {"inputs": {"current": CURRENT}, "outputs": {"y": {}}} | manifest
        (folder / name / "model.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def enabled(write, settings_document):
    """`enabled(*names)`: a settings file that enables these models; without names, all."""

    def make(*names, **blocks):
        execution = settings_document["parameters"]["execution"]
        execution.pop("enabled_models")
        if names:
            execution["enabled_models"] = list(names)
        settings_document["parameters"]["models"] |= blocks
        return write("chosen.json", settings_document)

    return make


def test_the_others_run_and_the_exit_code_says_that_something_did_not(ingested, twins, models, enabled) -> None:
    place = ("--models-dir", models, "--settings", enabled("held", "eq_cycles"))
    code, document, _ = twins("--json", *place, "run", "--local")
    assert (code, document["parked"], document["pairs"]) == (1, [], 4)
    for _, _, said in BROKEN.values():
        assert [said in line for line in document["warnings"]].count(True) == 1
        assert [said in line for line in document["broken"]].count(True) == 1
    code, _, err = twins(*place, "run", "--local")
    assert code == 1
    for _, _, said in BROKEN.values():
        assert err.count(f"{models}/{said}") == 1


def test_a_plan_names_them_too(ingested, twins, models, enabled) -> None:
    place = ("--models-dir", models, "--settings", enabled("held"))
    code, document, _ = twins("--json", *place, "plan")
    assert (code, len(document["items"]), len(document["warnings"])) == (0, 2, len(BROKEN))
    code, _, err = twins(*place, "plan")
    assert code == 0
    assert all(err.count(f"{models}/{said}") == 1 for _, _, said in BROKEN.values())


def test_without_broken_folders_a_run_ends_with_0(ingested, twins, workdir, enabled) -> None:
    folder = write_toys(workdir / "whole-models", "held")
    code, document, err = twins("--json", "--models-dir", folder, "--settings", enabled("held"), "run", "--local")
    assert (code, document["broken"], err) == (0, [], "")


def test_models_list_shows_them_with_the_reason(twins, models) -> None:
    code, document, _ = twins("--json", "--models-dir", models, "models", "list")
    assert code == 0
    assert {"eq_cycles", "held"} <= {row["model"] for row in document if "model" in row}
    broken = [row for row in document if "error" in row]
    assert {Path(entry["folder"]).name: entry["models"][0] for entry in broken} == {n: n for n in BROKEN}
    for name, (_, _, said) in BROKEN.items():
        (entry,) = (entry for entry in broken if entry["models"] == [name])
        assert said in entry["error"]
    code, out, err = twins("--models-dir", models, "models", "list")
    assert (code, "held" in out) == (0, True)
    assert all(f"broken: {models}/{said}" in err for _, _, said in BROKEN.values())


@pytest.mark.parametrize("name", BROKEN)
def test_settings_that_ask_for_a_broken_model_say_why_it_is_broken(ingested, twins, models, enabled, name) -> None:
    code, _, err = twins("--json", "--models-dir", models, "--settings", enabled("held", name), "run", "--local")
    said = json.loads(err)
    assert (code, said["code"]) == (2, "ManifestError")
    assert f"model '{name}' cannot be used: {models}/{BROKEN[name][2]}" in said["error"]
    block = {name: {"inputs": {"current": {"default": "current"}}}}
    code, _, err = twins("--models-dir", models, "--settings", enabled("held", **block), "plan")
    assert (code, BROKEN[name][2] in err) == (2, True)


def test_a_broken_model_cannot_be_checked(twins, models) -> None:
    for target in ("raises", str(models / "raises")):
        code, _, err = twins("--models-dir", models, "models", "check", target)
        assert (code, BROKEN["raises"][2] in err) == (2, True)


def test_commands_that_need_no_model_warn(ran, twins, models, caplog) -> None:
    code, document, _ = twins("--json", "--models-dir", models, "sensors")
    assert (code, bool(document)) == (0, True)
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert all(any(said in message for message in caplog.messages) for _, _, said in BROKEN.values())


def test_live_twins_follow_without_them(ingested, models, enabled) -> None:
    """Its first round says which folders were left out."""
    import threading

    from actors import Fleet
    from actors.live import LiveHooks

    reports, stop = [], threading.Event()

    def on_round(report) -> None:
        reports.append(report)
        stop.set()

    fleet = Fleet(ingested.root, enabled("held"), [models])
    fleet.live(local=True, hooks=LiveHooks(on_round=on_round), stop=stop)
    assert [report.parked for report in reports] == [[]]
    assert sum("model folder left out" in line for line in reports[0].warnings) == len(BROKEN)
    assert fleet.sql("select count(distinct asset_id) from outputs where model = 'held'").fetchall() == [(2,)]
