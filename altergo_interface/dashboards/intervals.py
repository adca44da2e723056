"""How regularly a sensor speaks: a histogram of the intervals between its readings."""

import numpy as np

from altergo_interface.dashboards.figures import Bars
from altergo_interface.dashboards.words import duration
from altergo_interface.data import Values

EDGES_S: tuple[float, ...] = (
    *(0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0),
    *(3600.0, 7200.0, 21_600.0, 86_400.0, 172_800.0, 604_800.0, 2_592_000.0, np.inf),
)
"""Bins that people think in; a cadence stands at the beginning of its own."""


def interval_histogram(intervals: Values, longest_s: float, cadence_s: float | None) -> Bars:
    """Counts of intervals (s) by length, from the shortest that occurs to the longest; gaps flagged."""
    title = "Sampling intervals"
    if len(intervals) == 0:
        return Bars(title, (), {}, "", "", empty="Nothing to show: fewer than two readings in this range.")
    counts, _ = np.histogram(intervals, EDGES_S)
    there = np.flatnonzero(counts)
    chosen = slice(int(there[0]), int(there[-1]) + 1)
    lows = EDGES_S[:-1][chosen]
    declared = f"declared cadence {duration(cadence_s)}" if cadence_s is not None else "no cadence declared"
    text = f"{declared}; longer than {duration(longest_s)} is a gap; median {duration(float(np.median(intervals)))}"
    return Bars(
        title,
        [_label(low) for low in lows],
        {"readings": counts[chosen].tolist()},
        "interval, from",
        "readings",
        [low >= longest_s for low in lows],
        log=True,
        text=text,
    )


def _label(low: float) -> str:
    return "0" if low == 0 else duration(low)
