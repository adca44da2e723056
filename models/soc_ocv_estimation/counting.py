"""Coulomb counting: the charge taken out over the capacity in force, and the variance of what was not seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples, hold
from models.soc_ocv_estimation.rules import US_PER_S, Rules
from models.soc_ocv_estimation.state import Estimate

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Times = NDArray[np.int64]

S_PER_H = 3600.0

LARGEST_LOSS = 0.3
"""1 σ of an unobserved charge is at most about that of any SOC between 0 and 1 (1/√12)."""


@dataclass(frozen=True, slots=True)
class Count:
    """The current of one call: n samples inside the span, and `before`, the newest one before it if there is one.

    `t` (n,) µs UTC; `x` (n,) A; `under` (n,) whether |I| is below the rest limit; `previous_t` and `previous_under`
    (n,) the same of the sample before each (itself and False for a history's first); `gap` (n,) whether the interval
    before it is too long to stand for its first value; `counted` and `lost` (n + 1,) the running sums, their carry
    in front; `soh` (n,) at each stamp.
    """

    t: Times
    x: Floats
    under: Flags
    previous_t: Times
    previous_under: Flags
    gap: Flags
    counted: Floats
    lost: Floats
    soh: Floats
    before: tuple[int, bool] | None

    def at(self, stamps: Times, side: str) -> NDArray[np.intp]:
        """Index into `counted` and `lost` as of each stamp; `side` left: before a sample of the stamp itself."""
        return np.searchsorted(self.t, stamps, side=side)  # type: ignore[call-overload,no-any-return]

    def newest(self, stamps: Times) -> Times:
        """The stamp of the newest sample before each stamp; far in the past where there is none."""
        known = np.concatenate(([self.before[0] if self.before else -(2**62)], self.t))
        return np.asarray(known[self.at(stamps, "left")])


def count(current: Samples, soh: Samples | None, state: Estimate, rules: Rules) -> Count:
    """Sample and hold: an interval takes its first value and is booked at its end; a long one counts nothing."""
    doubled = 0 if current.lead else 1
    t = np.concatenate((current.t[:doubled], current.t))
    x = np.concatenate((current.x[:doubled], current.x))
    under = np.abs(x) < rules.rest_a
    length = np.diff(t)
    gap = length > rules.gap_us
    health = _health(soh, current, state.soh)
    per_hour = length / (US_PER_S * S_PER_H) / (rules.capacity_ah * health[:-1])
    steps = x[:-1] * per_hour
    # What a changing current did between two samples: uniform between "at once" and "at the end".
    hidden = (x[1:] - x[:-1]) * per_hour
    hidden *= hidden / 12
    far = np.flatnonzero(gap)
    if len(far):
        steps[far] = 0.0
        hidden[far] = _of_gaps(x, under, per_hour, far, rules)
    if doubled and len(under):
        under[0] = False
    return Count(
        t=t[1:],
        x=x[1:],
        under=under[1:],
        previous_t=t[:-1],
        previous_under=under[:-1],
        gap=gap,
        counted=np.cumsum(np.concatenate(([state.counted], steps))),
        lost=np.cumsum(np.concatenate(([state.lost], hidden))),
        soh=health[1:],
        before=(int(t[0]), bool(under[0])) if current.lead else None,
    )


def _of_gaps(x: Floats, under: Flags, per_hour: Floats, far: NDArray[np.intp], rules: Rules) -> Floats:
    """Variance of the charge in each gap: none in a rest, else the larger current of both sides all along."""
    current = np.maximum(np.maximum(np.abs(x[far]), np.abs(x[far + 1])), rules.rest_a)
    charge = np.minimum(current * per_hour[far], LARGEST_LOSS)
    return np.where(under[far] & under[far + 1], 0.0, charge * charge)


def _health(soh: Samples | None, current: Samples, carried: float) -> Floats:
    """SOH (n + 1,) at the current's stamps, that of the newest one before the span in front; 1 before the first."""
    fresh = current.t[current.lead :]
    if soh is None:
        return np.full(len(fresh) + 1, carried)
    held = hold(soh, fresh)
    held = np.where(np.isnan(held), 1.0, held)
    return np.concatenate(([carried] if current.lead else held[:1], held))
