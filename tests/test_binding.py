"""Bindings: which sensor or parameter feeds an input, how it is converted, and what makes a pair impossible."""

from typing import Any

import numpy as np
import pytest

from altergo_interface.config import Settings, parse_settings
from altergo_interface.manifest import Manifest
from altergo_interface.units import Conversion
from twins import Binding, Missing, ParameterFact, bind
from twins.binding import value_at

MANIFEST: dict[str, Any] = {
    "inputs": {
        "current": {"unit": "A", "current_sign": "discharge_positive"},
        "soh": {"unit": "fraction", "required": False, "valid_range": [0.1, 1.2]},
        "cells": {"type": "table", "unit": "V", "required": False, "default": "cell_voltage_#"},
        "capacity": {"type": "float", "unit": "Ah", "required": False},
        "chemistry": {"type": "str", "required": False},
    }
}


def fact(name: str, value: Any = 1.0, valid_from: int | None = None, seq: int = 1) -> ParameterFact:
    return ParameterFact(name, value, valid_from, seq)


def resolve(
    sensors: list[str],
    facts: list[ParameterFact] | None = None,
    inputs: dict[str, Any] | None = None,
    declared: dict[str, Any] | None = None,
    manifest: dict[str, Any] | None = None,
) -> Binding | Missing:
    parameters = {"sensors": declared or {}, "models": {"toy": {"inputs": inputs or {}}}}
    settings: Settings = parse_settings({"parameters": parameters}, "f.json", {})
    return bind("toy", Manifest.model_validate(manifest or MANIFEST), settings, sensors, facts or [])


def bound(*args: Any, **kwargs: Any) -> Binding:
    found = resolve(*args, **kwargs)
    assert isinstance(found, Binding), found
    return found


def missing(*args: Any, **kwargs: Any) -> str:
    found = resolve(*args, **kwargs)
    assert isinstance(found, Missing), found
    return found.what


FED_BY: list[tuple[str, list[str], Any, str | None]] = [
    ("unmapped, the logical name", ["current", "Current"], None, "current"),
    ("mapped, the name alone", ["current", "Current"], "Current", "Current"),
    ("the first of the list that the asset has", ["I", "current"], ["Current", "I", "current"], "I"),
    ("the order of the list, not of the asset", ["I", "Current"], ["Current", "I"], "Current"),
    ("a pattern", ["BMS current 2", "BMS current 10"], "BMS current #", "BMS current 2"),
    ("a pattern after a name", ["pack current (A)"], ["Current", "pack*"], "pack current (A)"),
    ("brackets are literal", ["Current [A]", "Current A"], "Current [A]", "Current [A]"),
    ("mapped to what is not there", ["current"], "Current", None),
]


@pytest.mark.parametrize(("sensors", "mapped", "chosen"), [c[1:] for c in FED_BY], ids=[c[0] for c in FED_BY])
def test_resolution(sensors: list[str], mapped: Any, chosen: str | None) -> None:
    found = resolve(sensors, inputs={} if mapped is None else {"current": mapped})
    if chosen is None:
        assert isinstance(found, Missing)
        return
    assert isinstance(found, Binding)
    assert found.series["current"].sensor == chosen
    assert found.choices["current"] == chosen


def test_the_manifests_default_holds_until_the_settings_map() -> None:
    sensors = ["current", *(f"cell_voltage_{n}" for n in (10, 2, 1)), "U1", "U2"]
    assert [b.sensor for b in bound(sensors).tables["cells"]] == [
        "cell_voltage_1",
        "cell_voltage_2",
        "cell_voltage_10",
    ]
    mapped = bound(sensors, inputs={"cells": ["X#", "U#"]})
    assert [b.sensor for b in mapped.tables["cells"]] == ["U1", "U2"]
    assert mapped.sensors == {"current", "U1", "U2"}


def test_constants_are_fed_by_parameters_only() -> None:
    facts = [fact("capacity", 50.0), fact("Chem", "LFP")]
    found = bound(["current", "capacity"], facts, inputs={"chemistry": ["chem", "Chem"]})
    assert found.constants == {"capacity": "capacity", "chemistry": "Chem"}
    assert "capacity" not in found.sensors
    assert found.choices["chemistry"] == "parameter Chem"


def test_a_series_without_a_sensor_is_fed_by_a_parameter() -> None:
    found = bound(["current"], [fact("SOH", 0.9)])
    assert found.constants == {"soh": "SOH"}
    assert bound(["current", "soh"], [fact("SOH", 0.9)], declared={"soh": {"unit": "%"}}).constants == {}


def test_parameters_are_found_in_whatever_case() -> None:
    assert bound(["current"], [fact("capacity")], inputs={"capacity": "Capacity"}).constants == {
        "capacity": "capacity"
    }


def test_a_table_that_is_found_by_another_name_is_a_switch() -> None:
    inputs = {"cells": ["U#", "cell_voltage_#"]}
    before = bound(["current", "cell_voltage_1"], inputs=inputs).choices
    assert bound(["current", "cell_voltage_1", "cell_voltage_2"], inputs=inputs).choices == before
    assert bound(["current", "cell_voltage_1", "U1"], inputs=inputs).choices != before


def test_an_optional_input_that_nothing_feeds_is_left_out() -> None:
    found = bound(["current"])
    assert (set(found.series), found.tables, found.constants) == ({"current"}, {}, {})


def test_what_is_missing_is_named() -> None:
    assert missing(["voltage"]) == "current (current)"
    assert missing(["voltage"], inputs={"current": ["Current", "I"]}) == "current (Current or I)"
    constant = {"inputs": {"capacity": {"type": "float"}}}
    assert missing(["capacity"], manifest=constant) == "capacity (capacity)"


ONE_OF = {
    "inputs": {
        "cells": {"type": "table", "required": False, "default": "cell_#"},
        "low": {"required": False},
        "high": {"required": False, "default": ["max", "vmax"]},
    },
    "one_of": [["cells"], ["low", "high"]],
}


@pytest.mark.parametrize(
    ("sensors", "alternatives"),
    [
        (["cell_1"], ("cells",)),
        (["low", "vmax"], ("high", "low")),
        (["low", "max", "cell_1"], ("cells", "high", "low")),
        (["low"], None),
        (["max"], None),
        ([], None),
    ],
)
def test_one_of(sensors: list[str], alternatives: tuple[str, ...] | None) -> None:
    found = resolve(sensors, manifest=ONE_OF)
    if alternatives is None:
        assert found == Missing("one of: cell_#; low and max or vmax")
    else:
        assert isinstance(found, Binding)
        assert found.alternatives == alternatives


def test_a_second_alternative_is_another_choice() -> None:
    one, both = bound(["cell_1"], manifest=ONE_OF), bound(["cell_1", "low", "max"], manifest=ONE_OF)
    assert one.choices != both.choices


def test_a_ratio_without_a_declared_unit_makes_the_pair_impossible() -> None:
    sensors = ["current", "soh"]
    assert "soh: sensor 'soh' has no declared unit" in missing(sensors)
    assert "has no declared unit" in missing(["current", "SOH"], inputs={"soh": "SOH"})
    converted = bound(sensors, declared={"soh": {"unit": "%"}}).series["soh"]
    assert converted.convert.apply(np.array([95.0]))[0] == 0.95
    assert bound(sensors, declared={"so*": {"unit": "fraction"}}).series["soh"].convert.identity


def test_units_that_do_not_fit_make_the_pair_impossible() -> None:
    assert missing(["current"], declared={"current": {"unit": "mV"}}).startswith("current: cannot convert mV")


def test_settings_may_set_what_a_foreign_model_receives() -> None:
    declared = {"soh": {"unit": "fraction"}, "current": {"unit": "mA"}}
    found = bound(["current", "soh"], inputs={"soh": {"unit": "%"}, "current": {"unit": "mA"}}, declared=declared)
    assert found.series["soh"].convert.apply(np.array([0.5]))[0] == 50
    assert found.series["soh"].declared.unit == "%"
    assert found.series["current"].convert.identity


SIGNS: list[tuple[str, Any, Any, Any, float]] = [
    ("nothing declared: discharge positive", None, None, {}, 1),
    ("declared as the model wants", "discharge_positive", None, {}, 1),
    ("declared the other way", "charge_positive", None, {}, -1),
    ("the asset overrides", "discharge_positive", "charge_positive", {}, -1),
    ("the asset overrides back", "charge_positive", "discharge_positive", {}, 1),
    ("the asset alone", None, "charge_positive", {}, -1),
    ("a foreign model wants it the other way", "charge_positive", None, {"current_sign": "charge_positive"}, 1),
    ("and gets it", None, None, {"current_sign": "charge_positive"}, -1),
]


@pytest.mark.parametrize(("sensor", "asset", "wanted", "sign"), [c[1:] for c in SIGNS], ids=[c[0] for c in SIGNS])
def test_current_sign(sensor: str | None, asset: str | None, wanted: dict[str, Any], sign: float) -> None:
    declared = {"current": {"unit": "A"} | ({"current_sign": sensor} if sensor else {})}
    facts = [fact("current_sign", asset)] if asset else []
    series = bound(["current", "soh"], facts, {"current": wanted}, declared | {"soh": {"unit": "%"}}).series
    assert series["current"].convert.apply(np.array([2.0]))[0] == 2 * sign
    assert series["soh"].convert.apply(np.array([50.0]))[0] == 0.5  # no current, no sign


def test_an_assets_parameters_override_the_declaration() -> None:
    declared = {"current": {"unit": "A", "cadence_s": 10}}
    facts = [fact("cadence_s", 60.0), fact("telemetry", "on_change"), fact("max_silence_s", 900.0)]
    assert bound(["current"], declared=declared).series["current"].declared.max_interval_s() == 50
    assert bound(["current"], facts, declared=declared).series["current"].declared.max_interval_s() == 900


def test_what_the_model_sees_of_a_declaration_is_in_its_own_unit() -> None:
    declared = {
        "current": {"unit": "mA", "resolution": 20, "valid_range": [-5000, 5000], "current_sign": "charge_positive"}
    }
    one = bound(["current"], declared=declared).series["current"]
    assert one.valid_range == (-5000, 5000)
    assert (one.declared.unit, one.declared.resolution) == ("A", 0.02)
    assert one.convert.apply(np.array([5000.0]))[0] == -5


def test_the_manifests_bounds_travel_along() -> None:
    assert bound(["current", "soh"], declared={"soh": {"unit": "%"}}).series["soh"].bounds == (0.1, 1.2)


FACTS = [
    fact("capacity", 50, None, 1),
    fact("capacity", 48, None, 4),
    fact("capacity", 60, 1000, 2),
    fact("capacity", 61, 1000, 3),
    fact("capacity", 70, 2000, 1),
    fact("other", 1, 500, 9),
]


@pytest.mark.parametrize(
    ("t", "value"),
    [(None, 48), (-(10**9), 48), (999, 48), (1000, 61), (1999, 61), (2000, 70), (10**18, 70)],
)
def test_the_latest_valid_from_wins_then_the_latest_sequence(t: int | None, value: float) -> None:
    assert value_at(FACTS, "capacity", t) == value
    assert value_at(reversed(FACTS), "capacity", t) == value


def test_a_parameter_has_no_value_before_its_first() -> None:
    assert value_at([fact("capacity", 60, 1000)], "capacity", 999) is None
    assert value_at([fact("capacity", 60, 1000)], "capacity", None) is None
    assert value_at([], "capacity", 0) is None


@pytest.mark.parametrize("valid_from", [0, -5])
def test_a_start_at_the_epoch_is_a_start(valid_from: int) -> None:
    facts = [fact("capacity", 60, valid_from, 1), fact("capacity", 50, None, 2)]
    assert value_at(facts, "capacity", 10) == 60


def test_sensors_come_as_they_were_delivered() -> None:
    manifest = {"inputs": {"all": {"type": "sensors", "unit": "V", "valid_range": [0, 1], "default": "*"}}}
    found = bound(["a", "b"], declared={"a": {"unit": "mV", "valid_range": [0, 5]}}, manifest=manifest)
    a, b = found.tables["all"]
    assert (a.sensor, a.convert, a.bounds, a.valid_range) == ("a", Conversion(), None, None)
    assert (a.declared.unit, a.declared.valid_range, b.declared.unit) == ("mV", (0, 5), None)
    assert found.raw == {"all"}
