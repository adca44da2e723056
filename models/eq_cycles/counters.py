"""A cumulative counter of charge: which of its increments are valid, summed up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples
from models.eq_cycles.intervals import S_PER_H, US_PER_S, Floats, Times
from models.eq_cycles.state import Ledger

JUMP_C, RATE_C = 0.1, 20.0
"""A larger increment than (JUMP_C + RATE_C · hours) · capacity is no charge: the counter was set, or is wrong."""

NEVER = -(2**62)
"""The stamp of no sample: before all others, and far from overflow."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counter:
    """n samples of a counter: stamps `t` (n,) µs UTC; valid increments (Ah) and breaks summed up to each, (n,) both.

    `max_age_us` is the time for which one sample may stand for the present.
    """

    t: Times
    counted_ah: Floats
    breaks: Counts
    max_age_us: float

    def in_force(self, at: Times) -> tuple[Times, Floats, Counts]:
        """Stamp, counted charge and breaks of the newest sample at or before each of `at`; stamp NEVER without."""
        if len(self.t) >= len(at) and np.array_equal(self.t[-len(at) :], at):  # frames: both on the same stamps
            return at, self.counted_ah[-len(at) :], self.breaks[-len(at) :]
        index = np.searchsorted(self.t, at, side="right")
        stamps = np.concatenate((np.array([NEVER]), self.t))
        counted = np.concatenate((np.zeros(1), self.counted_ah))
        breaks = np.concatenate((np.zeros(1, dtype=np.int64), self.breaks))
        return stamps[index], counted[index], breaks[index]

    def after(self, ledger: Ledger) -> Ledger:
        """The ledger once it has seen these samples."""
        if not len(self.t):
            return ledger
        newest = {"counted_ah": float(self.counted_ah[-1]), "breaks": int(self.breaks[-1])}
        return ledger.model_copy(update=newest)


def read(samples: Samples, ledger: Ledger, capacity_ah: float, rollover_ah: float | None) -> Counter:
    """A counter's increments since its lead-in, added to what the ledger knows.

    A decrease is a roll-over where `rollover_ah` makes a plausible increment of it, and a reset otherwise; but one
    step of the declared resolution down is rounding, and is taken back. The very first sample adds nothing.
    """
    step_ah, resolution_ah = np.diff(samples.x), samples.declared.resolution or 0.0
    least_ah = -resolution_ah * (1 + 1e-6)
    if rollover_ah is not None:
        step_ah = np.where(step_ah < least_ah, step_ah + rollover_ah, step_ah)
    hours = np.diff(samples.t) / US_PER_S / S_PER_H
    most_ah = (JUMP_C + RATE_C * hours) * capacity_ah + resolution_ah
    valid = (step_ah >= least_ah) & (step_ah <= most_ah)
    lead_in = min(len(samples), 1)
    counted = np.concatenate(([ledger.counted_ah] * lead_in, np.where(valid, step_ah, 0.0)))
    broken = np.concatenate(([ledger.breaks] * lead_in, ~valid)).astype(np.int64)
    max_age_us = samples.declared.max_interval_s() * US_PER_S
    return Counter(samples.t, np.cumsum(counted), np.cumsum(broken), max_age_us)
