"""Between the engine's columns and pandas Series, for models that implement plain `process`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from altergo_interface.data import Samples, Span, StepData, Table
from altergo_interface.errors import ModelError
from altergo_interface.records import Record


def to_series(samples: Samples) -> "pd.Series[float]":
    """A Series with a UTC DatetimeIndex (µs)."""
    index = pd.DatetimeIndex(samples.t.view("M8[us]"), tz="UTC")
    return pd.Series(samples.x, index=index)


def to_pandas(data: StepData) -> dict[str, Any]:
    """A step as plain models see it: Series, DataFrames (tables), dicts (of sensors too), numbers and strings."""

    def one(value: Any) -> Any:
        if isinstance(value, Samples):
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


def from_series(series: "pd.Series[Any]", name: str) -> Samples:
    """Samples of a Series with a UTC DatetimeIndex. Raises ModelError for any other index or for labels."""
    if not isinstance(series.index, pd.DatetimeIndex) or series.index.tz is None:
        raise ModelError(f"output '{name}' has no UTC DatetimeIndex")
    t = series.index.tz_convert("UTC").as_unit("us").asi8
    try:
        return Samples(t, series.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise ModelError(f"output '{name}' is not numeric: {error}") from error


def from_pandas(outputs: Mapping[str, Any]) -> dict[str, Samples | Sequence[Record]]:
    """The outputs of a plain `process`, as columns."""
    return {name: value if name == "records" else from_series(value, name) for name, value in outputs.items()}


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
    return {n: to_series(v) if isinstance(v, Samples) else list(v) for n, v in outputs.items()}
