"""The canonical grid: event time cut into half-open UTC slots, and the calendar edges at which calls may end."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Grid:
    """Slots of `slot_us` µs, aligned to the Unix epoch. Part of every fingerprint."""

    slot_us: int = DAY_US

    def floor(self, t: int) -> int:
        """The start of the slot that holds `t`."""
        return t - t % self.slot_us

    def after(self, t: int) -> int:
        """The end of the slot that holds `t`."""
        return self.floor(t) + self.slot_us

    @staticmethod
    def month(t: int) -> int:
        """The calendar month that holds `t`, as months since 1970."""
        return int(np.datetime64(t, "us").astype("M8[M]").astype(np.int64))

    def steps(self, start: int, end: int, cuts: tuple[int, ...] = ()) -> Iterator[tuple[int, int]]:
        """Cut [start, end) at calendar months, and at `cuts`; where the ends fall depends on these alone."""
        first, last = (np.datetime64(t, "us").astype("M8[M]") for t in (start, end))
        months = np.arange(first + 1, last + 1).astype("M8[us]").astype(np.int64)
        inner = {int(t) for t in (*months, *cuts) if start < t < end}
        edges = [start, *sorted(inner), end]
        yield from pairwise(edges)


UTC_DAYS = Grid()
"""The default grid."""
