"""When a rest tells the state of charge: once it is long and steady enough, and again as it lasts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples, hold
from models.soc_ocv_estimation.counting import Count, Flags, Floats, Times
from models.soc_ocv_estimation.grid import Grid, Integers
from models.soc_ocv_estimation.rests import Spell
from models.soc_ocv_estimation.rules import Rules


@dataclass(frozen=True, slots=True)
class Moments:
    """n moments; all arrays (n,).

    `at` µs UTC; `spell` the index of the rest; `v` V per cell; `drift_v` V over the drift window, NaN behind a gap as
    long as that; `level` the base-4 logarithm, rounded down, of the rest's duration so far over the shortest rest;
    `relaxed` the duration over the time that relaxation takes; `celsius` NaN where unknown; `gap` whether it follows
    a telemetry gap; `sum_at` the index into the counted sums.
    """

    at: Times
    spell: Integers
    v: Floats
    drift_v: Floats
    level: Integers
    relaxed: Floats
    celsius: Floats
    gap: Flags
    sum_at: NDArray[np.intp]

    def taken(self, which: Flags | NDArray[np.intp]) -> "Moments":
        """The chosen ones."""
        return Moments(**{name: getattr(self, name)[which] for name in self.__slots__})

    def with_more(self, other: "Moments") -> "Moments":
        """Both, in the order of time."""
        if not len(other.at):
            return self
        both = {name: np.concatenate((getattr(self, name), getattr(other, name))) for name in self.__slots__}
        return Moments(**both).taken(np.argsort(both["at"], kind="stable"))


@dataclass(frozen=True, slots=True)
class Candidates:
    """n voltages of rests that may tell something, (n,) each; fields as in `Moments`."""

    at: Times
    spell: Integers
    v: Floats
    drift_v: Floats
    gap: bool

    def steady(self, limit_v: float) -> Flags:
        """Which have not drifted by more than the limit; a tolerance forgives the last bit of two decimals."""
        return np.asarray(np.abs(self.drift_v) <= limit_v + 1e-9)


def on_grid(grid: Grid, spells: Sequence[Spell], count: Count, temperature: Samples | None, rules: Rules) -> Moments:
    """Points at which a rest is long enough and steady, and has lasted four times as long as at the one before."""
    long = grid.at - since_of(spells)[grid.spell] >= max(rules.shortest_rest_us, 2 * rules.grid_us)
    at = np.flatnonzero(grid.fresh(rules.voltage_gap_us) & long)
    found = Candidates(grid.at[at], grid.spell[at], grid.v[at], grid.v[at] - grid.v[at - 2], gap=False)
    chosen = found.steady(rules.drift_v) & (found.at - count.newest(found.at) <= rules.gap_us)
    moments = moments_of(found, chosen, "left", spells, count, temperature, rules)
    rank = moments.spell * 128 + moments.level + 1
    highest = np.maximum.accumulate(np.concatenate(([-1], rank)))
    return moments.taken(rank > highest[:-1])


def moments_of(
    found: Candidates,
    chosen: Flags,
    side: Literal["left", "right"],
    spells: Sequence[Spell],
    count: Count,
    temperature: Samples | None,
    rules: Rules,
) -> Moments:
    """The chosen candidates at which the rest is long enough for its temperature, with what else is known at them.

    `side` right: a current sample at the very stamp counts already.
    """
    at, spell = found.at[chosen], found.spell[chosen]
    celsius = np.full(len(at), math.nan) if temperature is None else hold(temperature, at)
    lasted_us = at - since_of(spells)[spell]
    lasted = lasted_us / rules.rest_us(celsius)
    moments = Moments(
        at=at,
        spell=spell,
        v=found.v[chosen],
        drift_v=found.drift_v[chosen],
        level=np.floor(np.log2(np.maximum(lasted, 1.0)) / 2).astype(np.int64),
        relaxed=lasted_us / rules.relaxation_us(celsius),
        celsius=celsius,
        gap=np.full(len(at), found.gap),
        sum_at=count.at(at, side),
    )
    return moments.taken(lasted >= 1.0)


def since_of(spells: Sequence[Spell]) -> Times:
    """The rests' starts."""
    return np.array([one.since for one in spells], dtype=np.int64)
