"""The canonical grid: half-open UTC slots, and calls that end at calendar edges alone."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins.grid import DAY_US, UTC_DAYS, Grid

HOUR_US = 3_600_000_000
STAMPS = st.integers(-(10**15), 4 * 10**15)
SLOTS = st.sampled_from([HOUR_US, DAY_US, 7 * DAY_US, 1_000_003])


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@given(STAMPS, SLOTS)
def test_every_stamp_lies_in_exactly_one_slot(t: int, slot_us: int) -> None:
    grid = Grid(slot_us)
    low, high = grid.floor(t), grid.after(t)
    assert low <= t < high
    assert high - low == slot_us
    assert low % slot_us == 0
    assert grid.floor(low) == low
    assert grid.after(low) == high
    assert grid.floor(high) == high


def test_the_default_slots_are_utc_days() -> None:
    t = us("2026-03-29T01:30")
    assert UTC_DAYS.floor(t) == us("2026-03-29T00:00")
    assert UTC_DAYS.after(t) == us("2026-03-30T00:00")
    assert Grid() == UTC_DAYS


@pytest.mark.parametrize(
    ("start", "end", "cuts", "edges"),
    [
        ("2026-01-05", "2026-01-09", (), []),
        ("2026-01-31", "2026-02-02", (), ["2026-02-01"]),
        ("2026-02-01", "2026-03-01", (), []),
        ("2025-11-30", "2026-02-02", (), ["2025-12-01", "2026-01-01", "2026-02-01"]),
        ("2024-02-10", "2024-03-02", (), ["2024-03-01"]),
        ("2026-01-05", "2026-01-09", ("2026-01-07",), ["2026-01-07"]),
        ("2026-01-05", "2026-01-09", ("2026-01-05", "2026-01-09", "2025-01-01", "2027-01-01"), []),
        ("2026-01-30", "2026-02-03", ("2026-02-01", "2026-02-02"), ["2026-02-01", "2026-02-02"]),
        ("1969-12-30", "1970-01-03", (), ["1970-01-01"]),
    ],
)
def test_steps_end_at_months_and_cuts(start: str, end: str, cuts: tuple[str, ...], edges: list[str]) -> None:
    found = list(UTC_DAYS.steps(us(start), us(end), tuple(us(cut) for cut in cuts)))
    assert found == list(pairwise([us(start), *map(us, edges), us(end)]))


@given(st.lists(st.integers(0, 400), min_size=3, max_size=3, unique=True), st.lists(st.integers(0, 400), max_size=4))
def test_the_edges_of_a_part_are_those_of_the_whole(days: list[int], cuts: list[int]) -> None:
    """Where calls end does not depend on where a run began or ended, but for those two ends themselves."""
    base = us("2025-10-15")
    start, middle, end = (base + day * DAY_US for day in sorted(days))
    at = tuple(base + cut * DAY_US for cut in cuts)
    whole = {high for _, high in UTC_DAYS.steps(start, end, at)}
    parts = [*UTC_DAYS.steps(start, middle, at), *UTC_DAYS.steps(middle, end, at)]
    assert {high for _, high in parts} == whole | {middle}
    assert all(high == low for (_, high), (low, _) in pairwise(parts))
    assert (parts[0][0], parts[-1][1]) == (start, end)
