"""Cuts the current into intervals that each take their first value, with SOH and voltage held at that stamp."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples, StepData, hold
from models.eq_cycles.state import Throughput

US_PER_S = 1_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Intervals:
    """n intervals that end inside the span; all arrays (n,), values at each interval's first stamp.

    `end` int64 µs UTC; `seconds` the length; `gap` where it is too long to stand for its first sample; `current` A,
    discharge positive, 0 under the deadband; `soh` fraction; `voltage` V, NaN where there is none or it is too old.
    `held_soh` and `held_voltage` are the values at the last stamp of all.
    """

    end: NDArray[np.int64]
    seconds: Floats
    gap: NDArray[np.bool_]
    current: Floats
    soh: Floats
    voltage: Floats
    held_soh: float
    held_voltage: float


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
    return Intervals(
        end=t[1:],
        seconds=length / US_PER_S,
        gap=length > max_gap_s * US_PER_S,
        current=_without_noise(x[:-1], deadband_a),
        soh=soh[:-1],
        voltage=voltage[:-1],
        held_soh=float(soh[-1]),
        held_voltage=float(voltage[-1]),
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
