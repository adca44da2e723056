"""What a plain `process` returns, in all the shapes found in the wild, as columns and records.

A Series is an output. A DataFrame with a DatetimeIndex is one output for each column, `name.column`. A DataFrame
whose rows have a start, or one without times, and a dict are records of kind `name`. A number or a text is an output
with one sample, at the call's last input sample. None, and what is empty, is no output.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from altergo_interface.data import Labels, Samples, StepData, Table
from altergo_interface.errors import ModelError
from altergo_interface.records import Record
from altergo_interface.series import from_series, iso, utc_us

RECORDS = "records"
STARTS = ("started_at", "start", "start_time", "start_ts", "segment_start", "begin")
"""Columns, in lower case, that may hold a row's start."""
ENDS = ("ended_at", "end", "end_time", "end_ts", "segment_end", "stop")
_FIELDS = ("severity", "value", "cell")

Found = dict[str, Samples | Labels | Sequence[Record]]


@dataclass(frozen=True, slots=True)
class _Call:
    """The call whose outputs are read: its first and last sample that are no lead-ins (µs UTC)."""

    first: int
    last: int
    start: int

    @classmethod
    def of(cls, data: StepData) -> "_Call":
        series = [value for value in data.values() if isinstance(value, Samples | Table) and len(value) > value.lead]
        start = data.span.start
        first = min((int(one.t[one.lead]) for one in series), default=start)
        return cls(first, max((int(one.t[-1]) for one in series), default=start), start)

    def known(self, ended: int | None) -> int:
        """When a thing that ended then became known: no earlier than this call, no later than its last sample."""
        return self.last if ended is None else min(max(ended, self.start), self.last)


def as_outputs(returned: Any, data: StepData) -> Found:
    """Outputs and records of what `process` returned for `data`. Raises ModelError for what is none of the shapes."""
    if returned is None:
        return {}
    if not isinstance(returned, Mapping):
        what = f"process returned a {type(returned).__name__}, not a dict of outputs"
        raise ModelError(what, 'Return {"output_name": series}')
    call = _Call.of(data)
    found: Found = {}
    records: list[Record] = []
    for name, value in returned.items():
        if not isinstance(name, str):
            raise ModelError(f"process returned an output whose name is {name!r}, which is no text")
        if name == RECORDS and isinstance(value, list | tuple):
            records += value
        elif isinstance(value, pd.DataFrame):
            _add_frame(value, name, call, found, records)
        elif isinstance(value, Mapping):
            records.append(Record(name, call.first, call.last, call.last, detail=_plain(value)))
        elif value is not None:
            _add_series(value, name, call, found)
    return found | ({RECORDS: records} if records else {})


def _add_series(value: Any, name: str, call: _Call, found: Found) -> None:
    if not isinstance(value, pd.Series):
        scalar = (
            value.item()
            if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim)
            else value
        )
        if not isinstance(scalar, int | float | str):
            what = f"output '{name}' is a {type(value).__name__}: neither a Series nor a DataFrame, number or text"
            raise ModelError(what, "Give a pandas Series with the index of an input")
        value = pd.Series([scalar], index=pd.DatetimeIndex(np.array([call.last], "M8[us]"), tz="UTC"))
    if len(value):
        found[name] = from_series(value, name)


def _add_frame(frame: pd.DataFrame, name: str, call: _Call, found: Found, records: list[Record]) -> None:
    columns = [".".join(map(str, c)) if isinstance(c, tuple) else str(c) for c in frame.columns]
    if len(set(columns)) < len(columns):
        raise ModelError(f"output '{name}' is a DataFrame with two columns of one name: {', '.join(columns)}")
    frame = frame.set_axis(columns, axis=1)
    if frame.empty:
        return
    start = _time_column(frame, STARTS)
    if start is None and isinstance(frame.index, pd.DatetimeIndex):
        found |= {f"{name}.{column}": from_series(frame[column], f"{name}.{column}") for column in columns}
    elif start is None:
        records += _rows_without_times(frame, name, call)
    else:
        records += _rows_with_start(frame, name, start, call)


def _time_column(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The first of these columns that holds times."""
    by_name = {column.lower(): column for column in reversed(list(frame.columns))}
    there = (by_name[name] for name in names if name in by_name)
    return next((c for c in there if pd.api.types.infer_dtype(frame[c]) in ("datetime64", "datetime")), None)


def _stamps(column: "pd.Series[Any]") -> list[int | None]:
    index = pd.DatetimeIndex(pd.to_datetime(column, utc=True))
    return [None if gone else t for t, gone in zip(utc_us(index).tolist(), index.isna(), strict=True)]


def _rows_with_start(frame: pd.DataFrame, name: str, start: str, call: _Call) -> Iterator[Record]:
    """One record a row, from its start to its end; a row without an end is still open."""
    end = _time_column(frame, ENDS)
    ends = [None] * len(frame) if end is None else _stamps(frame[end])
    rest = frame.drop(columns=[column for column in (start, end) if column is not None])
    for begun, ended, row in zip(_stamps(frame[start]), ends, rest.to_dict("records"), strict=True):
        if begun is None:
            raise ModelError(f"output '{name}' is a DataFrame with a row that has no '{start}'")
        yield Record(name, begun, call.known(ended), ended, **_fields(row))


def _rows_without_times(frame: pd.DataFrame, name: str, call: _Call) -> Iterator[Record]:
    """One record a row over the time of the call; `cell` is the row's index, unless it has one of its own."""
    for label, row in zip(frame.index.tolist(), frame.to_dict("records"), strict=True):
        index = ".".join(map(str, label)) if isinstance(label, tuple) else str(label)
        yield Record(name, call.first, call.last, call.last, **{"cell": index, **_fields(row)})


def _fields(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A record's own fields where a row has them in their types; all else is its detail."""
    plain = _plain(row)
    kinds: dict[str, Any] = {"severity": int, "value": int | float, "cell": str}
    own = {name: plain.pop(name) for name in _FIELDS if isinstance(plain.get(name), kinds[name])}
    if "value" in own:
        own["value"] = float(own["value"])
    return own | {"detail": plain}


def _plain(value: Any) -> Any:
    """JSON values of what pandas and NumPy hold: times in ISO 8601, durations in seconds, None for no value."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, pd.Series):
        value = value.tolist()
    if isinstance(value, np.ndarray | np.generic):
        value = value.item() if value.ndim == 0 else value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp):
        return iso(value.to_pydatetime(warn=False))
    return value.total_seconds() if isinstance(value, pd.Timedelta) else value
