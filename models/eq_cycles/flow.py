"""The charge that the current carried in each interval, by direction, and how uncertain it is.

A flow is an array of three rows, as in `Flow`: charge (Ah), independent variance (Ah²), systematic error (Ah).
"""

from dataclasses import dataclass

import numpy as np

from altergo_interface import Samples
from models.eq_cycles.intervals import INTEGRATION, S_PER_H, Floats, Intervals
from models.eq_cycles.state import Flow

KAPPA_SHORT, KAPPA_LONG, DECORRELATED_S = 0.13, 0.67, 60.0
"""The aliasing law, see `aliasing_ah2`; measured on drive cycles, README.md."""

NOISE_STEPS = 2.0
"""A current of at most so many steps of resolution may be noise around zero."""


@dataclass(frozen=True, slots=True)
class Meter:
    """How a current is turned into charge.

    `integration` is a key of INTEGRATION; `exact` says that each sample holds until the next one (telemetry on change
    with `previous`), so that nothing aliases; `noise_a` (A) is the current up to which all may be noise, `offset_a`
    (A, 1 sigma) the sensor's systematic error beyond.
    """

    integration: str
    exact: bool
    noise_a: float
    offset_a: float

    @classmethod
    def of(cls, current: Samples, integration: str, offset_a: float | None) -> "Meter":
        """The meter of a declared sensor; without an offset, that of rounding to its resolution."""
        declared = current.declared
        resolution_a = declared.resolution or 0.0
        return cls(
            integration=integration,
            exact=declared.telemetry == "on_change" and integration == "previous",
            noise_a=NOISE_STEPS * resolution_a,
            offset_a=resolution_a / 12**0.5 if offset_a is None else offset_a,
        )

    def steps(self, parts: Intervals, sign: int) -> Floats:
        """The flow's steps in one direction, (3, n): `sign` +1 discharge, −1 charge."""
        one_way = np.maximum(sign * parts.current, 0.0)
        take = INTEGRATION[self.integration]
        steps = np.zeros((3, len(parts.hours)))
        steps[0] = take(one_way) * parts.hours
        if not self.exact:
            steps[1] = aliasing_ah2(np.diff(one_way), parts.hours)
        if self.noise_a or self.offset_a:
            steps[2] = take(self._systematic(one_way)) * parts.hours
        return steps

    def _systematic(self, one_way: Floats) -> Floats:
        """The error (A, 1 sigma) of each sample that may repeat itself from sample to sample."""
        return np.where(one_way <= self.noise_a * (1 + 1e-6), one_way, self.offset_a)


def aliasing_ah2(change_a: Floats, hours: Floats) -> Floats:
    """The variance (Ah²) of each interval's charge, because nobody saw the current between its ends.

    (ΔI·h)²·κ, ΔI the change over the interval. By the trapezoid, a random walk between the samples gives κ = 1/12,
    samples independent of each other 1/2; drive currents go from the one to the other within a minute.
    """
    kappa = KAPPA_SHORT + (KAPPA_LONG - KAPPA_SHORT) * np.minimum(hours * (S_PER_H / DECORRELATED_S), 1.0)
    change_ah = change_a * hours
    return np.asarray(kappa * change_ah * change_ah)


def row_of(flow: Flow) -> Floats:
    """A flow as its three numbers, (3,)."""
    return np.array([flow.charge_ah, flow.variance_ah2, flow.systematic_ah])


def flow_of(row: Floats) -> Flow:
    """Three numbers as a flow."""
    charge_ah, variance_ah2, systematic_ah = row.tolist()
    return Flow(charge_ah=charge_ah, variance_ah2=variance_ah2, systematic_ah=systematic_ah)


def running(carry: Flow, steps: Floats) -> Floats:
    """Running sums of steps (3, n), with the carry in front: (3, n + 1).

    The carry is the first addend, so that no cut of the history changes a bit.
    """
    return np.cumsum(np.concatenate((row_of(carry)[:, None], steps), axis=1), axis=1)
