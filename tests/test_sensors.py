"""Sensor declarations: name patterns, which declaration holds, and how long a sample stands."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altergo_interface import SensorRule
from altergo_interface.sensors import is_pattern, matches, matching, rule_for


@pytest.mark.parametrize(
    ("name", "sensor", "expected"),
    [
        ("Current", "Current", True),
        ("Current", "current", False),
        ("Cell Voltage # [mV]", "Cell Voltage 12 [mV]", True),
        ("Cell Voltage # [mV]", "Cell Voltage 12 m", False),
        ("Cell Voltage # [mV]", "Cell Voltage  [mV]", False),
        ("Cell Voltage # [mV]", "Cell Voltage x [mV]", False),
        ("Cell Voltage # [mV]", "Cell Voltage 1.5 [mV]", False),
        ("Cell Voltage # [mV]", "Pack Cell Voltage 1 [mV]", False),
        ("Cell Voltage # [mV]", "Cell Voltage # [mV]", True),
        ("cell_#", "cell_007", True),
        ("cell_#", "cell_1_extra", False),
        ("m#_cell_#", "m2_cell_14", True),
        ("temp*", "temp", True),
        ("temp*", "temperature (max)", True),
        ("temp*", "mytemp", False),
        ("*", "any thing\nat all", True),
        ("a*c", "abbc", True),
        ("a*c", "abbd", False),
        ("U+ (V)?", "U+ (V)?", True),
        ("U+ (V)?*", "U+ (V)?1", True),
        ("U+ (V)?*", "UU (V)", False),
        ("a.b*", "axb1", False),
        (r"a\*", r"a\1", True),
        ("[a-z]#", "b1", False),
    ],
)
def test_only_star_and_hash_have_a_meaning(name: str, sensor: str, expected: bool) -> None:
    assert matches(name, sensor) is expected


@given(st.text(max_size=12))
def test_a_name_stands_for_itself_and_a_plain_one_for_nothing_else(name: str) -> None:
    assert matches(name, name)
    assert is_pattern(name) == ("*" in name or "#" in name)
    if not is_pattern(name):
        assert not matches(name, name + "x")


@given(st.text(alphabet="ab[](){}.+?^$|\\ -", max_size=8), st.integers(0, 10**6))
def test_all_else_is_literal(prefix: str, number: int) -> None:
    assert matches(f"{prefix}#", f"{prefix}{number}")
    assert matches(f"{prefix}*", f"{prefix}{number}")
    assert not matches(f"{prefix}#", f"{prefix}x{number}")


def test_numbers_are_ordered_as_numbers() -> None:
    sensors = [f"Cell Voltage {n} [mV]" for n in (1, 2, 9, 10, 11, 100)]
    shuffled = [*sensors, "Current", "Cell Voltage [mV]"]
    random.Random(4).shuffle(shuffled)
    assert matching("Cell Voltage # [mV]", shuffled) == sensors


def test_two_numbers_are_ordered_in_turn() -> None:
    sensors = [f"m{m}_c{c}" for m in (1, 2, 10) for c in (1, 3, 20)]
    assert matching("m#_c#", reversed(sensors)) == sensors


def test_equal_numbers_are_ordered_by_name() -> None:
    assert matching("*", ["b", "a1", "c", "a01"]) == ["b", "c", "a01", "a1"]


def test_a_pattern_without_a_match_gives_nothing() -> None:
    assert matching("cell_#", ["current", "cell_x"]) == []


def test_the_exact_name_wins_over_any_pattern() -> None:
    rules = {"*": SensorRule(unit="A"), "cell_#": SensorRule(unit="mV"), "cell_1": SensorRule(unit="V")}
    assert rule_for("cell_1", rules).unit == "V"


def test_else_the_first_pattern_of_the_file_wins() -> None:
    wide_first = {"cell*": SensorRule(unit="A"), "cell_#": SensorRule(unit="mV")}
    assert rule_for("cell_2", wide_first).unit == "A"
    assert rule_for("cell_2", dict(reversed(wide_first.items()))).unit == "mV"


def test_what_is_not_declared_is_not_assumed() -> None:
    rule = rule_for("current", {"cell_#": SensorRule(unit="V")})
    assert rule == SensorRule()
    assert (rule.unit, rule.valid_range, rule.current_sign, rule.cadence_s) == (None, None, None, None)


@pytest.mark.parametrize(
    ("declared", "seconds"),
    [
        ({}, 120.0),
        ({"cadence_s": 10}, 50.0),
        ({"cadence_s": 0.1}, 0.5),
        ({"telemetry": "on_change", "max_silence_s": 3600}, 3600.0),
        ({"telemetry": "on_change", "max_silence_s": 3600, "cadence_s": 10}, 3600.0),
        ({"telemetry": "on_change", "cadence_s": 10}, 50.0),
        ({"telemetry": "on_change"}, 120.0),
        ({"telemetry": "sampled", "max_silence_s": 3600}, 120.0),
    ],
)
def test_how_long_a_sample_may_stand(declared: dict[str, object], seconds: float) -> None:
    assert SensorRule.model_validate(declared).max_interval_s() == seconds


@pytest.mark.parametrize(
    "declared",
    [
        {"resolution": 0},
        {"cadence_s": -1},
        {"max_silence_s": 0},
        {"telemetry": "never"},
        {"current_sign": "positive"},
        {"valid_range": [1]},
        {"units": "V"},
    ],
)
def test_nonsense_is_refused(declared: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(declared))):
        SensorRule.model_validate(declared)
