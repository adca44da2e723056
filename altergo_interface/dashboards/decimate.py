"""Fewer samples that draw the same line, and the numbers of a page in few characters."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altergo_interface.data import Times, Values

LEVELS = 100_000
"""A value is told to this fraction of its series' range: finer than any screen shows."""
PER_COLUMN = 4
MOST_DIGITS = 15
"""Behind the point: what is smaller is noise in any unit."""


def m4(t: Times, x: Values, columns: int) -> tuple[Times, Values]:
    """The first, last, least and greatest sample of each of `columns` equal spans of time.

    A line through them covers the same pixels as one through all samples on a canvas of so many columns: the M4
    aggregation of Jugel et al., VLDB 2014. `t` (n,) int64 rising, `x` (n,) float64 without NaN.
    """
    if len(t) <= PER_COLUMN * columns:
        return t, x
    span = int(t[-1] - t[0]) + 1
    column = (t - t[0]) * columns // span if span * columns < 2**62 else (t - t[0]) // (span // columns + 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], len(t)) - 1
    by_value = np.lexsort((x, column))
    kept = np.unique(np.concatenate([starts, ends, by_value[starts], by_value[ends]]))
    return t[kept], x[kept]


def columns_for(lengths: Collection[int], budget: int) -> int:
    """The greatest number of columns for which series of these lengths keep at most `budget` samples in all."""
    low, high = 1, max(max(lengths, default=1), 1)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(length, PER_COLUMN * middle) for length in lengths) <= budget:
            low = middle
        else:
            high = middle - 1
    return low


def merged(spans: Sequence[tuple[int, int]], least: int) -> list[tuple[int, int]]:
    """Spans (start, end) in order of their starts, those joined that are less than `least` apart."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start - found[-1][1] < least:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def broken(t: Times, x: Values, gaps: Sequence[tuple[int, int]]) -> tuple[Times, Values]:
    """The same with a NaN within each gap (start, end), so that no line is drawn across it."""
    middles = np.array([(start + end) // 2 for start, end in gaps], dtype=np.int64)
    at = np.searchsorted(t, middles)
    inside = (at > 0) & (at < len(t))
    return np.insert(t, at[inside], middles[inside]), np.insert(x, at[inside], np.nan)


def packed(t: Times, x: Values) -> dict[str, list[Any]]:
    """Stamps in ms since 1970, the first and then the steps, and values with no more digits than can be seen; None
    for NaN."""
    if len(t) == 0:
        return {"t": [], "x": []}
    ms = t // 1000
    steps = np.diff(ms, prepend=0)
    values = _rounded(x).tolist()
    return {"t": steps.tolist(), "x": [None if value != value else _short(value) for value in values]}


def _rounded(x: Values) -> NDArray[np.float64]:
    finite = x[np.isfinite(x)]
    span = float(finite.max() - finite.min()) if len(finite) else 0.0
    largest = span or (float(abs(finite).max()) if len(finite) else 0.0) or 1.0
    digits = int(min(np.ceil(np.log10(LEVELS) - np.log10(largest)), MOST_DIGITS))
    known: NDArray[np.float64] = np.where(np.isfinite(x), x, np.nan)
    return np.round(known, max(digits, 0))


def _short(value: float) -> float | int:
    return int(value) if value == int(value) else value
