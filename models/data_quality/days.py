"""UTC days of one sensor's samples, and counting by them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples

DAY_US = 86_400_000_000

Times = NDArray[np.int64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Days:
    """The UTC days, `first` and on (days since 1970), that `t` (n,), stamps inside a span, touches.

    `samples` (d,) is how many stamps each has, `last` (d,) the newest of each; 0 where it has none.
    """

    t: Times
    first: int
    samples: Counts
    last: Times

    @classmethod
    def of(cls, samples: Samples) -> "Days":
        """The days of the samples that are no lead-ins, of which there is at least one."""
        t = samples.t[samples.lead :]
        first, stop = int(t[0] // DAY_US), int(t[-1] // DAY_US) + 1
        edges = np.searchsorted(t, np.arange(first, stop + 1) * DAY_US)
        counts = np.diff(edges)
        return cls(t, first, counts, np.where(counts > 0, t[np.maximum(edges[1:] - 1, 0)], 0))

    def count(self, t: Times) -> Counts:
        """How many of some stamps lie on each day, (d,)."""
        return np.bincount(t // DAY_US - self.first, minlength=len(self.samples)) if len(t) else self.none()

    def total(self, t: Times, amounts: Times) -> Counts:
        """The sum of whole amounts at some stamps on each day, (d,)."""
        found = self.none()
        np.add.at(found, t // DAY_US - self.first, amounts)
        return found

    def none(self) -> Counts:
        """Zero for each day, (d,)."""
        return np.zeros(len(self.samples), dtype=np.int64)
