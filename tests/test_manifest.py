"""Manifests: both shapes found in the wild, defaults, bounds, and errors that name file and key."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from altergo_interface import Continuity, Manifest, ManifestError, SettingsError
from altergo_interface.manifest import InputSpec, OutputSpec, ParameterSpec, load_manifest

KEYED = {
    "name": "toy",
    "version": "1.2.0",
    "category": "usage",
    "continuity": "stateful",
    "inputs": {"current": {"unit": "A", "default": "Current"}, "soh": {"unit": "fraction", "required": False}},
    "outputs": {"cycles": {"unit": "", "decimation_threshold": 0.5}},
    "configuration": {"efficiency": {"type": "float", "default": 0.98, "maximum": 1}},
}
LISTED = {
    **{key: KEYED[key] for key in ("name", "version", "category", "continuity")},
    "inputs": [
        {"logical_name": "current", "unit": "A", "default": "Current"},
        {"name": "soh", "unit": "fraction", "required": False},
    ],
    "outputs": [{"logical_name": "cycles", "unit": "", "decimation_threshold": 0.5}],
    "parameters": [{"name": "efficiency", "type": "float", "default": 0.98, "maximum": 1}],
}


def load(folder: Path, document: Any) -> Manifest:
    path = folder / "model.json"
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return load_manifest(path)


def test_both_shapes_say_the_same(tmp_path: Path) -> None:
    keyed = load(tmp_path, KEYED)
    assert load(tmp_path, LISTED) == keyed
    assert keyed.continuity is Continuity.STATEFUL
    assert keyed.inputs["current"] == InputSpec(unit="A", default=("Current",))
    assert keyed.outputs["cycles"] == OutputSpec(unit="", decimation_threshold=0.5)
    assert keyed.configuration["efficiency"] == ParameterSpec(default=0.98, maximum=1)


def test_an_empty_manifest_has_defaults(tmp_path: Path) -> None:
    manifest = load(tmp_path, {})
    assert manifest == Manifest()
    assert (manifest.continuity, manifest.inputs, manifest.one_of) == (None, {}, ())


def test_an_input_is_a_required_series_without_a_unit_unless_it_says_so() -> None:
    spec = Manifest.model_validate({"inputs": {"x": {}}}).inputs["x"]
    assert (spec.type, spec.required, spec.unit, spec.default, spec.valid_range) == (
        "pd.Series",
        True,
        None,
        (),
        None,
    )
    assert spec.is_series


@pytest.mark.parametrize(
    ("kind", "series"), [("pd.Series", True), ("table", True), ("float", False), ("str", False), ("dict", False)]
)
def test_input_types(kind: str, series: bool) -> None:
    spec = Manifest.model_validate({"inputs": {"x": {"type": kind, "default": ["a", "b"]}}}).inputs["x"]
    assert spec.is_series is series
    assert spec.default == ("a", "b")


def test_unknown_fields_of_foreign_manifests_are_passed_over(tmp_path: Path) -> None:
    manifest = load(tmp_path, {"author": "x", "inputs": [{"logical_name": "a", "colour": "red"}]})
    assert manifest.inputs == {"a": InputSpec()}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"{", "no valid JSON"),
        (b'{"name": "\xe9"}', "no valid JSON"),
        ([], "a manifest is a JSON object"),
        ({"inputs": 5}, "'inputs'"),
        ({"outputs": None}, "'outputs'"),
        ({"inputs": [{"unit": "A"}]}, "'inputs' has no logical_name"),
        ({"parameters": ["efficiency"]}, "'configuration' has no logical_name"),
        ({"inputs": {"x": {"type": "frame"}}}, "inputs.x.type"),
        ({"inputs": {"x": {"current_sign": "up"}}}, "inputs.x.current_sign"),
        ({"outputs": {"x": {"decimation_threshold": 0}}}, "outputs.x.decimation_threshold"),
        ({"continuity": "sometimes"}, "continuity"),
        ({"inputs": {"a": {}}, "one_of": [["a"], ["b"]]}, "one_of names the unknown input 'b'"),
        ({"inputs": {"a": {"initialisation_value": "b"}}}, "initialisation_value names the unknown output 'b'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, document)
    assert str(tmp_path / "model.json") in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="nowhere"):
        load_manifest(tmp_path / "nowhere.json")


def test_known_names_pass() -> None:
    document = {
        "inputs": {"a": {}, "b": {}, "seed": {"type": "float", "initialisation_value": "sum"}},
        "outputs": {"sum": {}},
        "one_of": [["a"], ["a", "b"]],
    }
    manifest = Manifest.model_validate(document)
    assert manifest.one_of == (("a",), ("a", "b"))
    assert manifest.inputs["seed"].initialisation_value == "sum"


BOUNDS: list[tuple[dict[str, Any], Any, bool]] = [
    ({"minimum": 0}, 0, True),
    ({"minimum": 0}, -1e-9, False),
    ({"exclusive_minimum": 0}, 0, False),
    ({"exclusive_minimum": 0}, 5e-324, True),
    ({"maximum": 1}, 1, True),
    ({"maximum": 1}, 1.0000001, False),
    ({"minimum": 0, "maximum": 1}, math.nan, False),
    ({}, math.nan, False),
    ({}, 1e300, True),
    ({"type": "int"}, 3.0, True),
    ({"type": "int"}, 3.5, False),
    ({"type": "int", "maximum": 2}, 3, False),
    ({"type": "int"}, True, False),
    ({"type": "float"}, True, False),
    ({"type": "float"}, "1", False),
    ({"type": "bool"}, True, True),
    ({"type": "bool"}, 1, False),
    ({"type": "str"}, "a", True),
    ({"type": "str"}, 1, False),
    ({"type": "str", "choices": ["previous", "trapezoid"]}, "previous", True),
    ({"type": "str", "choices": ["previous", "trapezoid"]}, "previus", False),
    ({"default": 1}, None, False),
    ({"default": True, "type": "bool"}, None, False),
    ({"default": None}, None, True),
]


@pytest.mark.parametrize(("spec", "value", "fits"), BOUNDS)
def test_bounds_and_types(spec: dict[str, Any], value: Any, fits: bool) -> None:
    manifest = Manifest.model_validate({"configuration": {"key": spec}})
    if fits:
        kind = {"float": float, "int": int, "bool": bool, "str": str}[spec.get("type", "float")]
        got = manifest.effective_configuration({"key": value}, "here")["key"]
        assert got == value
        assert value is None or type(got) is kind
        return
    with pytest.raises(SettingsError, match=r"here\.key"):
        manifest.effective_configuration({"key": value}, "here")


def test_a_wrong_choice_names_the_nearest() -> None:
    manifest = Manifest.model_validate({"configuration": {"rule": {"type": "str", "choices": ["previous", "next"]}}})
    with pytest.raises(SettingsError, match="Did you mean 'previous'"):
        manifest.effective_configuration({"rule": "previus"}, "here")


def test_configuration_is_the_defaults_overlaid() -> None:
    manifest = Manifest.model_validate({"configuration": {"a": {"default": 1.5}, "b": {"default": 2.5}, "c": {}}})
    assert manifest.effective_configuration({"b": 4}, "here") == {"a": 1.5, "b": 4.0, "c": None}


def test_a_default_has_its_declared_type() -> None:
    kinds = {"a": {"default": 1}, "b": {"type": "int", "default": 1}, "c": {"type": "bool", "default": True}}
    values = Manifest.model_validate({"configuration": kinds}).effective_configuration({}, "here")
    assert [type(value) for value in values.values()] == [float, int, bool]


def test_an_unknown_key_names_the_nearest() -> None:
    manifest = Manifest.model_validate({"configuration": {"charge_efficiency": {}, "max_gap_s": {}}})
    with pytest.raises(SettingsError) as caught:
        manifest.effective_configuration({"charge_eficiency": 1}, "f.json: models.toy")
    assert (
        str(caught.value) == "f.json: models.toy: unknown key 'charge_eficiency'. Did you mean 'charge_efficiency'?"
    )
