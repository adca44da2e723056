"""One event file in, events and rejected rows out: the whole path from bytes to columns."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from altergo_interface.errors import IngestError
from event_store.ingest.cells import Names, names, numbers, sorted_names
from event_store.ingest.faults import Fault, Faults, first_fault, reasons
from event_store.ingest.options import ParseOptions
from event_store.ingest.read import Sheet, read
from event_store.ingest.rejects import Rejects
from event_store.ingest.times import times
from event_store.ingest.zones import Localised

T = TypeVar("T")


@dataclass(frozen=True)
class Parsed:
    """The events of a file. Events of one series are in the order of the file (narrow: all of them).

    Attributes:
        assets, sensors: the names that occur, sorted.
        asset, sensor: codes into them, shape (events,).
        ts: µs since 1970 UTC, shape (events,).
        value: as delivered, finite, shape (events,); NaN where keys are to be deleted.
        row: the number among the file's data rows, from 1, blank lines not counted, shape (events,);
            in a wide file several events share one.
        rejected: `row` (int64), `reason`, `raw` (a JSON object of the cells that ingest reads, or
            `{"text": …}` where a row cannot be split into cells), in the order of the file.
        rows: data rows in the file, rejected ones too.
    """

    assets: list[str]
    asset: NDArray[np.int32]
    sensors: list[str]
    sensor: NDArray[np.int32]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    row: NDArray[np.int64]
    rejected: pa.Table
    rows: int


def parse(path: Path, options: ParseOptions, now_us: int) -> Parsed:
    """Reads an event file, narrow or wide (`options.wide`).

    Args:
        now_us: the present, µs UTC; later stamps are plausible up to `options.max_future_s` only.

    Raises:
        IngestError: the file as a whole cannot be read; a bad row never raises.
    """
    job = _Job(path, options, options.bounds(now_us), read(path, options))
    return _parse_wide(job) if options.wide else _parse_narrow(job)


class _Job(NamedTuple):
    path: Path
    options: ParseOptions
    bounds: tuple[int, int]  # plausible times, µs UTC
    sheet: Sheet


class _Events(NamedTuple):
    """Columns of events, shape (events,) each."""

    asset: NDArray[np.int32]
    sensor: NDArray[np.int32]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    row: NDArray[np.int64]


def _parse_narrow(job: _Job) -> Parsed:
    layout = job.sheet.layout
    assets, sensors = _assets(job), _column(job, layout.sensor or "", names)
    value, value_faults = _values(job)
    ts, ts_faults = _times(job, assets.codes.astype(np.int64) * len(sensors.names) + sensors.codes)
    faults = first_fault(
        _missing(assets, Fault.NO_ASSET), _missing(sensors, Fault.NO_SENSOR), value_faults, ts_faults
    )
    rejects = Rejects(job.sheet)
    rejects.add(faults, reasons(job.options))
    events = _Events(assets.codes, sensors.codes, ts, value, job.sheet.row)
    if faults.any():
        good = faults == 0
        events = _Events(*(column[good] for column in events))
    return _parsed(job, assets.names, sensors.names, events, rejects)


def _values(job: _Job) -> tuple[NDArray[np.float64], Faults]:
    if job.options.retract:
        rows = job.sheet.table.num_rows
        return np.full(rows, np.nan), np.zeros(rows, np.int8)
    return _column(job, job.sheet.layout.values[0], lambda column: numbers(column, job.options.decimal))


def _parse_wide(job: _Job) -> Parsed:
    sheet, words = job.sheet, reasons(job.options)
    assets = _assets(job)
    ts, ts_faults = _times(job, assets.codes.astype(np.int64))
    faults = first_fault(_missing(assets, Fault.NO_ASSET), ts_faults)
    rejects = Rejects(sheet)
    rejects.add(faults, words)
    columns = []
    for code, sensor in enumerate(sheet.layout.values):
        value, cell_faults = _column(job, sensor, lambda column: numbers(column, job.options.decimal))
        empty = (cell_faults == Fault.NO_VALUE) | np.isnan(value)
        good = (faults == 0) & (cell_faults == 0)
        rejects.add(np.where(good | empty | (faults != 0), np.int8(0), cell_faults), words, only=sensor)
        codes = np.full(np.count_nonzero(good), code, np.int32)
        kept = np.full(len(codes), np.nan) if job.options.retract else value[good]
        columns.append(_Events(assets.codes[good], codes, ts[good], kept, sheet.row[good]))
    events = _Events(*(np.concatenate(column) for column in zip(*columns, strict=True)))
    return _parsed(job, assets.names, list(sheet.layout.values), events, rejects)


def _parsed(job: _Job, assets: list[str], sensors: list[str], events: _Events, rejects: Rejects) -> Parsed:
    asset = sorted_names(Names(events.asset, assets))
    sensor = sorted_names(Names(events.sensor, sensors))
    return Parsed(
        assets=asset.names,
        asset=asset.codes,
        sensors=sensor.names,
        sensor=sensor.codes,
        ts=events.ts,
        value=events.value,
        row=events.row,
        rejected=rejects.table(),
        rows=job.sheet.rows,
    )


def _assets(job: _Job) -> Names:
    layout = job.sheet.layout
    if layout.asset is None:
        return Names(np.zeros(job.sheet.table.num_rows, np.int32), [layout.fixed_asset or ""])
    return _column(job, layout.asset, names)


def _times(job: _Job, series: NDArray[np.int64]) -> Localised:
    return _column(job, job.sheet.layout.ts, lambda column: times(column, series, job.options, job.bounds))


def _column(job: _Job, name: str, read_column: Callable[[pa.ChunkedArray], T]) -> T:
    """Reads one column; an error about its type is told with the file and the column's name."""
    try:
        return read_column(job.sheet.table.column(name))
    except IngestError as error:
        raise IngestError(f"{job.path}: column '{name}' {error.what}", error.hint) from error


def _missing(found: Names, fault: Fault) -> Faults:
    return np.where(found.codes < 0, np.int8(fault), np.int8(0))
