"""Reading the file gateway's samples: CSV or Parquet with `ts` and `value`, and `sensor` where several share one."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from altergo_interface.data import Times, Values
from altergo_interface.gateway import GatewayError

SUFFIXES = (".csv", ".parquet")
_ZONE = r"(?:[zZ]|[+-]\d\d:?\d\d)\s*$"


def read_sensor(path: Path) -> tuple[Times, Values]:
    """One sensor's samples in the order of time; of equal stamps the file's order.

    A value that is no number is NaN. Raises GatewayError naming the file, and the row of a stamp that cannot be read.
    """
    frame = _frame(path, ("ts", "value"))
    return _ordered(*_columns(frame, path))


def read_sensors(path: Path) -> Iterator[tuple[str, Times, Values]]:
    """Each sensor of a file with a column `sensor`, by name; see `read_sensor`."""
    frame = _frame(path, ("sensor", "ts", "value"))
    t, x = _columns(frame, path)
    names = frame["sensor"].astype(str).to_numpy(dtype=object)
    for name in sorted(set(names)):
        mine = names == name
        yield name, *_ordered(t[mine], x[mine])


def _ordered(t: Times, x: Values) -> tuple[Times, Values]:
    order = np.argsort(t, kind="stable")
    return t[order], x[order]


def _frame(path: Path, needed: tuple[str, ...]) -> Any:
    import pandas as pd  # a second to import: only who reads files pays for it

    try:
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True, encoding="utf-8-sig")
        else:
            frame = pd.read_parquet(path)
    except OSError as error:
        raise GatewayError(f"{path}: {error.strerror or error}", "Check the file") from error
    except Exception as error:  # pandas and Arrow have no common root for what a broken file can raise
        raise GatewayError(f"{path}: cannot be read ({_first_line(error)})", "Correct or remove it") from error
    for name in needed:
        if name not in frame.columns:
            raise GatewayError(f"{path}: no column '{name}'", f"It has: {', '.join(map(str, frame.columns))}")
    return frame


def _columns(frame: Any, path: Path) -> tuple[Times, Values]:
    values = np.array([_number(cell) for cell in frame["value"].tolist()], np.float64)
    return _stamps(frame["ts"], path), values


def _number(cell: Any) -> float:
    """By Python's own rule, which loses no bit (pandas' does); its digit separator is nobody's number."""
    try:
        return math.nan if isinstance(cell, str) and "_" in cell else float(cell)
    except (TypeError, ValueError):
        return math.nan


def _stamps(column: Any, path: Path) -> Times:
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        read, bad = column, column.isna()
    elif pd.api.types.is_string_dtype(column.dtype):
        read = pd.to_datetime(column, utc=True, format="ISO8601", errors="coerce")
        bad = read.isna() | ~column.str.contains(_ZONE, regex=True)
    else:
        raise GatewayError(
            f"{path}: column 'ts' holds {column.dtype}", "Write ISO 8601 with an offset, or UTC stamps"
        )
    if bad.any():
        row = int(np.flatnonzero(bad.to_numpy())[0])
        raise GatewayError(f"{path}: row {row + 1}: '{column.iloc[row]}' is no time with an offset", "Correct it")
    return np.asarray(pd.DatetimeIndex(read).as_unit("us").asi8, np.int64)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
