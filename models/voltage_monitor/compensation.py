"""How far the limits are shifted at each sample: the high ones by temperature, the low ones by the ohmic drop."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from altergo_interface import ModelError, Samples, StepData, hold
from models.voltage_monitor.limits import Limits
from models.voltage_monitor.readings import DEFAULT_RESOLUTION_V, Floats, Reading
from models.voltage_monitor.runs import Times

DERATING_V_PER_V = 0.2 / 4.2
"""A JEITA profile lowers 4.2 V by 0.2 V; other chemistries' limits go down in proportion, which is chosen here."""


@dataclass(frozen=True, slots=True)
class Derating:
    """The high limits go down linearly between two temperatures (°C), by `volts` in all, and no further."""

    start_c: float
    end_c: float
    volts: float

    def shift(self, temperature_c: Floats) -> Floats:
        """The limits' shift (V, ≤ 0) at each temperature (n,); none where it is NaN."""
        share = (temperature_c - self.start_c) / (self.end_c - self.start_c)
        return -self.volts * np.clip(np.nan_to_num(share, nan=0.0), 0.0, 1.0)


def derating_of(config: Mapping[str, Any], limits: Limits) -> Derating | None:
    """The derating that is configured, None where it is off. Raises ModelError where the temperatures do not rise."""
    if not config["temperature_compensation"]:
        return None
    start_c, end_c = config["high_limit_derating_start_c"], config["high_limit_derating_end_c"]
    if start_c >= end_c:
        raise ModelError(
            f"high_limit_derating_start_c is {start_c:g}, not below high_limit_derating_end_c, {end_c:g}",
            "The high limits go down between the two: give the lower temperature first",
        )
    volts: float | None = config["high_limit_derating_v"]
    return Derating(start_c, end_c, DERATING_V_PER_V * limits.high_warning if volts is None else volts)


def compensated(
    low: Reading | None, high: Reading | None, data: StepData, config: Mapping[str, Any], limits: Limits
) -> tuple[Reading | None, Reading | None]:
    """Both readings with the shifts of their limits, where one is configured and a fresh value tells it."""
    derating, temperature = derating_of(config, limits), data.series("temperature")
    if high is not None and derating is not None and temperature is not None:
        high = replace(high, shift=_on_grid(derating.shift(_held(temperature, high.fresh_t))))
    resistance_ohm, current = _resistance(data), data.series("current")
    if low is not None and resistance_ohm and current is not None:
        drop = np.fmax(_held(current, low.fresh_t), 0.0) * resistance_ohm
        low = replace(low, shift=_on_grid(-np.minimum(drop, limits.low_warning - limits.low_critical)))
    return low, high


def _resistance(data: StepData) -> float:
    ohm = data.number("resistance_ohm") or 0.0
    if not 0 <= ohm < 1:
        raise ModelError(f"resistance_ohm is {ohm}, must be that of one cell, 0 to 1 Ω", "Correct the parameter")
    return ohm


def _held(samples: Samples, at: Times) -> Floats:
    """The value in force at each stamp; NaN where there is none that may stand for it."""
    return hold(samples, at, samples.declared.max_interval_s())


def _on_grid(shift: Floats) -> Floats:
    """Rounded, so that a limit is a number that can be read; −0.0 becomes 0.0."""
    return np.round(np.rint(shift / DEFAULT_RESOLUTION_V) * DEFAULT_RESOLUTION_V, 9) + 0.0
