"""Manifests in the wild: synonyms, both shapes, values where specs are expected, and lies, named by file and key."""

from pathlib import Path
from typing import Any

import pytest
from test_manifest import load

from altergo_interface import Manifest, ManifestError, Model, SettingsError
from altergo_interface.config import parse_settings
from altergo_interface.models import ModelSpec
from twins.binding import Binding, Missing, ParameterFact, bind
from twins.fingerprint import fingerprint
from twins.grid import UTC_DAYS
from twins.twin import Twin


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("pd.Series", "series", "Pandas.Series", "timeseries", "time_series", "signal"), "pd.Series"),
        (("table", "DataFrame", "pd.DataFrame"), "table"),
        (("float", "number", "numeric", "double", "int", "integer", "bool", "Boolean"), "float"),
        (("str", "string", "text"), "str"),
        (("dict", "object", "json", "mapping"), "dict"),
        (("sensors",), "sensors"),
    ],
)
def test_types_of_inputs(words: tuple[str, ...], kind: str) -> None:
    found = Manifest.model_validate({"inputs": {word: {"type": word} for word in words}}).inputs
    assert {spec.type for spec in found.values()} == {kind}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("float", "number", "integer", "boolean"), "number"),
        (("string", "category", "label"), "label"),
        (("pd.Series", "pd.DataFrame", "object", "event"), None),
    ],
)
def test_types_of_outputs(words: tuple[str, ...], kind: str | None) -> None:
    found = Manifest.model_validate({"outputs": [{"name": word, "type": word} for word in words]}).outputs
    assert {spec.type for spec in found.values()} == {kind}


@pytest.mark.parametrize(
    ("spec", "kind", "default"),
    [
        ({"type": "number", "default": 1}, "float", 1.0),
        ({"type": "integer", "default": 1}, "int", 1),
        ({"type": "boolean", "default": True}, "bool", True),
        ({"type": "string", "default": "a"}, "str", "a"),
        ({"type": "object", "default": {"a": [1]}}, "json", {"a": [1]}),
        ({"type": "list", "default": [1, 2]}, "json", [1, 2]),
        ({"default": True}, "bool", True),
        ({"default": "a"}, "str", "a"),
        ({"default": [1]}, "json", [1]),
        ({"default": 3}, "float", 3.0),
        (3, "float", 3.0),
        ("a", "str", "a"),
        ([1], "json", [1]),
    ],
)
def test_types_of_configuration(spec: Any, kind: str, default: Any) -> None:
    manifest = Manifest.model_validate({"configuration": {"key": spec}})
    assert manifest.configuration["key"].type == kind
    (value,) = manifest.effective_configuration({}, "here").values()
    assert (value, type(value)) == (default, type(default))


def test_bounds_and_choices_by_their_other_names() -> None:
    parameters = [
        {"name": "a", "type": "number", "default": 1, "min": 0, "max": 2},
        {"name": "b", "type": "integer", "default": 1, "options": [1, 2]},
        {"name": "c", "default": "x", "enum": ["x", "y"]},
    ]
    manifest = Manifest.model_validate({"parameters": parameters})
    for key, value in (("a", -1), ("a", 3), ("b", 3), ("c", "z")):
        with pytest.raises(SettingsError, match=rf"here\.{key}"):
            manifest.effective_configuration({key: value}, "here")
    assert manifest.effective_configuration({"a": 2, "b": 2, "c": "y"}, "here") == {"a": 2.0, "b": 2, "c": "y"}


def test_an_object_as_configuration_is_each_models_own() -> None:
    class Spoils(Model):
        pass

    manifest = Manifest.model_validate({"configuration": {"limits": {"default": {"low": [1]}}}})
    spec = ModelSpec("toy", Spoils, manifest, Path("toy"), {})
    config = manifest.effective_configuration({}, "here")
    spec.create(config).config["limits"]["low"].append(2)
    assert spec.create(manifest.effective_configuration({}, "here")).config == {"limits": {"low": [1]}}


def test_a_model_whose_constructor_takes_nothing_gets_its_configuration() -> None:
    class Bare(Model):
        def __init__(self) -> None:
            super().__init__()
            self.gain = 2

    model = ModelSpec("toy", Bare, Manifest(), Path("toy"), {}).create({"a": 1})
    assert (model.config, model.gain) == ({"a": 1}, 2)  # type: ignore[attr-defined]


def test_outputs_may_be_a_list_of_names() -> None:
    assert set(Manifest.model_validate({"outputs": ["a", {"name": "b"}]}).outputs) == {"a", "b"}


HOSTILE = ["../x", "a/b", "a\\b", "/etc/passwd", "", "  ", "a\0b", "a\nb", "..", "x" * 201, "\u202eabc"]


@pytest.mark.parametrize("section", ["inputs", "outputs", "configuration"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_is_a_path_or_cannot_be_shown_is_refused(tmp_path: Path, section: str, name: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, {section: {name: {}}})
    assert f"{tmp_path / 'model.json'}: {section}: the name" in str(caught.value)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../b", "a\0b", "x" * 201, 5, " "])
def test_a_display_name_is_no_path(tmp_path: Path, name: Any) -> None:
    with pytest.raises(ManifestError, match=r"model\.json: name: "):
        load(tmp_path, {"name": name})


def test_names_as_people_write_them_pass(tmp_path: Path) -> None:
    manifest = load(tmp_path, {"name": "Voltage / Current monitor", "inputs": {"Zellspannung # [mV] (größte)": {}}})
    assert list(manifest.inputs) == ["Zellspannung # [mV] (größte)"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"inputs": [{"logical_name": ["a"]}]}, "'inputs' has no logical_name"),
        ({"inputs": [{"logical_name": 5}]}, "'inputs' has no logical_name"),
        ({"inputs": ["current"]}, "'inputs' has no logical_name"),
        ({"inputs": [{"name": "a"}, {"name": "a"}]}, "inputs.a is there twice"),
        ({"inputs": {"a": 5}}, "inputs.a"),
        ({"inputs": {"a": {"type": 5}}}, "inputs.a.type"),
        ({"inputs": {"a": {"type": "float", "default": True}}, "outputs": {"b": {"unit": 5}}}, "outputs.b.unit"),
        ({"inputs": {"a": {"initialisation_value": "b"}}}, "inputs.a.initialisation_value names the unknown"),
        ({"configuration": {"a": {"type": "complex"}}}, "configuration.a.type"),
        ({"configuration": {"a": {"type": "integer", "default": 0.5}}}, "a: default: 0.5 is no whole number"),
        ({"configuration": {"a": {"type": "float", "default": "x"}}}, "configuration.a: default: 'x' is no number"),
        ({"configuration": {"a": {"default": 5, "max": 4}}}, "configuration.a: default: 5.0 is out of bounds"),
        ({"configuration": {"a": {"default": "c", "options": ["a", "b"]}}}, "configuration.a: default: 'c' is not"),
        (b"[" * 200_000, "no valid JSON (nested too deeply)"),
    ],
)  # fmt: skip
def test_a_manifest_that_lies_is_named_by_file_and_key(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, document)
    assert str(tmp_path / "model.json") in str(caught.value)
    assert said in str(caught.value)


def test_a_column_of_a_data_frame_is_declared_by_the_whole() -> None:
    manifest = Manifest.model_validate({"outputs": {"a": {"unit": "A"}, "a.b": {"unit": "V"}}})
    units = {n: getattr(manifest.output(n), "unit", "none") for n in ("a", "a.x", "a.x.y", "a.b", "a.b.z", "b", "ab")}
    assert units == {"a": "A", "a.x": "A", "a.x.y": "A", "a.b": "V", "a.b.z": "V", "b": "none", "ab": "none"}


# --- constants with a value of their own -----------------------------------------------------------------------

CONSTANTS = {
    "inputs": [
        {"logical_name": "x"},
        {"logical_name": "capacity", "type": "number", "default": 50},
        {"logical_name": "table", "type": "object", "default": {"a": 1}},
        {"logical_name": "soh", "default": 0.9},
        {"logical_name": "seed", "type": "number", "default": 7, "initialisation_value": "y"},
    ],
    "outputs": ["y"],
}


def twin_of(sensors: list[str], *facts: ParameterFact) -> Twin:
    manifest = Manifest.model_validate(CONSTANTS)
    binding = bind("toy", manifest, parse_settings({"parameters": {}}, "f.json", {}), sensors, facts)
    assert isinstance(binding, Binding), binding
    return Twin(Model(), manifest, binding, facts, manifest.continuity or "windowed")  # type: ignore[arg-type]


def test_a_default_that_is_a_value_stands_where_the_asset_has_none() -> None:
    found = twin_of(["x"]).constants(0, {})
    assert (found["capacity"], found["table"], found["seed"]) == (50.0, {"a": 1}, 7.0)
    assert found["soh"].x.tolist() == [0.9]  # type: ignore[union-attr]


def test_what_the_asset_has_comes_first() -> None:
    facts = [ParameterFact("capacity", 80, None, 1), ParameterFact("table", '{"a": 2}', None, 1)]
    found = twin_of(["x", "soh"], *facts).constants(0, {"y": (5, 3.0)})
    assert (found["capacity"], found["table"], found["seed"]) == (80.0, {"a": 2}, 3.0)
    assert "soh" not in found  # a sensor feeds it


def test_a_parameter_that_comes_later_leaves_the_default_until_then() -> None:
    later = twin_of(["x"], ParameterFact("capacity", 80, 10 * 86_400_000_000, 1))
    assert [later.constants(day * 86_400_000_000, {})["capacity"] for day in (0, 10)] == [50.0, 80.0]


def test_without_a_default_a_constant_is_still_missing() -> None:
    manifest = Manifest.model_validate({"inputs": {"x": {}, "capacity": {"type": "number"}}})
    found = bind("toy", manifest, parse_settings({"parameters": {}}, "f.json", {}), ["x"], ())
    assert found == Missing("capacity (capacity)")


# --- fingerprints ----------------------------------------------------------------------------------------------


def parts_of(document: dict[str, Any]) -> Any:
    spec = ModelSpec("toy", Model, Manifest.model_validate(document), Path("toy"), {})
    return fingerprint(spec, parse_settings({"parameters": {}}, "f.json", {}), UTC_DAYS).parts["manifest"]


def test_what_manifests_did_not_have_at_first_counts_only_where_it_is_used() -> None:
    """A store of an earlier version must not run again because of keys that its models do not use."""
    plain = parts_of({"inputs": {"a": {}}, "outputs": {"y": {}}})
    assert "fallback" not in plain["inputs.a"]
    assert "type" not in plain["outputs.y"]
    told = parts_of({"inputs": {"a": {"type": "number", "default": 5}}, "outputs": {"y": {"type": "label"}}})
    assert told["inputs.a"]["fallback"] == 5.0
    assert told["outputs.y"]["type"] == "label"
