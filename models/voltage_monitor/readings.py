"""The lowest and the highest cell voltage of a call, from their own sensors or over a table of cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altergo_interface import ModelError, Samples, SensorRule, StepData, Table

US_PER_S = 1_000_000
DEFAULT_RESOLUTION_V = 1e-4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """One side's samples, rounded to the sensor's resolution: `t` (n,) µs UTC, `x` (n,) V, lead-ins in front.

    `gap_us` is the longest time that one sample may stand for. `cells` (n, k) and `columns` (k,) say which cell
    showed an extreme; both are empty where only the extreme itself is measured. `shift` (V), one for each sample
    inside the span, is how far the limits are shifted there; None where they are not.
    """

    t: NDArray[np.int64]
    x: Floats
    lead: int
    gap_us: int
    cells: Floats | None = None
    columns: tuple[str, ...] = ()
    shift: Floats | None = None

    @property
    def fresh_t(self) -> NDArray[np.int64]:
        """The stamps inside the span."""
        return self.t[self.lead :]

    @property
    def fresh_x(self) -> Floats:
        """The voltages inside the span."""
        return self.x[self.lead :]

    def beyond(self, sign: int) -> Floats:
        """sign × V inside the span, less the shift of the limits, so that limits that do not move can judge it."""
        if self.shift is None:
            return sign * self.fresh_x
        return np.round(sign * (self.fresh_x - self.shift), 9)

    def shift_at(self, row: int) -> float:
        """The limits' shift (V) at a row inside the span."""
        return 0.0 if self.shift is None else float(self.shift[row])

    def cell(self, row: int, sign: int) -> str:
        """The cell of the lowest (sign −1) or highest (+1) voltage at a row inside the span."""
        if self.cells is None:
            return ""
        return self.columns[int(np.nanargmax(sign * self.cells[self.lead + row]))]


def read(data: StepData, max_gap_s: float | None) -> tuple[Reading | None, Reading | None]:
    """The (low, high) readings; None where a side has no sample yet.

    Where a minimum or maximum sensor is bound, these are read, and otherwise the table. The binding must not change
    within a history. Raises ModelError where nothing is bound.
    """
    if "v_cell_min" in data or "v_cell_max" in data:
        return _of_series(data.series("v_cell_min"), max_gap_s), _of_series(data.series("v_cell_max"), max_gap_s)
    if "cell_voltages" not in data:
        raise ModelError("no cell voltage is bound", "Map v_cell_min and v_cell_max, or cell_voltages")
    table = data.table("cell_voltages")
    return _of_table(table, max_gap_s) if table else (None, None)


def _of_series(series: Samples | None, max_gap_s: float | None) -> Reading | None:
    if series is None:
        return None
    rule = series.declared
    return Reading(series.t, _rounded(series.x, rule), series.lead, _gap_us(rule, max_gap_s))


def _of_table(table: Table, max_gap_s: float | None) -> tuple[Reading, Reading]:
    """Minimum and maximum over the cells at each stamp, each cell's value held for at most the longest interval."""
    gap_us = _gap_us(table.declared, max_gap_s)
    cells = table.x
    if np.isnan(cells).any():
        cells = _held(table.t, cells, gap_us)
    low, high = np.fmin.reduce(cells, axis=1), np.fmax.reduce(cells, axis=1)

    def side(x: Floats) -> Reading:
        return Reading(table.t, _rounded(x, table.declared), table.lead, gap_us, cells, table.columns)

    return side(low), side(high)


def _held(t: NDArray[np.int64], cells: Floats, gap_us: int) -> Floats:
    """`cells` (n, k) with each missing value replaced by the cell's previous one, if that is not too old."""
    rows = np.where(np.isnan(cells), 0, np.arange(len(t))[:, None])
    np.maximum.accumulate(rows, axis=0, out=rows)
    held = np.take_along_axis(cells, rows, axis=0)
    held[t[:, None] - t[rows] > gap_us] = np.nan
    return held


def _rounded(x: Floats, rule: SensorRule) -> Floats:
    """`x` on the sensor's resolution, each value the float nearest to its decimal, so that 3.65 equals 3.65."""
    resolution = rule.resolution or DEFAULT_RESOLUTION_V
    return np.round(np.rint(x / resolution) * resolution, 9)


def _gap_us(rule: SensorRule, max_gap_s: float | None) -> int:
    return round((rule.max_interval_s() if max_gap_s is None else max_gap_s) * US_PER_S)
