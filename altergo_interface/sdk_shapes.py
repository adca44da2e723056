"""What the SDK's functions take and give, as far as it is known: names of parameters, and shapes of answers."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from altergo_interface.data import Times, Values
from altergo_interface.gateway import GatewayError, Points

# Our word for an argument: the names that a parameter of the SDK may have for it, the first where nothing is known.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "asset": ("asset", "assetid", "assetobject", "deviceid", "device"),
    "assets": ("assets", "assetids", "assetlist", "assetslist"),
    "sensors": ("sensors", "sensornames", "sensorlist", "sensorslist", "sensor", "names"),
    "start": ("startDate", "start", "startdate", "starttime", "fromdate", "from", "since"),
    "end": ("endDate", "end", "enddate", "endtime", "todate", "to", "until"),
    "data": ("data", "dataframe", "df", "sensordata", "values", "dataframes"),
}
_MANY = {"asset": "assets"}
_TIME_COLUMNS = ("ts", "time", "timestamp", "date", "datetime")


def arguments(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Our arguments under the names that the function has for them; those that it has no parameter for are left out.

    Raises GatewayError where the function asks for something else as well.
    """
    parameters = _parameters(function)
    if parameters is None:
        return {_WORDS[word][0]: value for word, value in given.items()}
    taken: dict[str, Any] = {}
    for name, parameter in parameters.items():
        found = _value_for(name, given)
        if found is not None:
            taken[name] = found[0]
        elif parameter.default is parameter.empty and parameter.kind not in _OPEN:
            raise GatewayError(f"the SDK's {function.__name__} asks for '{name}', which is not known here")
    return taken


_OPEN = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """The function's parameters; None where it takes any."""
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    return None if all(parameter.kind in _OPEN for parameter in found.values()) else found


def _value_for(name: str, given: Mapping[str, Any]) -> tuple[Any] | None:
    plain = name.lower().replace("_", "")
    for word, value in given.items():
        if plain in (alias.lower() for alias in _WORDS[word]):
            return (value,)
        if word in _MANY and plain in _WORDS[_MANY[word]]:
            return ([value],)
    return None


def samples(answer: Any, sensor: str) -> tuple[Times, Values]:
    """The samples of a sensor in whatever the SDK has answered: a DataFrame, a Series, a mapping of these, or pairs.

    Stamps without a zone are UTC. Raises GatewayError for an answer that cannot be read.
    """
    import pandas as pd

    if answer is None or (isinstance(answer, Sequence | Mapping) and not len(answer)):
        return np.empty(0, np.int64), np.empty(0)
    if isinstance(answer, Mapping):
        return samples(answer.get(sensor), sensor)
    if isinstance(answer, pd.DataFrame):
        return _of_frame(answer, sensor)
    if isinstance(answer, pd.Series):
        return _of_columns(answer.index, answer)
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return _of_frame(pd.DataFrame(list(answer)), sensor)
    raise GatewayError(f"sensor '{sensor}': the SDK answered with {type(answer).__name__}, which cannot be read")


def _of_frame(frame: Any, sensor: str) -> tuple[Times, Values]:
    import pandas as pd

    if isinstance(frame.index, pd.DatetimeIndex):
        if sensor not in frame.columns:
            return np.empty(0, np.int64), np.empty(0)
        return _of_columns(frame.index, frame[sensor])
    time = next((name for name in frame.columns if str(name).lower() in _TIME_COLUMNS), frame.columns[0])
    value = next((name for name in (sensor, "value", 1) if name in frame.columns), None)
    if value is None:
        raise GatewayError(f"sensor '{sensor}': the SDK's answer has no column for its values")
    return _of_columns(frame[time], frame[value])


def _of_columns(stamps: Any, values: Any) -> tuple[Times, Values]:
    """Sorted by time; where a sensor has no value at a stamp of the table, it has no sample."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(stamps):
        raise GatewayError("the SDK's stamps are numbers of an unknown unit")
    try:
        t = pd.DatetimeIndex(pd.to_datetime(stamps, utc=True)).as_unit("us").asi8
        x = pd.to_numeric(pd.Series(values).reset_index(drop=True), errors="coerce")
    except (TypeError, ValueError):
        raise GatewayError("the SDK's stamps cannot be read") from None
    there = ~pd.isna(values.to_numpy())
    order = np.argsort(t[there], kind="stable")
    return t[there][order].astype(np.int64), x.to_numpy(np.float64, na_value=np.nan)[there][order]


def frame_of(points: Points) -> Any:
    """Points as the SDK takes them: a DataFrame with one column. What is withdrawn is unknown (NaN) there: no way to
    delete a point is known."""
    import pandas as pd

    gone = np.setdiff1d(points.withdrawn, points.t)
    t = np.concatenate([points.t, gone])
    words = None if points.labels is None else [*points.labels, *[None] * len(gone)]
    values: Any = words if words is not None else np.concatenate([points.x, np.full(len(gone), np.nan)])
    index = pd.DatetimeIndex(t.view("M8[us]"), tz="UTC")
    return pd.DataFrame({points.sensor: values}, index=index).sort_index()
