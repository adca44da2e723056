"""Decimation against a plain loop of its documented rule, and its blindness to cuts at slot edges."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins.carry import Sample
from twins.decimate import decimate, slot_ends

SLOT = 10
VALUES = st.one_of(
    st.floats(-5, 5),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 0.5, 0.1, 0.3, 2.9999999999999996]),
)
HISTORIES = st.lists(st.tuples(st.integers(1, 25), VALUES), min_size=1, max_size=40)
LASTS = st.one_of(st.none(), st.tuples(st.just(-1), VALUES))
THRESHOLDS = st.sampled_from([0.1, 0.5, 1.0, 3.0])


def columns(history: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    steps, x = zip(*history, strict=True)
    return np.cumsum(np.array(steps, dtype=np.int64)), np.array(x, dtype=np.float64)


def same_bucket(a: float, b: float, threshold: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if math.isinf(a) or math.isinf(b):
        return a == b
    return math.floor(a / threshold) == math.floor(b / threshold)


def reference(t: list[int], x: list[float], threshold: float, last: Sample | None) -> list[bool]:
    """The documented rule, sample by sample."""
    keep = []
    before = None if last is None else last[1]
    for i, value in enumerate(x):
        changed = before is None or not same_bucket(before, value, threshold)
        last_of_slot = i + 1 == len(t) or t[i + 1] // SLOT != t[i] // SLOT
        keep.append(changed or last_of_slot)
        before = value
    return keep


def kept(t: np.ndarray, x: np.ndarray, threshold: float, last: Sample | None) -> list[bool]:
    found = decimate(x, threshold, last, slot_ends(t, SLOT))
    assert found is not None
    return [bool(k) for k in found]


@given(HISTORIES, THRESHOLDS, LASTS)
def test_equals_a_plain_loop(history: list[tuple[int, float]], threshold: float, last: Sample | None) -> None:
    t, x = columns(history)
    assert kept(t, x, threshold, last) == reference(t.tolist(), x.tolist(), threshold, last)


@given(HISTORIES, THRESHOLDS, LASTS, st.data())
def test_cuts_at_slot_edges_change_nothing(
    history: list[tuple[int, float]], threshold: float, last: Sample | None, data: st.DataObject
) -> None:
    t, x = columns(history)
    edges = data.draw(st.lists(st.integers(0, int(t[-1]) // SLOT + 1), max_size=4))
    at = [0, *sorted(int(np.searchsorted(t, edge * SLOT)) for edge in edges), len(t)]
    pieces: list[bool] = []
    carried = last
    for low, high in pairwise(at):
        if high > low:
            pieces += kept(t[low:high], x[low:high], threshold, carried)
            carried = (int(t[high - 1]), float(x[high - 1]))
    assert pieces == kept(t, x, threshold, last)


def test_without_a_threshold_everything_stays() -> None:
    assert decimate(np.zeros(3), None, None, np.array([2])) is None


NAN = math.nan


@pytest.mark.parametrize(
    ("last", "x", "expected"),
    [
        (None, [1.0, 1.1, 1.2], "x.x"),
        (1.0, [1.0, 1.1, 1.2], "..x"),
        (1.0, [2.0, 2.5, 2.2], "x.x"),
        (None, [NAN, NAN, NAN], "x.x"),
        (NAN, [NAN, NAN, NAN], "..x"),
        (NAN, [1.0, 1.0, NAN, NAN, 1.0, 1.0], "x.x.xx"),
        (1.0, [NAN, NAN, 1.0, 1.0], "x.xx"),
        (0.0, [-0.0, 0.0, -0.1, 0.0], "..xx"),
        (0.999, [0.9, 1.0, 0.9999], ".xx"),
    ],
)
def test_samples_kept(last: float | None, x: list[float], expected: str) -> None:
    """Stamps 0, 1, 2 … lie in one slot, so only buckets, NaN and the slot's end decide."""
    before = None if last is None else (-5, last)
    found = kept(np.arange(len(x)), np.array(x), 1.0, before)
    assert "".join("x" if k else "." for k in found) == expected


def test_the_last_of_every_slot_stays() -> None:
    t = np.array([1, 5, 9, 10, 19, 20, 45])
    assert kept(t, np.zeros(7), 1.0, (0, 0.0)) == [False, False, True, False, True, True, True]
