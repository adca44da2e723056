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


# 4.2 V: end of charge of graphite cells, e.g. LG INR21700-M50 (NMC), Panasonic NCR18650PF (NCA), Samsung
# ICR18650-26F (LCO). 4.25 V: upper limit charging voltage in IEC 62133-2 and JIS C 8714. 2.5 V: the first two cells'
# discharge cut-off. 3.0 V: usual working floor of LCO and LMO cells (cut-offs 2.75 to 3.0 V), kept for all four.
_GRAPHITE_4V = Limits(2.5, 3.0, 4.2, 4.25)

LIMITS: Mapping[str, Limits] = {
    "NMC": _GRAPHITE_4V,
    "NCA": _GRAPHITE_4V,
    "LCO": _GRAPHITE_4V,
    "LMO": _GRAPHITE_4V,
    # 3.65 V and 2.5 V: end of charge and discharge of large prismatic cells, e.g. EVE LF280K. 2.0 V: cut-off of
    # A123 ANR26650M1-B. 3.75 V: chosen between 3.65 V and the 3.8 to 3.9 V at which protection boards open.
    "LFP": Limits(2.0, 2.5, 3.65, 3.75),
    # 1.5 V: discharge cut-off of Toshiba SCiB 20 Ah, which is charged to 2.7 V. 2.8 V: end of charge of other LTO
    # cells. 1.8 V and 2.9 V: chosen, about the knee of the discharge curve and 0.1 V beyond the end of charge.
    "LTO": Limits(1.5, 1.8, 2.8, 2.9),
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
