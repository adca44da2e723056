"""Turns a plan of daily phases into the state of charge and the current that belongs to it.

The state of charge comes first and the current is its exact difference, so charge is conserved and the
state of charge stays inside its window by construction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from models._simulator.history import DAY_S, FloatArray, TimeArray

Shape: TypeAlias = Callable[[FloatArray], FloatArray]

# A constant-current charge tapers over the last 40 % of its time, to a tenth of its current.
_TAPER_AT = 0.6
_TAPER_TAU = (1 - _TAPER_AT) / np.log(10)
_TAPER_AREA = _TAPER_AT + _TAPER_TAU * 0.9
CC_TAPER_PEAK = float(1 / _TAPER_AREA)
SOLAR_PEAK = 2.0
RIPPLE_SOC = 0.02  # the widest swing of the ripple, fraction


@dataclass(frozen=True, eq=False)
class Phase:
    """One part of every day; arrays hold one value per day, shape (days + 1,).

    Attributes:
        start_h: start, hours after midnight.
        hours: duration, h; the phase ends before midnight.
        soc_change: what it adds to the state of charge, fraction; negative while discharging.
        shape: share of the change that is done (0..1) over the share of the time that has passed.
        ripple_c: amplitude of the noisy part of the current, in C-rate.
    """

    start_h: FloatArray
    hours: FloatArray
    soc_change: FloatArray
    shape: Shape
    ripple_c: float


@dataclass(frozen=True, eq=False)
class DayPlan:
    """Phases whose changes sum to zero over each day, around the state of charge at midnight."""

    midnight_soc: float
    phases: tuple[Phase, ...]


def steady(x: FloatArray) -> FloatArray:
    """Constant mean current."""
    return np.clip(x, 0.0, 1.0)


def solar(x: FloatArray) -> FloatArray:
    """Bell-shaped current ∝ sin²(πx), integrated; peak to mean is SOLAR_PEAK."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x - np.sin(2 * np.pi * x) / (2 * np.pi))


def cc_taper(x: FloatArray) -> FloatArray:
    """Constant current, then an exponential taper, integrated; peak to mean is CC_TAPER_PEAK."""
    x = np.clip(x, 0.0, 1.0)
    tapered = _TAPER_TAU * -np.expm1(-np.maximum(x - _TAPER_AT, 0.0) / _TAPER_TAU)
    return np.asarray((np.minimum(x, _TAPER_AT) + tapered) / _TAPER_AREA)


def soc_path(plan: DayPlan, edges_s: TimeArray, cadence_s: int, noise: FloatArray) -> FloatArray:
    """State of charge at the edges of the time steps, fraction, shape (n + 1,).

    The ripple adds up to half of RIPPLE_SOC either way at the edges inside a phase, so a phase still starts
    and ends exactly where its shape does.

    Args:
        edges_s: seconds since the first midnight, shape (n + 1,).
        noise: uniform in -0.5..0.5, shape (n + 1,).
    """
    day = edges_s // DAY_S
    hour = (edges_s % DAY_S) / 3600.0
    soc = np.full(len(edges_s), plan.midnight_soc)
    ripple = np.zeros(len(edges_s))
    for phase in plan.phases:
        passed = (hour - phase.start_h[day]) / phase.hours[day]
        soc += phase.soc_change[day] * phase.shape(passed)
        ripple[(passed > 0) & (passed < 1)] = min(phase.ripple_c * cadence_s / 3600.0, RIPPLE_SOC)
    return soc + ripple * noise


def current_of(soc: FloatArray, capacity_ah: float, cadence_s: int) -> FloatArray:
    """Current that is held over each step, A, positive on discharge, shape (n,), from the edges (n + 1,)."""
    # The addition turns -0.0 into 0.0.
    return -np.diff(soc) * (capacity_ah * 3600.0 / cadence_s) + 0.0
