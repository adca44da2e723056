"""The cell voltages of a call, either as extremes or cell by cell: their range at every sample, and what is fresh."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from altergo_interface import ModelError, Samples, SensorRule, StepData, Table, hold
from models.imbalance_analysis.blocks import US_PER_S, Floats, Ints

MV_PER_V = 1000.0
DEFAULT_RESOLUTION_V = 1e-3
"""Resolution of common battery management systems, where the sensor declares none."""

LOW, HIGH = "v_cell_min", "v_cell_max"
TABLE = "cell_voltages"


@dataclass(frozen=True, slots=True)
class Reading:
    """Series on common stamps: `t` (n,) µs UTC, `x` (n, k) V, NaN for no sample, named `columns` (k,).

    The first `lead` rows lie before the span. `held` (n, k) has each missing value replaced by the previous one that
    is not too old; `gap_us` says what that is. `each` is whether the columns are cells, not an extreme of them.
    """

    t: Ints
    x: Floats
    held: Floats
    columns: tuple[str, ...]
    lead: int
    gap_us: int
    declared: SensorRule
    each: bool

    @property
    def resolution_v(self) -> float:
        """Step of the reading, V."""
        return self.declared.resolution or DEFAULT_RESOLUTION_V


def read(data: StepData, max_gap_s: float | None) -> tuple[Reading, ...]:
    """The extremes where both are bound, in one reading if they have the same stamps, else (lowest, highest); without
    them one reading of all cells, or none before their first sample.

    What is bound decides, never the data. Raises ModelError where neither is bound.
    """
    low, high = data.get(LOW), data.get(HIGH)
    if isinstance(low, Samples) and isinstance(high, Samples):
        return _of_extremes(low, high, max_gap_s)
    if TABLE not in data:
        raise ModelError("no cell voltage is bound", "Map v_cell_min and v_cell_max, or cell_voltages")
    table = data.table(TABLE)
    return () if table is None else (_of_table(table, max_gap_s),)


def _of_extremes(low: Samples, high: Samples, max_gap_s: float | None) -> tuple[Reading, ...]:
    gap_us = _gap_us(low.declared, max_gap_s), _gap_us(high.declared, max_gap_s)
    if low.lead == high.lead and low.declared == high.declared and np.array_equal(low.t, high.t):
        x = np.stack((low.x, high.x), axis=1)
        return (Reading(low.t, x, x, (LOW, HIGH), low.lead, gap_us[0], low.declared, False),)
    sides = zip((LOW, HIGH), (low, high), gap_us, strict=True)
    return tuple(
        Reading(one.t, one.x[:, None], one.x[:, None], (name,), one.lead, gap, one.declared, False)
        for name, one, gap in sides
    )


def _of_table(table: Table, max_gap_s: float | None) -> Reading:
    gap_us = _gap_us(table.declared, max_gap_s)
    held = _held(table.t, table.x, gap_us) if np.isnan(table.x).any() else table.x
    return Reading(table.t, table.x, held, table.columns, table.lead, gap_us, table.declared, True)


def _gap_us(rule: SensorRule, max_gap_s: float | None) -> int:
    return round((rule.max_interval_s() if max_gap_s is None else max_gap_s) * US_PER_S)


def _held(t: Ints, cells: Floats, gap_us: int) -> Floats:
    """`cells` (n, k) with each missing value replaced by the previous one of its column, if that is not too old."""
    rows = np.where(np.isnan(cells), 0, np.arange(len(t))[:, None])
    np.maximum.accumulate(rows, axis=0, out=rows)
    held = np.take_along_axis(cells, rows, axis=0)
    held[t[:, None] - t[rows] > gap_us] = np.nan
    return held


def voltage_range(readings: tuple[Reading, ...]) -> Samples:
    """Highest less lowest cell voltage, mV, at every stamp of the span where both are known and fresh.

    Sensors of the extremes speak of different moments: where they cross, the range is 0.
    """
    if not readings:
        return Samples(np.empty(0, np.int64), np.empty(0))
    one = readings[0]
    if one.each:
        return _of_cells(one.t[one.lead :], one.held[one.lead :])
    t, bottom, top = one.t[one.lead :], one.x[one.lead :, 0], one.x[one.lead :, -1]
    if len(readings) == 2:
        t = np.union1d(t, readings[1].t[readings[1].lead :])
        bottom, top = _at(one, t), _at(readings[1], t)
    known = ~np.isnan(top - bottom)
    return Samples(t[known], np.maximum(MV_PER_V * (top - bottom)[known], 0.0))


def _of_cells(t: Ints, cells: Floats) -> Samples:
    several = (~np.isnan(cells)).sum(axis=1) > 1
    span = np.fmax.reduce(cells, axis=1) - np.fmin.reduce(cells, axis=1)
    return Samples(t[several], MV_PER_V * span[several])


def _at(reading: Reading, t: Ints) -> Floats:
    return hold(Samples(reading.t, reading.x[:, 0]), t, reading.gap_us / US_PER_S)


def with_samples(reading: Reading, carried: Mapping[str, tuple[float, ...]], start: int) -> Reading:
    """The fresh rows of a reading, behind samples that an earlier call left for the block that begins at `start`."""
    fresh = replace(reading, t=reading.t[reading.lead :], x=reading.x[reading.lead :], lead=0)
    longest = max((len(carried.get(name, ())) for name in reading.columns), default=0)
    if not longest:
        return fresh
    rows = np.full((longest, len(reading.columns)), np.nan)
    for at, name in enumerate(reading.columns):
        rows[: len(carried.get(name, ())), at] = carried.get(name, ())
    t = np.concatenate((np.full(longest, start, dtype=np.int64), fresh.t))
    return replace(fresh, t=t, x=np.concatenate((rows, fresh.x)))


def samples_since(readings: tuple[Reading, ...], start: int) -> dict[str, tuple[float, ...]]:
    """Every series' samples of the span at or after `start`."""
    found: dict[str, tuple[float, ...]] = {}
    for reading in readings:
        x = reading.x[max(reading.lead, int(np.searchsorted(reading.t, start))) :]
        for at, name in enumerate(reading.columns):
            values = x[:, at][~np.isnan(x[:, at])]
            if len(values):
                found[name] = tuple(values.tolist())
    return found


def cell_number(column: str) -> float:
    """The number of a cell: the last one in its sensor's name, NaN without any."""
    numbers = re.findall(r"\d+", column)
    return float(numbers[-1]) if numbers else float("nan")
