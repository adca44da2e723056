"""What a plain `process` returns: every shape as columns and records, and what is none of them refused by name."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from altergo_interface import Labels, ModelError, Samples, Span, StepData
from altergo_interface.records import Record
from altergo_interface.returned import as_outputs

START = 1_769_817_600_000_000  # 2026-01-31T00:00Z
MINUTE = 60_000_000
STAMPS = START + MINUTE * np.arange(5)
INDEX = pd.DatetimeIndex(STAMPS.view("M8[us]"), tz="UTC")
FIRST, LAST = int(STAMPS[1]), int(STAMPS[4])  # the first one is a lead-in
DATA = StepData({"x": Samples(STAMPS, np.arange(5.0), lead=1), "capacity": 50.0}, Span(START + 1, LAST + 1))


def one(value: Any) -> Any:
    return as_outputs({"y": value}, DATA)["y"]


def records(value: Any) -> list[Record]:
    found = as_outputs({"y": value}, DATA)
    assert set(found) == {"records"}
    return list(found["records"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        (np.array([1, 2, 3, 4, 5], np.uint8), [1, 2, 3, 4, 5]),
        ([True, False, True, False, True], [1, 0, 1, 0, 1]),
        (pd.array([1, None, 3, 4, 5], "Int64"), [1, np.nan, 3, 4, 5]),
        (pd.array([True, None, False, True, True], "boolean"), [1, np.nan, 0, 1, 1]),
        (np.array([1, None, 2.5, True, Decimal("0.5")], object), [1, np.nan, 2.5, 1, 0.5]),
        (pd.Categorical([1, 2, 1, 2, 1]), [1, 2, 1, 2, 1]),
        (pd.to_timedelta([1, 2, 3, 4, 5], "min"), [60, 120, 180, 240, 300]),
        ([None] * 5, [np.nan] * 5),
    ],
)
def test_numbers_of_every_kind_become_floats(values: Any, expected: list[float]) -> None:
    found = one(pd.Series(values, index=INDEX))
    assert isinstance(found, Samples)
    assert (found.x.dtype, found.t.tolist()) == (np.float64, STAMPS.tolist())
    np.testing.assert_array_equal(found.x, expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "b", "a", "", "ü"], ["a", "b", "a", "", "ü"]),
        (np.array(["a", None, "b", np.nan, "c"], object), ["a", None, "b", None, "c"]),
        (pd.array(["a", None, "b", "c", "d"], "string"), ["a", None, "b", "c", "d"]),
        (pd.Categorical(["hi", None, "lo", "hi", "hi"]), ["hi", None, "lo", "hi", "hi"]),
        (INDEX.tz_localize(None), [f"2026-01-31T00:0{minute}:00Z" for minute in range(5)]),
    ],
)
def test_texts_of_every_kind_become_labels(values: Any, expected: list[str | None]) -> None:
    found = one(pd.Series(values, index=INDEX))
    assert isinstance(found, Labels)
    assert (found.x.dtype, found.x.tolist(), found.t.tolist()) == (np.object_, expected, STAMPS.tolist())


@pytest.mark.parametrize("index", [INDEX.tz_localize(None), INDEX.tz_convert("Asia/Tokyo"), INDEX.as_unit("ns")])
def test_an_index_without_a_zone_is_utc_and_others_are_converted(index: pd.DatetimeIndex) -> None:
    assert one(pd.Series(1.0, index=index)).t.tolist() == STAMPS.tolist()


@pytest.mark.parametrize("value", [7, 7.0, np.int64(7), np.float32(7), np.array(7)])
def test_a_number_stands_at_the_last_input_sample(value: Any) -> None:
    found = one(value)
    assert (found.t.tolist(), found.x.tolist(), found.x.dtype) == ([LAST], [7.0], np.float64)


def test_truth_and_text_stand_there_too() -> None:
    assert one(True).x.tolist() == [1.0]
    assert (one("full").t.tolist(), one("full").x.tolist()) == ([LAST], ["full"])


@pytest.mark.parametrize("value", [None, pd.Series(dtype=float), pd.DataFrame(), pd.DataFrame({"a": []})])
def test_nothing_is_no_output(value: Any) -> None:
    assert as_outputs({"y": value}, DATA) == {}


def test_a_process_without_a_result_gives_none() -> None:
    assert as_outputs(None, DATA) == {}


def test_columns_over_time_are_outputs() -> None:
    columns = pd.MultiIndex.from_tuples([("power", "mean"), ("power", "state")])
    frame = pd.DataFrame([[1, "a"], [2, "b"]], index=INDEX[1:3], columns=columns)
    found = as_outputs({"y": frame}, DATA)
    assert list(found) == ["y.power.mean", "y.power.state"]
    assert found["y.power.mean"].x.tolist() == [1.0, 2.0]  # type: ignore[union-attr]
    assert found["y.power.state"].x.tolist() == ["a", "b"]  # type: ignore[union-attr]


def test_rows_with_a_start_are_records() -> None:
    frame = pd.DataFrame(
        {
            "Start_Time": [INDEX[0].tz_localize(None), INDEX[2].tz_localize(None), INDEX[3].tz_localize(None)],
            "end_time": [INDEX[1].tz_localize(None), pd.NaT, INDEX[4].tz_localize(None) + pd.Timedelta("1D")],
            "severity": [1, 2, 1],
            "value": [1.5, 2.5, np.nan],
            "cell": ["7", "8", "9"],
            "peak_at": [INDEX[1], pd.NaT, INDEX[3]],
            "took": [pd.Timedelta("90s")] * 3,
            "kind": ["a", None, "c"],
            "n": pd.array([1, None, 3], "Int64"),
        }
    )
    first, second, third = records(frame)
    assert (first.kind, first.started_at, first.ended_at, first.at) == ("y", int(STAMPS[0]), FIRST, FIRST)
    assert (first.severity, first.value, first.cell) == (1, 1.5, "7")
    assert first.detail == {"peak_at": "2026-01-31T00:01:00Z", "took": 90.0, "kind": "a", "n": 1}
    assert (second.ended_at, second.at, second.detail["peak_at"], second.detail["n"]) == (None, LAST, None, None)
    assert (third.ended_at, third.at) == (LAST + 86_400_000_000, LAST)


def test_an_end_before_this_call_is_known_by_it_all_the_same() -> None:
    (found,) = records(pd.DataFrame({"start": [INDEX[0]], "end": [INDEX[0]]}))
    assert (found.ended_at, found.at) == (START, START + 1)


def test_a_start_that_is_no_time_is_a_column_like_others() -> None:
    (found,) = records(pd.DataFrame({"start": [3.5], "value": ["x"], "severity": [0.5]}))
    assert found.detail == {"start": 3.5, "value": "x", "severity": 0.5}
    assert (found.severity, np.isnan(found.value)) == (None, True)


def test_rows_without_times_are_records_over_the_call() -> None:
    frame = pd.DataFrame({"mean": [1.0, 2.0]}, index=pd.Index(["charge", "discharge"]))
    found = records(frame)
    assert [r.cell for r in found] == ["charge", "discharge"]
    assert {(r.kind, r.started_at, r.ended_at, r.at) for r in found} == {("y", FIRST, LAST, LAST)}
    assert [r.detail for r in found] == [{"mean": 1.0}, {"mean": 2.0}]


def test_a_dict_is_one_record() -> None:
    (found,) = records({"n": np.int64(3), "list": np.array([1, 2]), "deep": {"at": INDEX[1]}, 5: pd.Series([1])})
    assert (found.kind, found.started_at, found.ended_at, found.cell) == ("y", FIRST, LAST, "")
    assert found.detail == {"n": 3, "list": [1, 2], "deep": {"at": "2026-01-31T00:01:00Z"}, "5": [1]}


def test_records_of_a_model_come_first() -> None:
    own = Record("own", FIRST, FIRST)
    found = as_outputs({"y": {"n": 1}, "records": [own]}, DATA)
    assert [r.kind for r in found["records"]] == ["y", "own"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (pd.Series([1.0]), "process returned a Series, not a dict"),
        ([1], "process returned a list, not a dict"),
        ({5: 1}, "name is 5, which is no text"),
        ({"y": pd.Series([1.0])}, "'y' has no DatetimeIndex"),
        ({"y": [1.0, 2.0]}, "'y' is a list: neither a Series"),
        ({"y": np.arange(2)}, "'y' is a ndarray: neither a Series"),
        ({"y": object()}, "'y' is a object: neither a Series"),
        ({"y": pd.Series(["a", 1, 2, 3, 4], index=INDEX, dtype=object)}, "nor of labels: it holds int, str"),
        ({"y": pd.Series([1j] * 5, index=INDEX)}, "'y' is neither of numbers nor of labels: it holds complex"),
        ({"y": pd.DataFrame([[1, 2]], index=INDEX[:1], columns=["a", "a"])}, "two columns of one name"),
        ({"y": pd.DataFrame({"start": [INDEX[0], pd.NaT]})}, "'y' is a DataFrame with a row that has no 'start'"),
    ],
)  # fmt: skip
def test_what_is_no_output_is_refused_by_name(returned: Any, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        as_outputs(returned, DATA)
    assert said in str(caught.value)
