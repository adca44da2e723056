"""Reading an asset registry: `asset_id`, optional `valid_from`, and parameters, from CSV, JSON or Parquet."""

import csv
import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from actors.times import parse_time
from altergo_interface import ParameterError, SelectionError
from altergo_interface.chemistries import OCV_TABLE, ocv_table
from altergo_interface.parameters import SENSOR_OVERRIDES, check_parameter
from event_store.parameters import Given

Row = dict[str, Any]


def read_assets_file(path: Path, known: Collection[str], chemistries: Collection[str] = ()) -> list[Given]:
    """All parameters of a registry file.

    `known` are the names that registered models take, `chemistries` those that the settings add. An `ocv_table` may
    name a CSV file, relative to the registry; the table itself is what is kept.

    Raises ParameterError naming the file, the row and the column; nothing is taken from a file with an error.
    """
    rows = _read(path)
    if not rows:
        raise ParameterError(f"{path}: it has no rows", "Give one row per asset")
    columns = list(rows[0])
    if "asset_id" not in columns:
        raise ParameterError(f"{path}: no column 'asset_id'", f"It has: {', '.join(columns)}")
    found: dict[tuple[str, str, int | None], tuple[Any, int]] = {}
    for number, row in enumerate(rows, 1):
        for given in _given(row, path, f"{path}: row {number}", known, chemistries):
            value, before = found.setdefault((given.asset_id, given.name, given.valid_from), (given.value, number))
            if value != given.value:
                what = f"{path}: row {number}: {given.asset_id} {given.name} is {given.value}, but {value} in row"
                raise ParameterError(f"{what} {before}", "Keep one of them, or give one a valid_from")
    return [Given(*key[:2], value, key[2]) for key, (value, _) in found.items()]


def _read(path: Path) -> Sequence[Row]:
    readers: dict[str, Callable[[Path], Sequence[Row]]] = {".csv": _csv, ".json": _json, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ParameterError(f"{path}: cannot read '{path.suffix}' files", f"Use one of {', '.join(readers)}")
    try:
        return reader(path)
    except (ValueError, pa.ArrowException) as error:
        raise ParameterError(f"{path}: cannot be read ({str(error).splitlines()[0]})", "Correct it") from error
    except OSError as error:
        raise ParameterError(f"{path}: {error.strerror or error}", "Check the path") from error


def _csv(path: Path) -> Sequence[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, strict=True)
        if reader.fieldnames is not None and (sign := _other_delimiter(reader.fieldnames)):
            hint = "Separate the cells by commas, and write numbers with a point"
            raise ParameterError(f"{path}: its header is one cell: the delimiter is {sign!r}", hint)
        rows = list(reader)
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a row has more or fewer cells than the header")
    return [{name: text if name == "asset_id" else _cell(text) for name, text in row.items()} for row in rows]


def _other_delimiter(header: Sequence[str]) -> str | None:
    """What separates the cells where it is no comma."""
    return next((sign for sign in ";\t|" if len(header) == 1 and sign in header[0]), None)


def _cell(text: str) -> Any:
    """A CSV cell as a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _json(path: Path) -> Sequence[Row]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("not a list of objects")
    return rows


def _parquet(path: Path) -> Sequence[Row]:
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


def _given(row: Row, path: Path, where: str, known: Collection[str], chemistries: Collection[str]) -> Iterator[Given]:
    asset = row.get("asset_id")
    if _missing(asset):
        raise ParameterError(f"{where}: no asset_id", "Name the asset or remove the row")
    valid_from = None if _missing(row.get("valid_from")) else _stamp(row["valid_from"], where)
    for name, value in row.items():
        if name in ("asset_id", "valid_from") or _missing(value):
            continue
        if valid_from is not None and name in SENSOR_OVERRIDES:
            raise ParameterError(f"{where}: {name} holds for the whole history", "Give it without valid_from")
        if name.lower() == OCV_TABLE:
            value = ocv_table(value, path.parent, f"{where}: {name}")
        yield Given(str(asset), *check_parameter(name, value, known, where, chemistries), valid_from)


def _missing(value: Any) -> bool:
    blank = isinstance(value, str) and not value.strip()
    return value is None or blank or (isinstance(value, float) and math.isnan(value))


def _stamp(value: Any, where: str) -> int:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    try:
        return parse_time(text, "valid_from")
    except SelectionError as error:
        raise ParameterError(f"{where}: {error.what}", error.hint) from None
