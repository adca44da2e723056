"""The voltage limits of a cell: a table by chemistry with its sources, overlaid by the configuration."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from altergo_interface import ModelError


@dataclass(frozen=True, slots=True)
class Limits:
    """Four limits of one cell in V, each further out than the next: a value strictly beyond one is a breach."""

    low_critical: float
    low_warning: float
    high_warning: float
    high_critical: float


# The sources of each figure stand in README.md under its letter; figures marked (chosen) have none.
_GRAPHITE_4V = Limits(
    low_critical=2.5,  # discharge cut-off [a, b]; boards cut off at 2.5 V [c]
    low_warning=3.0,  # (chosen) above all cut-offs, 2.5 to 2.75 V [a, b, d]; boards release at 3.0 V [c]
    high_warning=4.2,  # charging voltage [a, b, d]
    high_critical=4.25,  # its upper tolerance [d], the upper limit charging voltage [e]; boards cut off there [c]
)

LIMITS: Mapping[str, Limits] = {
    "NMC": _GRAPHITE_4V,
    "NCA": _GRAPHITE_4V,
    "LCO": _GRAPHITE_4V,
    "LMO": _GRAPHITE_4V,
    "LFP": Limits(
        low_critical=2.0,  # cut-off at or below 0 °C [f], and of power cells [g]
        low_warning=2.5,  # cut-off above 0 °C [f]
        high_warning=3.65,  # charging voltage [f, g]
        high_critical=3.75,  # (chosen) between 3.65 V and the 3.8 to 3.9 V at which boards cut off [c, h]
    ),
    "LTO": Limits(
        low_critical=1.5,  # lower end of operation below 0 °C [i]
        low_warning=1.8,  # (chosen) 0.1 V above the lower end of operation above 0 °C, 1.7 V [i]
        high_warning=2.8,  # upper end of operation [i]
        high_critical=2.9,  # (chosen) 0.1 V further
    ),
}

_SETTINGS = {
    "low_critical": "voltage_low_critical",
    "low_warning": "voltage_low_threshold",
    "high_warning": "voltage_high_threshold",
    "high_critical": "voltage_high_critical",
}


def limits_for(chemistry: str, config: Mapping[str, Any]) -> Limits:
    """The limits of a chemistry, overlaid by the settings.

    Raises ModelError for an unknown chemistry, and where the four are not in rising order.
    """
    base = LIMITS.get(chemistry.upper())
    if base is None:
        raise ModelError(f"unknown chemistry '{chemistry}'", _nearest(chemistry))
    given = {limit: config[setting] for limit, setting in _SETTINGS.items()}
    chosen = {limit: getattr(base, limit) if volts is None else volts for limit, volts in given.items()}
    order = list(chosen.values())
    if any(lower >= upper for lower, upper in pairwise(order)):
        shown = " < ".join(f"{_SETTINGS[limit]} {volts:g}" for limit, volts in chosen.items())
        raise ModelError(
            f"voltage limits must rise, but are not in the order {shown} (V)",
            "A critical limit lies outside its warning limit: set both where one moves past the other",
        )
    return Limits(**chosen)


def _nearest(chemistry: str) -> str:
    near = difflib.get_close_matches(chemistry.upper(), LIMITS, n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(LIMITS)}"
