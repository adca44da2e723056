"""The voltage of each rest on a grid of times: what it is now is compared with what it was a drift window before."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Span
from models.soc_ocv_estimation.counting import Floats, Times
from models.soc_ocv_estimation.readings import Reading
from models.soc_ocv_estimation.rests import Spell
from models.soc_ocv_estimation.rules import Rules

Integers = NDArray[np.int64]

REFERENCES = 3
"""Points of the grid before the span that its first moments may be compared with."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid's points in each rest: `at` µs UTC, `spell` the rest, `v` the newest V per cell of the rest (NaN for
    none) and its `age` (µs). The rests' points begin at `starts`, with those that only serve as references."""

    at: Times
    spell: Integers
    v: Floats
    age: Times
    starts: NDArray[np.intp]

    def before(self, stamps: Times, spell: Integers, step: int) -> Floats:
        """The voltage at the second point before the one at or before each stamp of a rest."""
        starts = self.starts[spell]
        return np.asarray(self.v[starts + (stamps // step - self.at[starts] // step) - 2])

    def fresh(self, longest_us: int) -> NDArray[np.bool_]:
        """Which points lie in the span and have a voltage that is not too old."""
        found = self.age <= longest_us
        for start in self.starts:
            found[start : start + REFERENCES] = False
        return found


def lay_grid(spells: Sequence[Spell], reading: Reading, span: Span, rules: Rules) -> Grid:
    """The points inside the span at which the rests are in progress, each behind three points of reference."""
    pieces = [_points(spell, span, rules.grid_us) for spell in spells]
    at = np.concatenate([np.empty(0, dtype=np.int64), *pieces])
    sizes = np.array([len(piece) for piece in pieces], dtype=np.intp)
    spell = np.repeat(np.arange(len(spells)), sizes)
    since = np.array([one.since for one in spells], dtype=np.int64)[spell]
    t, v = reading.newest(at)
    v = np.where(t >= since, v, math.nan)
    if len(spells) and spells[0].carried is not None:
        v[:REFERENCES] = spells[0].carried.grid_v
    return Grid(at, spell, v, at - t, np.cumsum(sizes) - sizes)


def _points(spell: Spell, span: Span, step: int) -> Times:
    """Multiples of `step` from the rest's start or the span's on, to the confirmed end, and three before them."""
    first = -(-max(span.start, spell.since + 1) // step) * step
    end = span.end if spell.stopped_at is None else min(spell.stopped_at + 1, span.end)
    return np.arange(first - REFERENCES * step, max(end, first - step + 1), step, dtype=np.int64)
