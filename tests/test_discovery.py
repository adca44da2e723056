"""Discovery of model folders: foreign ones beside each other, and errors that name the folder."""

import itertools
import json
import os
import re
from pathlib import Path

import pytest

from altergo_interface import Continuity, ManifestError
from altergo_interface.models import ModelSpec, Registry, discover, find_model, load_folder, packaged_dir

MODEL = """
from altergo_interface import Model, register_model
from .helper import GAIN

@register_model("{name}", metadata={{"category": "toy"}})
class Toy(Model):
    def process(self, data):
        return {{"y": data["x"] * GAIN}}
"""


_WRITES = itertools.count()


def write(folder: Path, name: str, gain: float = 1.0, manifest: object = None, text: str = MODEL) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text(text.format(name=name))
    (folder / "helper.py").write_text(f"GAIN = {gain}\n")
    document = {"inputs": {"x": {}}, "outputs": {"y": {}}} if manifest is None else manifest
    (folder / "model.json").write_text(json.dumps(document))
    written = 1_700_000_000 + 10 * next(_WRITES)  # a person is slower than the seconds in which Python caches modules
    for path in folder.iterdir():
        if path.is_file():
            os.utime(path, (written, written))
    return folder


def gain_of(spec: ModelSpec) -> float:
    return float(spec.create({}).process({"x": 1.0})["y"])  # type: ignore[arg-type]


def only_reason(root: Path) -> str:
    """Why the only broken folder below `root` is broken; nothing is found there."""
    found = discover([root])
    assert foreign(found, root) == {}
    (broken,) = found.broken
    return broken.reason


def foreign(registry: Registry, root: Path) -> dict[str, ModelSpec]:
    return {name: spec for name, spec in registry.items() if spec.path.is_relative_to(root.resolve())}


def test_the_packaged_models_are_found() -> None:
    registry = discover()
    assert {"eq_cycles", "voltage_monitor"} <= set(registry)
    assert registry["eq_cycles"].continuity is Continuity.STATEFUL
    assert not [name for name, spec in registry.items() if spec.path.name.startswith("_")]


def test_two_models_may_have_helpers_of_one_name(tmp_path: Path) -> None:
    write(tmp_path / "a", "alpha", gain=2)
    write(tmp_path / "b", "beta", gain=3)
    found = foreign(discover([tmp_path]), tmp_path)
    assert {name: gain_of(spec) for name, spec in found.items()} == {"alpha": 2.0, "beta": 3.0}
    assert found["alpha"].metadata == {"category": "toy"}
    assert found["alpha"].code != found["beta"].code
    assert found["alpha"].path == (tmp_path / "a").resolve()


def test_several_folders_of_models(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a", "alpha")
    write(tmp_path / "two" / "b", "beta")
    assert set(foreign(discover([tmp_path / "one", tmp_path / "two"]), tmp_path)) == {"alpha", "beta"}


def test_an_edited_model_is_loaded_anew_in_the_same_process(tmp_path: Path) -> None:
    write(tmp_path / "a", "edited", gain=2)
    before = discover([tmp_path])["edited"]
    write(tmp_path / "a", "edited", gain=5)
    after = discover([tmp_path])["edited"]
    assert (gain_of(before), gain_of(after)) == (2.0, 5.0)
    assert before.code != after.code
    assert discover([tmp_path])["edited"].cls is after.cls


def test_models_of_one_name_in_two_stores_do_not_meet(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a", "same", gain=2)
    write(tmp_path / "two" / "a", "same", gain=3)
    assert [gain_of(discover([tmp_path / folder])["same"]) for folder in ("one", "two", "one")] == [2.0, 3.0, 2.0]


def test_equal_folders_in_two_places_each_read_their_own_files(tmp_path: Path) -> None:
    text = MODEL.replace("GAIN}}", "float((Path(__file__).parent / 'gain.txt').read_text())}}")
    for place, gain in (("one", "2"), ("two", "3")):
        write(tmp_path / place / "a", "equal", text="from pathlib import Path\n" + text)
        (tmp_path / place / "a" / "gain.txt").write_text(gain)
    assert [gain_of(discover([tmp_path / place])["equal"]) for place in ("one", "two", "one")] == [2.0, 3.0, 2.0]


def test_underscores_dots_and_folders_without_a_manifest_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "_hidden", "hidden_one")
    write(tmp_path / ".dot", "hidden_two")
    (write(tmp_path / "plain", "hidden_three") / "model.json").unlink()
    (tmp_path / "file.txt").write_text("nothing")
    assert foreign(discover([tmp_path]), tmp_path) == {}


def test_a_linked_folder_counts(tmp_path: Path) -> None:
    real = write(tmp_path / "elsewhere" / "real", "linked")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "link").symlink_to(real, target_is_directory=True)
    assert "linked" in discover([tmp_path / "models"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module_anywhere\n", "importing it raised ModuleNotFoundError"),
        ("raise RuntimeError('no luck')\n", "importing it raised RuntimeError: no luck"),
        ("import sys\nsys.exit(3)\n", "importing it raised SystemExit: 3"),
        ("class Own(BaseException): ...\nraise Own('trouble')\n", "importing it raised Own: trouble"),
        ("def broken(:\n", "cannot be read as Python"),
        ("X = " + "(" * 5000 + ")" * 5000, "cannot be read as Python"),
        ("X = 1\n", "no class is registered"),
        ("from altergo_interface import UnitError\nraise UnitError('own trouble')\n", "own trouble"),
    ],
)
def test_a_broken_folder_is_named_every_time(tmp_path: Path, text: str, said: str) -> None:
    folder = write(tmp_path / "broken", "broken", text=text)
    write(tmp_path / "whole", "whole")
    for _ in range(2):
        found = discover([tmp_path])
        (broken,) = found.broken
        assert (said in broken.reason, str(folder) in broken.reason, broken.folder) == (True, True, folder.resolve())
        assert set(foreign(found, tmp_path)) == {"whole"}
        with pytest.raises(ManifestError, match="model 'broken' cannot be used") as caught:
            find_model(found, "broken")
        assert said in str(caught.value)
        with pytest.raises(ManifestError, match=said):
            load_folder(folder)


def test_a_folder_without_init_is_named(tmp_path: Path) -> None:
    (write(tmp_path / "bare", "bare") / "__init__.py").unlink()
    assert re.search(r"bare: no __init__\.py", only_reason(tmp_path))


def test_a_wrong_manifest_is_named(tmp_path: Path) -> None:
    write(tmp_path / "wrong", "wrong_manifest", manifest={"continuity": "sometimes"})
    assert "wrong/model.json: continuity" in only_reason(tmp_path)


def test_a_missing_folder_of_models_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere: no such folder of models"):
        discover([tmp_path / "nowhere"])


def test_neither_of_two_models_of_one_name_is_used(tmp_path: Path) -> None:
    write(tmp_path / "a", "duplicated", gain=7)
    write(tmp_path / "b", "duplicated", gain=8)
    write(tmp_path / "c", "single")
    found = discover([tmp_path])
    assert set(foreign(found, tmp_path)) == {"single"}
    assert [broken.folder.name for broken in found.broken] == ["a", "b"]
    for broken in found.broken:
        assert "two models are called 'duplicated'" in broken.reason
        assert str((tmp_path / "a").resolve()) in broken.reason
        assert str((tmp_path / "b").resolve()) in broken.reason


def test_a_packaged_model_keeps_its_name(tmp_path: Path) -> None:
    write(tmp_path / "a", "eq_cycles", gain=7)
    assert "two models are called 'eq_cycles'" in only_reason(tmp_path)
    assert find_model(discover([tmp_path]), "eq_cycles").path.name == "eq_cycles"


def test_the_folder_of_packaged_models_may_be_named_again() -> None:
    assert discover([packaged_dir()]).broken == []


def test_a_broken_packaged_model_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a", "broken", manifest={"continuity": "sometimes"})
    monkeypatch.setattr("altergo_interface.models.packaged_dir", lambda: tmp_path)
    with pytest.raises(ManifestError, match=r"a/model\.json: continuity"):
        discover()


def test_one_package_may_not_register_a_name_twice(tmp_path: Path) -> None:
    folder = write(tmp_path / "twice", "twice", text="from . import helper, second\n")
    for file in ("helper.py", "second.py"):
        (folder / file).write_text(MODEL.format(name="twice").replace("from .helper import GAIN", "GAIN = 1"))
    assert "two models are called 'twice'" in only_reason(tmp_path)


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\\\\b", "", " ", "a\\0b", "a\\nb", "x" * 201, "a:b", "a,b", "a.b", ".."]
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / "wrong", name)
    assert "@register_model(" in only_reason(tmp_path)
    assert str(tmp_path / "wrong") in only_reason(tmp_path)


def test_what_is_registered_must_be_a_model(tmp_path: Path) -> None:
    text = "from altergo_interface import register_model\n\n@register_model('{name}')\nclass Toy:\n    pass\n"
    write(tmp_path / "wrong", "no_model", text=text)
    assert "no subclass of Model" in only_reason(tmp_path)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(ManifestError, match=r"unknown model 'eq_cycle'\. Did you mean 'eq_cycles'"):
        find_model(discover(), "eq_cycle")
    assert find_model(discover(), "eq_cycles").name == "eq_cycles"


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"inputs": {"x": {}}, "outputs": {"y": {}}}, Continuity.WINDOWED),
        ({"inputs": {"x": {}, "y0": {"initialisation_value": "y"}}, "outputs": {"y": {}}}, Continuity.SEEDED),
        ({"inputs": {"x": {}}, "outputs": {"y": {}}, "continuity": "pointwise"}, Continuity.POINTWISE),
    ],
)
def test_continuity_of_a_plain_model(tmp_path: Path, manifest: dict[str, object], expected: Continuity) -> None:
    write(tmp_path / "plain", "plain", manifest=manifest)
    assert discover([tmp_path])["plain"].continuity is expected


def test_a_model_gets_its_own_copy_of_its_configuration() -> None:
    config = {"a": 1}
    model = discover()["eq_cycles"].create(config)
    model.config["a"] = 2
    assert config == {"a": 1}
