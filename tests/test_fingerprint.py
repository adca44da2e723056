"""Fingerprints: what can change a result changes them, in the right part; what cannot does not."""

import copy
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from altergo_interface import Manifest, Model, SettingsError
from altergo_interface.config import parse_settings
from altergo_interface.models import ModelSpec
from twins import Fingerprint, Grid, fingerprint
from twins.fingerprint import Difference, differences

MANIFEST: dict[str, Any] = {
    "name": "toy",
    "version": "1.0.0",
    "description": "A toy",
    "category": "usage",
    "continuity": "stateful",
    "inputs": {
        "current": {"unit": "A", "description": "Pack current"},
        "cells": {"type": "table", "required": False, "default": "cell_#"},
        "capacity": {"type": "float"},
    },
    "outputs": {"sum": {"unit": "Ah", "decimation_threshold": 0.1, "description": "The sum"}},
    "configuration": {"gain": {"default": 1.0, "maximum": 9, "description": "Factor"}, "mode": {"type": "str"}},
}
PARAMETERS: dict[str, Any] = {
    "execution": {"compute_type": "incremental"},
    "sensors": {
        "Current": {"unit": "mA", "current_sign": "charge_positive"},
        "cell_*": {"unit": "V"},
        "temperature": {"unit": "°C"},
    },
    "models": {
        "toy": {
            "inputs": {"current": {"default": ["Current", "I"], "unit": "A"}},
            "outputs": {"sum": "The Sum"},
            "configuration": {"gain": 2.0},
        },
        "other": {"gain": 5},
    },
}


def of(
    parameters: dict[str, Any] = PARAMETERS,
    manifest: dict[str, Any] = MANIFEST,
    files: dict[str, str] = {"toy.py": "c0de", "toy.csv": "da7a"},  # noqa: B006 - never changed
    grid: Grid = Grid(),  # noqa: B008 - frozen
    metadata: dict[str, str] | None = None,
    folder: str = "/a",
    source: str = "f.json",
) -> Fingerprint:
    settings = parse_settings({"parameters": parameters}, source, {})
    spec = ModelSpec("toy", Model, Manifest.model_validate(manifest), Path(folder), files, metadata or {})
    return fingerprint(spec, settings, grid)


def edited(document: dict[str, Any], edit: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    edit(changed)
    return changed


BASE = of()

SETTINGS_THAT_COUNT: dict[str, Callable[[dict[str, Any]], object]] = {
    "a value": lambda p: p["models"]["toy"]["configuration"].update(gain=3.0),
    "a value given up": lambda p: p["models"]["toy"].pop("configuration"),
    "a further value": lambda p: p["models"]["toy"]["configuration"].update(mode="fast"),
    "a mapping": lambda p: p["models"]["toy"]["inputs"].update(current={"default": "I", "unit": "A"}),
    "a mapping's order": lambda p: p["models"]["toy"]["inputs"]["current"].update(default=["I", "Current"]),
    "a new mapping": lambda p: p["models"]["toy"]["inputs"].update(capacity="Capacity"),
    "the unit received": lambda p: p["models"]["toy"]["inputs"]["current"].update(unit="mA"),
    "the sign received": lambda p: p["models"]["toy"]["inputs"]["current"].update(current_sign="charge_positive"),
    "a sensor's unit": lambda p: p["sensors"]["Current"].update(unit="A"),
    "a sensor's sign": lambda p: p["sensors"]["Current"].update(current_sign="discharge_positive"),
    "a sensor's range": lambda p: p["sensors"]["Current"].update(valid_range=[-5, 5]),
    "a sensor's cadence": lambda p: p["sensors"]["Current"].update(cadence_s=10),
    "a pattern's unit": lambda p: p["sensors"]["cell_*"].update(unit="mV"),
    "a sensor declared for the first time": lambda p: p["sensors"].update(I={"unit": "A"}),
    "one cell declared alone": lambda p: p["sensors"].update(cell_7={"unit": "mV"}),
    "a pattern that may concern a mapped pattern": lambda p: p["sensors"].update({"*_7": {"unit": "mV"}}),
    "a wide pattern that may concern an input": lambda p: p["sensors"].update({"*": {"unit": "A"}}),
}
SETTINGS_THAT_DO_NOT: dict[str, Callable[[dict[str, Any]], object]] = {
    "execution": lambda p: p["execution"].update(compute_type="full", max_days_period_compute=3, debug_mode=True),
    "enabled models": lambda p: p["execution"].update(enabled_models="toy"),
    "a display name": lambda p: p["models"]["toy"].update(outputs={"sum": "Summe"}),
    "debug_mode of the model": lambda p: p["models"]["toy"].update(debug_mode=True, compute_type="full"),
    "another model": lambda p: p["models"]["other"].update(gain=6),
    "a sensor that feeds another model": lambda p: p["sensors"]["temperature"].update(unit="K"),
    "a default written out": lambda p: p["models"]["toy"]["configuration"].update(mode=None),
    "the other form": lambda p: p["models"].update(toy={**p["models"]["toy"], "gain": 2, "configuration": {}}),
    "the logical name written out": lambda p: p["models"]["toy"]["inputs"].update(capacity="capacity"),
    "the manifest's mapping written out": lambda p: p["models"]["toy"]["inputs"].update(cells=["cell_#"]),
}
MANIFESTS_THAT_COUNT: dict[str, Callable[[dict[str, Any]], object]] = {
    "continuity": lambda m: m.update(continuity="pointwise"),
    "an input's unit": lambda m: m["inputs"]["current"].update(unit="mA"),
    "an input's range": lambda m: m["inputs"]["current"].update(valid_range=[0, 1]),
    "an input's type": lambda m: m["inputs"]["cells"].update(type="pd.Series"),
    "a decimation threshold": lambda m: m["outputs"]["sum"].update(decimation_threshold=0.2),
    "a new output": lambda m: m["outputs"].update(more={}),
    "one_of": lambda m: m.update(one_of=[["current"]]),
}
MANIFESTS_THAT_DO_NOT: dict[str, Callable[[dict[str, Any]], object]] = {
    "name": lambda m: m.update(name="Toy"),
    "version": lambda m: m.update(version="2"),
    "description": lambda m: m.update(description="Something else"),
    "category": lambda m: m.update(category="health"),
    "an input's description": lambda m: m["inputs"]["current"].update(description="I"),
    "an output's description": lambda m: m["outputs"]["sum"].update(description="S"),
    "a key's description": lambda m: m["configuration"]["gain"].update(description="G"),
    "a field that nobody reads": lambda m: m.update(author="me"),
}


@pytest.mark.parametrize("edit", SETTINGS_THAT_COUNT.values(), ids=SETTINGS_THAT_COUNT)
def test_settings_that_count(edit: Callable[[dict[str, Any]], object]) -> None:
    changed = of(edited(PARAMETERS, edit))
    assert changed.config != BASE.config
    assert changed.code == BASE.code
    assert changed.value != BASE.value


@pytest.mark.parametrize("edit", SETTINGS_THAT_DO_NOT.values(), ids=SETTINGS_THAT_DO_NOT)
def test_settings_that_do_not(edit: Callable[[dict[str, Any]], object]) -> None:
    assert of(edited(PARAMETERS, edit)) == BASE


@pytest.mark.parametrize("edit", MANIFESTS_THAT_COUNT.values(), ids=MANIFESTS_THAT_COUNT)
def test_manifests_that_count(edit: Callable[[dict[str, Any]], object]) -> None:
    changed = of(manifest=edited(MANIFEST, edit))
    assert changed.code != BASE.code
    assert changed.config == BASE.config


@pytest.mark.parametrize("edit", MANIFESTS_THAT_DO_NOT.values(), ids=MANIFESTS_THAT_DO_NOT)
def test_manifests_that_do_not(edit: Callable[[dict[str, Any]], object]) -> None:
    assert of(manifest=edited(MANIFEST, edit)) == BASE


def test_code_grid_and_contract_count(monkeypatch: pytest.MonkeyPatch) -> None:
    code, grid = of(files={"toy.py": "0ther", "toy.csv": "da7a"}), of(grid=Grid(3_600_000_000))
    assert (code.code != BASE.code, code.config == BASE.config) == (True, True)
    assert (grid.code == BASE.code, grid.config != BASE.config) == (True, True)
    monkeypatch.setattr(importlib.import_module("twins.fingerprint"), "CONTRACT_VERSION", 10**6)
    assert of().code != BASE.code


def test_where_things_lie_does_not_count() -> None:
    assert of(folder="/b", source="g.json", metadata={"category": "x"}) == BASE


def test_the_order_of_keys_does_not_count() -> None:
    parameters = {key: PARAMETERS[key] for key in reversed(PARAMETERS)}
    manifest = MANIFEST | {"inputs": dict(reversed(MANIFEST["inputs"].items()))}
    assert of(parameters, manifest) == BASE


def test_a_default_without_a_decimal_point_is_the_same_number() -> None:
    whole = edited(MANIFEST, lambda m: m["configuration"]["gain"].update(default=2))
    silent = edited(PARAMETERS, lambda p: p["models"]["toy"].pop("configuration"))
    assert of(silent, whole) == of(PARAMETERS, whole)


def test_the_order_of_patterns_counts_because_the_first_one_holds() -> None:
    first = edited(PARAMETERS, lambda p: p["sensors"].update({"cell_#": {"unit": "mV"}}))
    second = first | {"sensors": dict(reversed(first["sensors"].items()))}
    assert of(first).config != of(second).config


def test_a_wrong_configuration_is_refused() -> None:
    wrong = edited(PARAMETERS, lambda p: p["models"]["toy"]["configuration"].update(gian=1))
    with pytest.raises(SettingsError, match=r"f\.json: models\.toy: unknown key 'gian'. Did you mean 'gain'"):
        of(wrong)


def test_a_table_is_a_part_of_its_own() -> None:
    changed = of(files={"toy.py": "c0de", "toy.csv": "0ther"})
    assert (changed.tables != BASE.tables, changed.code == BASE.code) == (True, True)
    assert changed.value != BASE.value


def test_it_survives_storage() -> None:
    again = Fingerprint.from_json(BASE.to_json())
    assert again == BASE
    assert differences(again, BASE) == []


def test_differences_name_the_part_and_show_the_values() -> None:
    edit: Callable[[dict[str, Any]], object] = lambda p: p["models"]["toy"]["configuration"].update(gain=3.0)  # noqa: E731
    changed = of(edited(PARAMETERS, edit), files={"toy.py": "0ther", "more.py": "1", "toy.csv": "da7a"})
    assert differences(BASE, changed) == [
        Difference("code", "more.py", None, "1"),
        Difference("code", "toy.py", "c0de", "0ther"),
        Difference("configuration", "gain", 2.0, 3.0),
    ]


def test_what_is_above_counts_apart() -> None:
    settings = parse_settings({"parameters": PARAMETERS}, "f.json", {})
    spec = ModelSpec(
        "toy", Model, Manifest.model_validate(MANIFEST), Path("/a"), {"toy.py": "c0de", "toy.csv": "da7a"}
    )
    fed = fingerprint(spec, settings, Grid(), {"soh": "1"})
    assert fed.upstream != BASE.upstream
    assert (fed.code, fed.tables, fed.config) == (BASE.code, BASE.tables, BASE.config)
