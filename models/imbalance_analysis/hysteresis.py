"""Where in the hysteresis loop the cells are: −1 on the discharge branch, +1 on the charge branch.

All cells of a string carry the same current, so they share the branch. The place is a play (backlash) operator on the
net charge: it moves with the charge and stops at the branches. It is integer arithmetic (µC), so that no cut of the
history can change it.
"""

from dataclasses import dataclass

import numpy as np

from altergo_interface import Samples
from models.imbalance_analysis.blocks import Flags, Floats, Ints, RestRule
from models.imbalance_analysis.state import Loop

LOOP_SOC = 0.10
"""Charge from one branch to the other, as a fraction of the capacity: 5 % from the middle to a branch."""

STEP = 0.25
"""The place is rounded to this, and no better known: a table is inverted branch by branch."""

_UC_PER_AH = 3.6e9
_ZERO_C_RATE = 0.005  # |I| under it is the sensor's offset and noise


@dataclass(frozen=True, slots=True)
class Branch:
    """Place in the loop (n,), −1 to +1, and its 1 σ (n,), both multiples of STEP."""

    place: Floats
    sigma: Floats


def no_hysteresis(n: int) -> Branch:
    """The branch of n blocks of a chemistry with a single curve."""
    return Branch(np.zeros(n), np.zeros(n))


@dataclass(frozen=True, slots=True)
class _Runs:
    """m charges of one sign each: `last` (n,) the run of each of n intervals, −1 before the first; `before` (n,)
    what that run had passed at the end of the interval; `total` (m,) charge, µC; `lost` (m,) where it is unknown."""

    last: Ints
    before: Ints
    total: Ints
    lost: Flags


def follow(
    current: Samples | None, before: Loop | None, capacity_ah: float, rule: RestRule, at: Ints
) -> tuple[Loop, Branch]:
    """The loop after this call, and the branch at the stamps `at` (n,), by the samples up to each."""
    half = round(LOOP_SOC / 2 * capacity_ah * _UC_PER_AH)
    loop = before or Loop(low=-half, high=half)
    if current is None or len(current) < 2 or current.lead == len(current):
        return loop, _branch(np.full(len(at), loop.low), np.full(len(at), loop.high), half)
    first = max(current.lead - 1, 0)
    runs = _runs(current.t[first:], current.x[first:], capacity_ah, rule)
    asked = np.searchsorted(current.t[first:], at, side="right") - 2
    low, low_at = _play(runs, loop.low, -half, half, asked)
    high, high_at = low, low_at
    if loop.low != loop.high or runs.lost.any():
        high, high_at = _play(runs, loop.high, half, half, asked)
    return Loop(low=low, high=high), _branch(low_at, high_at, half)


def _runs(t: Ints, x: Floats, capacity_ah: float, rule: RestRule) -> _Runs:
    """The charge of every interval, held from its first sample. Across a gap with a current on either side it is
    lost; between two small ones nothing flowed."""
    wide = np.diff(t) > rule.gap_us
    small = np.abs(x) < rule.limit_a
    lost = wide & ~(small[1:] & small[:-1])
    charge = np.rint(-x[:-1] * np.diff(t)).astype(np.int64)
    charge[wide | (np.abs(x[:-1]) < _ZERO_C_RATE * capacity_ah)] = 0
    kind = np.where(lost, 2, np.sign(charge))
    there = np.flatnonzero(kind)
    if not len(there):
        nothing = np.full(len(charge), -1)
        return _Runs(nothing, np.zeros(len(charge), np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))
    kinds = kind[there]
    begins = np.concatenate(([True], (kinds[1:] != kinds[:-1]) | (kinds[1:] == 2)))
    starts = there[begins]
    passed = np.cumsum(charge)
    offset = passed[starts] - charge[starts]
    run = np.repeat(np.arange(-1, len(starts)), np.diff(np.concatenate(([0], starts, [len(charge)]))))
    before = np.where(run >= 0, passed - offset[np.maximum(run, 0)], 0)
    return _Runs(run, before, np.diff(np.append(offset, passed[-1])), kinds[begins] == 2)


def _play(runs: _Runs, start: int, unknown: int, half: int, asked: Ints) -> tuple[int, Ints]:
    """A value that the charge moves between ±`half`: at the end, and after each asked interval; −1 is the start."""

    value, values = start, [start]
    for total, lost in zip(runs.total.tolist(), runs.lost.tolist(), strict=True):
        value = unknown if lost else min(max(value + total, -half), half)
        values.append(value)
    after = np.array(values, dtype=np.int64)
    run = np.where(asked >= 0, runs.last[np.maximum(asked, 0)], -1)
    inside = np.clip(after[np.maximum(run, 0)] + runs.before[np.maximum(asked, 0)], -half, half)
    if len(runs.lost):
        inside = np.where(runs.lost[np.maximum(run, 0)], unknown, inside)
    return value, np.where(run >= 0, inside, start)


def _branch(low: Ints, high: Ints, half: int) -> Branch:
    """Between the branches, cells differ in how they pass from one to the other: there the place is half a guess."""
    place = np.rint((low + high) / (2 * half * STEP)) * STEP
    unknown = (high - low) / (2 * half)
    passing = STEP + (1 - np.abs(place)) / 2
    return Branch(place, np.ceil(np.maximum(unknown, passing) / STEP) * STEP)
