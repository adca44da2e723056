"""Cuts the current into intervals, with SOH and voltage held at both of their ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples, StepData, hold
from models.eq_cycles.state import Throughput

US_PER_S = 1_000_000
S_PER_H = 3600.0

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Times = NDArray[np.int64]

INTEGRATION: Mapping[str, Callable[[Floats], Floats]] = {
    "previous": lambda x: x[:-1],
    "trapezoid": lambda x: 0.5 * (x[:-1] + x[1:]),
    "next": lambda x: x[1:],
}
"""What n intervals take of a quantity that is known at their n + 1 ends."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """n intervals that end inside the span; values at their n + 1 ends.

    `t` (n + 1,) int64 µs UTC; `current` (n + 1,) A, discharge positive, 0 under the deadband; `soh` (n + 1,)
    fraction; `voltage` (n + 1,) V, NaN where there is none or it is too old. `length_h` (n,) h is each interval's
    length, `gap` (n,) tells where it is too long for samples to stand for it, and `hours` (n,) h is the length, or 0
    in a gap.
    """

    t: Times
    current: Floats
    soh: Floats
    voltage: Floats
    length_h: Floats
    gap: Flags
    hours: Floats


def cut(current: Samples, data: StepData, state: Throughput, max_gap_s: float, deadband_a: float) -> Intervals:
    """The intervals of one call; the first sample of a history becomes an interval of no length."""
    doubled = 0 if current.lead else 1
    t = np.concatenate((current.t[:doubled], current.t))
    x = np.concatenate((current.x[:doubled], current.x))
    soh = _held(data.series("soh"), current, state.held_soh, None)
    soh[np.isnan(soh)] = 1.0
    pack = data.series("voltage")
    voltage = _held(pack, current, state.held_voltage, pack.declared.max_interval_s() if pack else None)
    length = np.diff(t)
    length_h = length / US_PER_S / S_PER_H
    gap = length > max_gap_s * US_PER_S
    return Intervals(
        t=t,
        current=_without_noise(x, deadband_a),
        soh=soh,
        voltage=voltage,
        length_h=length_h,
        gap=gap,
        hours=np.where(gap, 0.0, length_h),
    )


def _held(series: Samples | None, current: Samples, carried: float, max_age_s: float | None) -> Floats:
    """Previous values of `series` at the current's stamps; the first one is carried from the previous call.

    Without a previous call the first stamp is doubled, as in `cut`.
    """
    fresh = current.t[current.lead :]
    held = np.full(len(fresh), np.nan) if series is None else hold(series, fresh, max_age_s)
    return np.concatenate(([carried] if current.lead else held[:1], held))


def _without_noise(x: Floats, deadband_a: float) -> Floats:
    """The current with what is under the deadband set to 0.

    The small tolerance lets a value of exactly the deadband count whether it came as float32 or float64.
    """
    return np.where(np.abs(x) < deadband_a * (1 - 1e-6), 0.0, x)
