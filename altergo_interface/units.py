"""Exact conversion between the units of battery telemetry."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from altergo_interface.errors import UnitError, did_you_mean

# unit -> (dimension, numerator, denominator, offset): base = value × numerator / denominator + offset.
# A division by a whole number rounds once, where a product with 0.001 would round twice.
_UNITS: dict[str, tuple[str, int, int, float]] = {
    "V": ("voltage", 1, 1, 0),
    "mV": ("voltage", 1, 1000, 0),
    "kV": ("voltage", 1000, 1, 0),
    "A": ("current", 1, 1, 0),
    "mA": ("current", 1, 1000, 0),
    "Ah": ("charge", 1, 1, 0),
    "mAh": ("charge", 1, 1000, 0),
    "Wh": ("energy", 1, 1, 0),
    "kWh": ("energy", 1000, 1, 0),
    "W": ("power", 1, 1, 0),
    "kW": ("power", 1000, 1, 0),
    "Ohm": ("resistance", 1, 1, 0),
    "mOhm": ("resistance", 1, 1000, 0),
    "°C": ("temperature", 1, 1, 0),
    "K": ("temperature", 1, 1, -273.15),
    "°F": ("temperature", 5, 9, -160 / 9),
    "fraction": ("ratio", 1, 1, 0),
    "%": ("ratio", 1, 100, 0),
    "s": ("time", 1, 1, 0),
    "min": ("time", 60, 1, 0),
    "h": ("time", 3600, 1, 0),
}
_ALIASES = {"degC": "°C", "C": "°C", "degF": "°F", "1": "fraction", "Ω": "Ohm", "mΩ": "mOhm", "percent": "%"}


@dataclass(frozen=True, slots=True)
class Conversion:
    """value × numerator / denominator + offset."""

    numerator: float = 1.0
    denominator: float = 1.0
    offset: float = 0.0

    @property
    def identity(self) -> bool:
        """Whether nothing changes."""
        return self == Conversion()

    def apply(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert values of any shape; the same bits however they are cut."""
        if self.identity:
            return x
        return x * self.numerator / self.denominator + self.offset


def _lookup(unit: str) -> tuple[str, int, int, float]:
    found = _UNITS.get(_ALIASES.get(unit, unit))
    if found is None:
        raise UnitError(f"unknown unit '{unit}'", known_units(unit))
    return found


def dimension(unit: str) -> str:
    """What a unit measures (`voltage`, `ratio`, ...). Raises UnitError for an unknown unit."""
    return _lookup(unit)[0]


def known_units(wrong: str) -> str:
    """A hint with the nearest unit, if one is near, and all of them: the nearest may be of another quantity."""
    near = did_you_mean(wrong, _UNITS)
    return f"{near} " * near.startswith("Did") + f"Known: {', '.join(_UNITS)}"


def is_unit(unit: str) -> bool:
    """Whether the engine can convert this unit."""
    return _ALIASES.get(unit, unit) in _UNITS


def conversion(source: str | None, target: str | None, *, flip: bool = False) -> Conversion:
    """From what a sensor delivers to what a model receives; `flip` turns the sign of a current.

    Where either side declares no unit, only the sign changes. Raises UnitError where the dimensions differ.
    """
    sign = -1.0 if flip else 1.0
    if source is None or target is None or source == target:
        return Conversion(numerator=sign)
    dim_from, num, den, off = _lookup(source)
    dim_to, to_num, to_den, to_off = _lookup(target)
    if dim_from != dim_to:
        raise UnitError(f"cannot convert {source} ({dim_from}) into {target} ({dim_to})")
    up, down = Fraction(num * to_den, den * to_num).as_integer_ratio()  # lowest terms: 90 min / 60, not × 60 / 3600
    return Conversion(sign * up, float(down), (off - to_off) * to_den / to_num)
