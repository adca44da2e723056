"""The charge that has flowed: what a stuck sensor would have had to answer, and a state of charge contradicts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples
from models.data_quality.days import Times
from models.data_quality.state import Quality

US_PER_H = 3_600_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Charge:
    """Running charge, Ah, at the stamps `t` (n,) of the current: `moved` in both directions, `net` discharged.

    A sample holds until the next one, but not across a gap. The arrays are empty before the first sample.
    """

    t: Times
    moved: Floats
    net: Floats

    @classmethod
    def of(cls, current: Samples | None, state: Quality) -> "Charge":
        """The charge of one call; the sums before it are the first addends, so that no cut changes a bit."""
        if current is None:
            return cls(np.empty(0, np.int64), np.empty(0), np.empty(0))
        length = np.diff(current.t)
        hours = np.where(length > current.declared.max_interval_s() * 1e6, 0.0, length / US_PER_H)
        step = current.x[:-1] * hours
        moved = np.cumsum(np.concatenate(([state.moved], np.abs(step))))
        return cls(current.t, moved, np.cumsum(np.concatenate(([state.net], step))))

    def at(self, t: Times) -> tuple[Floats, Floats]:
        """(moved, net) as counted by each stamp of `t` (m,); 0 before the first sample of the current."""
        if len(self.t) == 0:
            return np.zeros(len(t)), np.zeros(len(t))
        index = np.searchsorted(self.t, t, side="right") - 1
        known = index >= 0
        return np.where(known, self.moved[index], 0.0), np.where(known, self.net[index], 0.0)
