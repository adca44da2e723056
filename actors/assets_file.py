"""Reading an asset registry: `asset_id`, optional `valid_from`, and parameters, from CSV, JSON or Parquet."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from altergo_interface import ParameterError
from altergo_interface.parameters import SENSOR_OVERRIDES, check_parameter
from event_store.parameters import Given

_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(path, dtype={"asset_id": str}),
    ".json": lambda path: pd.read_json(path, dtype={"asset_id": str}),
    ".parquet": pd.read_parquet,
}


def read_assets_file(path: Path, known: Collection[str]) -> list[Given]:
    """All parameters of a registry file; `known` are the names that registered models take.

    Raises ParameterError naming the file, the row and the column; nothing is taken from a file with an error.
    """
    frame = _read(path)
    if "asset_id" not in frame.columns:
        raise ParameterError(f"{path}: no column 'asset_id'", f"It has: {', '.join(map(str, frame.columns))}")
    if frame.empty:
        raise ParameterError(f"{path}: it has no rows")
    return list(_given(path, frame, known))


def _read(path: Path) -> pd.DataFrame:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ParameterError(f"{path}: cannot read '{path.suffix}' files", f"Use one of {', '.join(_READERS)}")
    try:
        frame: pd.DataFrame = reader(path)
    except OSError as error:
        raise ParameterError(f"{path}: {error.strerror or error}", "Check the path") from error
    except ValueError as error:
        raise ParameterError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error
    return frame


def _given(path: Path, frame: pd.DataFrame, known: Collection[str]) -> Iterator[Given]:
    names = [str(name) for name in frame.columns if name not in ("asset_id", "valid_from")]
    for row, record in enumerate(frame.to_dict("records"), start=1):
        where = f"{path}: row {row}"
        asset = record["asset_id"]
        if pd.isna(asset) or not str(asset).strip():
            raise ParameterError(f"{where}: no asset_id")
        valid_from = _stamp(record.get("valid_from"), where)
        for name in names:
            value = record[name]
            if not isinstance(value, list | dict) and pd.isna(value):
                continue
            if valid_from is not None and name in SENSOR_OVERRIDES:
                raise ParameterError(f"{where}: {name} holds for the whole history", "Give it without valid_from")
            plain = value.item() if hasattr(value, "item") else value
            yield Given(str(asset), name, check_parameter(name, plain, known, where), valid_from)


def _stamp(value: Any, where: str) -> int | None:
    if value is None or pd.isna(value) or value == "":
        return None
    try:
        stamp = pd.Timestamp(value)
    except ValueError:
        raise ParameterError(f"{where}: valid_from '{value}' is no time", "Use ISO 8601") from None
    stamp = stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")
    return int(stamp.as_unit("us").value)
