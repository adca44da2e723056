"""Thinning and packing: fewer samples draw the same picture, and nothing is invented."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altergo_interface.dashboards import figures
from altergo_interface.dashboards.decimate import broken, columns_for, m4, merged, packed
from altergo_interface.dashboards.figures import Band, Samples
from altergo_interface.dashboards.intervals import interval_histogram
from altergo_interface.dashboards.words import duration, moment, number

SERIES = st.lists(st.tuples(st.integers(1, 10**9), st.floats(-1e6, 1e6)), min_size=1, max_size=300)


def series(steps):
    """Rising stamps and values."""
    return np.cumsum([step for step, _ in steps], dtype=np.int64), np.array([value for _, value in steps])


@given(SERIES, st.integers(1, 20))
def test_each_column_keeps_its_first_last_least_and_greatest(steps, columns):
    t, x = series(steps)
    kept_t, kept_x = m4(t, x, columns)
    known = dict(zip(t.tolist(), x.tolist(), strict=True))
    assert all(known[at] == value for at, value in zip(kept_t.tolist(), kept_x.tolist(), strict=True))
    assert len(kept_t) <= max(4 * columns, 4)
    if len(t) <= 4 * columns:
        assert len(kept_t) == len(t)
        return
    column = (t - t[0]) * columns // (int(t[-1] - t[0]) + 1)
    kept = (kept_t - t[0]) * columns // (int(t[-1] - t[0]) + 1)
    for one in np.unique(column):
        all_x, some_x = x[column == one], kept_x[kept == one]
        assert (all_x[0], all_x[-1], all_x.min(), all_x.max()) == (some_x[0], some_x[-1], some_x.min(), some_x.max())


@given(st.lists(st.integers(0, 10_000), max_size=20), st.integers(100, 20_000))
def test_the_budget_is_kept_and_used(lengths, budget):
    columns = columns_for(lengths, budget)
    taken = [sum(min(length, 4 * n) for length in lengths) for n in (columns, columns + 1)]
    assert taken[0] <= max(budget, 4 * len(lengths))
    assert taken[1] > budget or taken[1] == sum(lengths)


@given(SERIES)
def test_packing_keeps_stamps_to_the_millisecond_and_values_to_what_can_be_seen(steps):
    t, x = series(steps)
    found = packed(t, x)
    assert np.cumsum(found["t"]).tolist() == (t // 1000).tolist()
    span = float(np.ptp(x)) or max(abs(float(x[0])), 1e-9)
    assert np.abs(np.array(found["x"], float) - x).max() <= max(span / 1e5, 1e-9)


def test_a_gap_breaks_the_line_and_an_unknown_value_does_too():
    t, x = np.array([0, 10, 20, 30]), np.array([1.0, 2.0, 3.0, 4.0])
    at, values = broken(t, x, [(10, 20)])
    assert at.tolist() == [0, 10, 15, 20, 30]
    assert packed(at, values)["x"] == [1, 2, None, 3, 4]
    samples = Samples()
    samples.add("a", np.arange(0, 6000, 1000), np.array([1.0, np.nan, np.nan, 2.0, np.nan, 3.0]))
    assert samples.data()["a"] == {"t": [0, 2, 1, 1, 1], "x": [1, None, 2, None, 3]}


def test_gaps_narrower_than_a_column_do_not_break_a_thinned_line(monkeypatch):
    monkeypatch.setattr(figures, "BUDGET", 400)
    t = np.arange(0, 10_000_000, 1000)
    samples = Samples()
    samples.add("a", t, np.sin(t / 1e6), [(5_000_000, 5_001_000), (6_000_000, 8_000_000)])
    assert samples.data()["a"]["x"].count(None) == 1
    assert samples.thinned()


def test_bands_that_are_too_many_become_fewer_and_cover_the_same():
    spans = [(i * 10_000, i * 10_000 + 5_000) for i in range(4000)]
    spec = Band("gap", "gaps", spans).spec()
    assert spec["name"] == "gaps (4000)"
    assert len(spec["spans"]) <= 1500
    assert spec["spans"][0][0] == 0
    assert spec["spans"][-1][1] == spans[-1][1] // 1000
    assert merged([(5, 9), (0, 3), (3, 4)], 1) == [(0, 4), (5, 9)]


def test_intervals_are_counted_by_length_and_gaps_stand_out():
    found = interval_histogram(np.array([60.0] * 50 + [59.0, 400.0]), longest_s=300.0, cadence_s=60.0)
    assert dict(zip(found.bins, found.stacks["readings"], strict=True)) == {
        "30 s": 1,
        "1 min": 50,
        "2 min": 0,
        "5 min": 1,
    }
    assert list(found.flagged) == [False, False, False, True]
    assert "declared cadence 1 min" in found.text
    assert interval_histogram(np.empty(0), 300.0, None).empty


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1_630_886.4, "1,630,886"), (3.3690, "3.369"), (0.25, "0.25"), (1e-6, "1e-06"), (-0.02, "-0.02"),
     (float("nan"), "unknown"), (12.0, "12")],
)  # fmt: skip
def test_numbers_are_short_and_plain(value, text):
    assert number(value) == text


def test_times_are_told_in_their_largest_unit():
    seconds = (0.25, 59, 60, 90, 36_300, 86_400 * 60 - 60)
    assert [duration(s) for s in seconds] == ["0.25 s", "59 s", "1 min", "1.5 min", "10.1 h", "60 d"]
    assert moment(1_767_225_600_000_000) == "2026-01-01 00:00:00 UTC"
