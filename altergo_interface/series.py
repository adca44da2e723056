"""Between the engine's columns and pandas Series, for models that implement plain `process`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from altergo_interface.data import Labels, Samples, Span, StepData, Table, Times, Words
from altergo_interface.errors import ModelError


def to_series(samples: Samples | Labels) -> "pd.Series[Any]":
    """A Series with a UTC DatetimeIndex (µs)."""
    index = pd.DatetimeIndex(samples.t.view("M8[us]"), tz="UTC")
    return pd.Series(samples.x, index=index)


def to_pandas(data: StepData) -> dict[str, Any]:
    """A step as plain models see it: Series, DataFrames (tables), dicts (of sensors too), numbers and strings."""

    def one(value: Any) -> Any:
        if isinstance(value, Samples | Labels):
            return to_series(value)
        if isinstance(value, Table):
            index = pd.DatetimeIndex(value.t.view("M8[us]"), tz="UTC")
            return pd.DataFrame(value.x, index=index, columns=list(value.columns))
        if isinstance(value, Mapping):
            return {name: one(part) for name, part in value.items()}
        return value

    # A series without a sample is an absent input: a model that meets one need not look whether it is empty.
    there = {n: v for n, v in data.items() if not isinstance(v, Samples | Table) or len(v)}
    return {name: one(value) for name, value in there.items()}


def from_series(series: "pd.Series[Any]", name: str) -> Samples | Labels:
    """Samples of a Series of numbers, Labels of one of texts; an index without a zone is read as UTC.

    Whole numbers, booleans, their nullable kinds and durations (as seconds) become floats, times become labels in
    ISO 8601. Raises ModelError for an index that is no DatetimeIndex, and for anything else in the series.
    """
    if not isinstance(series.index, pd.DatetimeIndex):
        raise ModelError(f"output '{name}' has no DatetimeIndex", "Give it the index of an input")
    t = utc_us(series.index)
    dtype = series.dtype
    if pd.api.types.is_bool_dtype(dtype) or (
        pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)
    ):
        return Samples(t, series.to_numpy(dtype=np.float64, na_value=np.nan))
    if pd.api.types.is_timedelta64_dtype(dtype):
        return Samples(t, series.dt.total_seconds().to_numpy(dtype=np.float64))
    return _of_objects(t, series.to_numpy(dtype=object), name)


def utc_us(index: pd.DatetimeIndex) -> Times:
    """Stamps (n,) int64 µs UTC; without a zone they are taken as UTC, which is what every input was in."""
    aware = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    return aware.as_unit("us").asi8


def _of_objects(t: Times, x: Words, name: str) -> Samples | Labels:
    missing = pd.isna(x)
    there = x[~missing]
    if all(isinstance(value, Real | Decimal | np.bool_) for value in there):
        return Samples(t, np.array([np.nan if gone else float(v) for v, gone in zip(x, missing, strict=True)]))
    if all(isinstance(value, datetime) for value in there):
        x = np.array([None if gone else iso(v) for v, gone in zip(x, missing, strict=True)], dtype=object)
    elif not all(isinstance(value, str) for value in there):
        kinds = sorted({type(value).__name__ for value in there})
        raise ModelError(f"output '{name}' is neither of numbers nor of labels: it holds {', '.join(kinds)}")
    words = np.empty(len(x), dtype=object)
    words[:] = [None if gone else str(v) for v, gone in zip(x, missing, strict=True)]
    return Labels(t, words)


def iso(time: datetime) -> str:
    """A time in ISO 8601, UTC; without a zone it is taken as UTC."""
    aware = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")


def step_from_pandas(data: Mapping[str, Any]) -> StepData:
    """A whole history as one step, its span from the first stamp to just after the last."""

    def one(name: str, value: Any) -> Any:
        if isinstance(value, pd.DataFrame):
            stamps = from_series(value.iloc[:, 0], name).t
            return Table(stamps, value.to_numpy(dtype=np.float64), tuple(map(str, value.columns)))
        return from_series(value, name) if isinstance(value, pd.Series) else value

    inputs = {name: one(name, value) for name, value in data.items()}
    stamps = [value.t for value in inputs.values() if isinstance(value, Samples | Table) and len(value)]
    start = min((int(t[0]) for t in stamps), default=0)
    end = max((int(t[-1]) + 1 for t in stamps), default=0)
    return StepData(inputs, Span(start, end))


def to_pandas_outputs(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of `advance`, as a plain `process` returns them."""
    return {n: to_series(v) if isinstance(v, Samples | Labels) else list(v) for n, v in outputs.items()}
