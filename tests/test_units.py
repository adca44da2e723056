"""Unit conversion: correctly rounded where a factor is whole, reversible, and blind to how a series is cut."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altergo_interface import UnitError
from altergo_interface.units import Conversion, conversion, dimension, is_unit

DIMENSIONS = {
    "voltage": ["V", "mV", "kV"],
    "current": ["A", "mA"],
    "charge": ["Ah", "mAh"],
    "energy": ["Wh", "kWh"],
    "power": ["W", "kW"],
    "resistance": ["Ohm", "mOhm"],
    "temperature": ["°C", "K", "°F"],
    "ratio": ["fraction", "%"],
    "time": ["s", "min", "h"],
}
PAIRS = [(a, b) for units in DIMENSIONS.values() for a in units for b in units]
DECIMAL = [(a, b) for a, b in PAIRS if dimension(a) not in ("temperature", "time")]
VALUES = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-9)


def one(x: float, source: str | None, target: str | None, flip: bool = False) -> float:
    return float(conversion(source, target, flip=flip).apply(np.array([x]))[0])


@pytest.mark.parametrize(
    ("x", "source", "target", "expected"),
    [
        (3650, "mV", "V", 3.65),
        (4199, "mV", "V", 4.199),
        (3.65, "V", "mV", 3650),
        (96.3, "%", "fraction", 0.963),
        (57, "%", "fraction", 0.57),
        (1.1, "fraction", "percent", 110.00000000000001),
        (1234567, "mV", "kV", 1.234567),
        (2.5, "kWh", "Wh", 2500),
        (298.15, "K", "°C", 25),
        (0, "degC", "K", 273.15),
        (32, "°F", "°C", 0),
        (212, "degF", "C", 100),
        (100, "°C", "°F", 212),
        (90, "min", "h", 1.5),
        (2, "h", "s", 7200),
        (1.5, "mΩ", "Ohm", 0.0015),
    ],
)
def test_known_values_are_exact(x: float, source: str, target: str, expected: float) -> None:
    assert one(x, source, target) == expected


@given(st.integers(0, 5_000_000), st.sampled_from([p for p in DECIMAL if p[0] in ("mV", "mA", "mAh", "%", "mOhm")]))
def test_whole_numbers_convert_to_the_nearest_float(x: int, pair: tuple[str, str]) -> None:
    """What a BMS sends as 3650 mV must be 3.65 V, the float that a person would type."""
    scale = {"mV": 1000, "mA": 1000, "mAh": 1000, "mOhm": 1000, "%": 100}[pair[0]]
    into = {"V": 1, "kV": Fraction(1, 1000), "A": 1, "Ah": 1, "Ohm": 1, "fraction": 1}.get(pair[1], scale)
    assert one(x, *pair) == float(Fraction(x, scale) * into)


@given(VALUES, st.sampled_from(PAIRS))
def test_there_and_back(x: float, pair: tuple[str, str]) -> None:
    source, target = pair
    back = one(one(x, source, target), target, source)
    tolerance = 1e-12 * 500 if dimension(source) == "temperature" else 0.0
    assert math.isclose(back, x, rel_tol=1e-15 * 4, abs_tol=tolerance)


@given(st.lists(st.floats(), max_size=30), st.data(), st.sampled_from(PAIRS), st.booleans())
def test_cutting_changes_no_bit(values: list[float], data: st.DataObject, pair: tuple[str, str], flip: bool) -> None:
    convert = conversion(*pair, flip=flip)
    x = np.array(values)
    cut = data.draw(st.integers(0, len(values)))
    with np.errstate(all="ignore"):
        whole = convert.apply(x)
        pieces = np.concatenate([convert.apply(x[:cut]), convert.apply(x[cut:])])
        table = convert.apply(np.column_stack([x, x]))
    assert whole.tobytes() == pieces.tobytes()
    assert table[:, 1].tobytes() == whole.tobytes()


@given(VALUES, st.sampled_from([("A", "A"), ("mA", "A"), ("A", "mA"), (None, "A"), ("A", None)]))
def test_a_flip_turns_the_sign_and_nothing_else(x: float, pair: tuple[str | None, str | None]) -> None:
    assert one(x, *pair, flip=True) == -one(x, *pair)
    assert not conversion(*pair, flip=True).identity


@pytest.mark.parametrize(
    "pair", [("V", "V"), (None, "V"), ("V", None), (None, None), ("°C", "degC"), ("%", "percent")]
)
def test_nothing_to_do_is_nothing_done(pair: tuple[str | None, str | None]) -> None:
    convert = conversion(*pair)
    x = np.array([-0.0, 1.5, np.nan])
    assert convert.identity
    assert convert == Conversion()
    assert convert.apply(x) is x


def test_the_input_is_not_changed() -> None:
    x = np.array([1.0, 2.0])
    x.flags.writeable = False
    conversion("mV", "V").apply(x)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("mV", "A", "cannot convert mV (voltage) into A (current)"),
        ("%", "Ah", "cannot convert % (ratio) into Ah (charge)"),
        ("furlong", "V", "unknown unit 'furlong'"),
        ("V", "Vv", "Did you mean"),
    ],
)
def test_impossible_conversions_are_refused(source: str, target: str, said: str) -> None:
    with pytest.raises(UnitError) as caught:
        conversion(source, target)
    assert said in str(caught.value)


@pytest.mark.parametrize(("name", "units"), DIMENSIONS.items())
def test_dimensions(name: str, units: list[str]) -> None:
    assert {dimension(unit) for unit in units} == {name}
    assert all(map(is_unit, units))


def test_unknown_units_are_known_to_be_unknown() -> None:
    assert not is_unit("mv")
    with pytest.raises(UnitError, match="Did you mean 'mV'"):
        dimension("mv")
