"""The highest and the lowest resting cell of every block, by the medians of its samples."""

from dataclasses import dataclass

import numpy as np

from models.imbalance_analysis.blocks import Blocks, Flags, Floats, Ints
from models.imbalance_analysis.medians import Medians, medians
from models.imbalance_analysis.readings import Reading, cell_number, with_samples
from models.imbalance_analysis.state import OpenBlock

CROSSED_STEPS = 2
"""Steps of the sensors' resolution."""


@dataclass(frozen=True, slots=True)
class Side:
    """Of m blocks: median `v` (V), number of samples `count`, robust scatter of one sample (V), and `cell`, the
    cell's number, NaN where only the extreme is measured; all (m,)."""

    v: Floats
    count: Ints
    scatter: Floats
    cell: Floats


@dataclass(frozen=True, slots=True)
class Extremes:
    """m blocks with at least two known cells, or both extremes: their first and last microsecond `start` and `end`,
    and the beginning of the rest they belong to, `since` (m,), all µs UTC.

    `resolution_v` is the sensors' step; `each` whether every cell is measured.
    """

    start: Ints
    end: Ints
    since: Ints
    low: Side
    high: Side
    resolution_v: float
    each: bool

    def __len__(self) -> int:
        return len(self.start)

    @property
    def range_v(self) -> Floats:
        """Highest less lowest median, V; where sensors of the extremes cross by their noise, 0."""
        return np.maximum(self.high.v - self.low.v, 0.0)

    @property
    def crossed(self) -> Flags:
        """Where the highest lies below the lowest by more than noise can explain."""
        return self.high.v < self.low.v - CROSSED_STEPS * self.resolution_v


def extremes(readings: tuple[Reading, ...], blocks: Blocks, carried: OpenBlock | None, block_us: int) -> Extremes:
    """The extremes of the blocks at rest that have any."""
    if not readings or not len(blocks.number):
        return _NONE
    found = [_in_blocks(reading, blocks, carried, block_us) for reading in readings]
    each = readings[0].each
    if each:
        known = (found[0].count > 0).sum(axis=0) > 1
        numbers = np.array([cell_number(name) for name in readings[0].columns])
        low, high = (_chosen(found[0], numbers, known, sign) for sign in (-1, 1))
    else:
        known = ~np.isnan(found[0].v[0] + found[-1].v[-1])
        low, high = _row(found[0], 0, known), _row(found[-1], -1, known)
    start = blocks.number[known] * block_us
    resolution_v = max(reading.resolution_v for reading in readings)
    return Extremes(start, start + block_us - 1, blocks.since[known], low, high, resolution_v, each)


def _in_blocks(reading: Reading, blocks: Blocks, carried: OpenBlock | None, block_us: int) -> Medians:
    start = 0 if carried is None else carried.number * block_us
    fresh = with_samples(reading, {} if carried is None else carried.samples, start)
    first = np.searchsorted(fresh.t, blocks.number * block_us)
    last = np.flatnonzero(np.diff(blocks.number, append=blocks.number[-1]) != 1)
    stop = np.append(first[1:], 0)
    stop[last] = np.searchsorted(fresh.t, (blocks.number[last] + 1) * block_us)
    count = stop - first
    found = medians(np.ascontiguousarray(fresh.x.T), first, count, reading.resolution_v)
    if reading.declared.telemetry == "on_change" and len(reading.t) and (found.count == 0).any():
        return _filled(found, reading, blocks.number * block_us)
    return found


def _filled(found: Medians, reading: Reading, starts: Ints) -> Medians:
    """A sensor that speaks on change is silent because nothing changed: its last value counts as one sample."""
    row = np.searchsorted(reading.t, starts) - 1
    value = reading.held[np.maximum(row, 0)].T
    age = starts - reading.t[np.maximum(row, 0)]
    fits = (row >= 0) & (age <= reading.gap_us) & (found.count == 0) & ~np.isnan(value)
    return Medians(np.where(fits, value, found.v), np.where(fits, 1, found.count), found.scatter)


def _row(found: Medians, row: int, known: Flags) -> Side:
    v = found.v[row, known]
    return Side(v, found.count[row, known], found.scatter[row, known], np.full(len(v), np.nan))


def _chosen(found: Medians, numbers: Floats, known: Flags, sign: int) -> Side:
    """The cell with the highest (sign +1) or lowest (−1) median of each known block."""
    v = found.v[:, known]
    cell = np.nanargmax(sign * v, axis=0) if v.size else np.empty(0, np.int64)
    at = np.arange(v.shape[1])
    return Side(v[cell, at], found.count[:, known][cell, at], found.scatter[:, known][cell, at], numbers[cell])


_NO_TIMES = np.empty(0, np.int64)
_NO_SIDE = Side(np.empty(0), _NO_TIMES, np.empty(0), np.empty(0))
_NONE = Extremes(_NO_TIMES, _NO_TIMES, _NO_TIMES, _NO_SIDE, _NO_SIDE, 0.0, False)
