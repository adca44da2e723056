"""The trend of the imbalance: a robust slope through the daily medians of the good estimates."""

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples, Span
from models.imbalance_analysis.blocks import Floats, Ints
from models.imbalance_analysis.state import Days

Indices = NDArray[np.intp]

DAY_US = 86_400_000_000
PERIOD_DAYS = 30

WINDOW_DAYS = 60
MIN_DAYS = 7
MIN_SPAN_DAYS = 14
"""With 1 % of scatter from day to day, two weeks tell a slope to about 2 % per 30 days, four weeks to 1 %."""


def follow(before: Days, ends: Ints, good: Floats, span: Span) -> tuple[Days, Samples]:
    """The days after a call, and the trend (fraction per 30 days) at the last microsecond of each day that ended in
    it with a good estimate, NaN until there are enough days.

    `good` (m,) are the good estimates at the stamps `ends` (m,).
    """
    numbers, medians = list(before.numbers), list(before.medians)
    stamps, slopes = list[int](), list[float]()
    day, today = before.day, np.array(before.today)
    of_day = ends // DAY_US
    edges = np.flatnonzero(np.diff(of_day, prepend=-1, append=-1)) if len(ends) else np.empty(0, np.int64)
    for first, stop in pairwise(edges.tolist()):
        if len(today) and of_day[first] != day:
            _close(day, today, numbers, medians, stamps, slopes)
            today = today[:0]
        day, today = int(of_day[first]), np.concatenate((today, good[first:stop]))
    if len(today) and (day + 1) * DAY_US <= span.end:
        _close(day, today, numbers, medians, stamps, slopes)
        today = today[:0]
    after = Days(day=day, today=tuple(today.tolist()), numbers=tuple(numbers), medians=tuple(medians))
    return after, Samples(np.array(stamps, dtype=np.int64), np.array(slopes, dtype=np.float64))


def theil_sen(days: Ints, y: Floats) -> float:
    """Median of the slopes through all pairs of points, per day (Theil 1950; Sen 1968, doi:10.2307/2285891)."""
    first, second = _pairs(len(days))
    return _median((y[second] - y[first]) / (days[second] - days[first]))


def _median(x: Floats) -> float:
    ordered = np.sort(x)
    return float((ordered[(len(x) - 1) // 2] + ordered[len(x) // 2]) / 2)


@lru_cache(maxsize=WINDOW_DAYS + 1)
def _pairs(n: int) -> tuple[Indices, Indices]:
    """All pairs of n places, the first below the second; both (n·(n−1)/2,)."""
    return np.triu_indices(n, 1)


def _close(
    day: int, today: Floats, numbers: list[int], medians: list[float], stamps: list[int], slopes: list[float]
) -> None:
    """End a day: its median joins the others, those out of the window leave, and the slope is taken."""
    numbers.append(day)
    medians.append(_median(today))
    while numbers[0] <= day - WINDOW_DAYS:
        del numbers[0], medians[0]
    enough = len(numbers) >= MIN_DAYS and day - numbers[0] >= MIN_SPAN_DAYS
    stamps.append((day + 1) * DAY_US - 1)
    slopes.append(PERIOD_DAYS * theil_sen(np.array(numbers), np.array(medians)) if enough else math.nan)
