"""Collects what goes to quarantine: row number, reason, and the row's raw cells as JSON."""

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from event_store.ingest.cells import plain
from event_store.ingest.read import Sheet

_SCHEMA = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])


class Rejects:
    """The rejected rows of one sheet; its malformed rows are in it from the start."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._found = [
            (bad.row, bad.reason, json.dumps({"text": bad.text}, ensure_ascii=False)) for bad in sheet.malformed
        ]

    def add(self, faults: NDArray[np.int8], reasons: dict[int, str], only: str | None = None) -> None:
        """Rejects the rows (or in them only the cell of the column `only`) with a fault, shape (rows,)."""
        bad = np.flatnonzero(faults)
        if not len(bad):
            return
        of = f" (sensor '{only}')" if only is not None else ""
        words = {fault: reason + of for fault, reason in reasons.items()}
        raws = _raw_rows(self._sheet.table.take(pa.array(bad)))
        rows = self._sheet.row[bad].tolist()
        self._found += zip(rows, [words[fault] for fault in faults[bad].tolist()], raws, strict=True)

    def table(self) -> pa.Table:
        """Columns row, reason, raw, in the order of the file."""
        found = sorted(self._found, key=lambda reject: reject[0])
        columns: Any = zip(*found, strict=True) if found else ([], [], [])
        return pa.table([list(column) for column in columns], schema=_SCHEMA)


def _raw_rows(table: pa.Table) -> list[str]:
    columns = [_raw_cells(column) for column in table.columns]
    names = table.column_names
    return [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in zip(*columns, strict=True)]


def _raw_cells(column: pa.ChunkedArray) -> list[Any]:
    column = plain(column)
    if pa.types.is_timestamp(column.type):  # by numpy: Python's datetime ends at year 9999
        epochs = column.cast(pa.int64())
        times = epochs.fill_null(0).to_numpy().astype(f"M8[{column.type.unit}]")
        suffix = "Z" if column.type.tz else ""
        shown = [time + suffix for time in np.datetime_as_string(times).tolist()]
        return [time if known else None for time, known in zip(shown, epochs.is_valid().to_pylist(), strict=True)]
    return [_plain_cell(cell) for cell in column.to_pylist()]


def _plain_cell(cell: Any) -> Any:
    """A cell that JSON can hold: NaN, infinities, decimals and dates as text."""
    if cell is None or isinstance(cell, bool | int | str) or (isinstance(cell, float) and math.isfinite(cell)):
        return cell
    return str(cell)
