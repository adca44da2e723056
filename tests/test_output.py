"""What differs between what a platform holds and what it is to hold, in numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altergo_interface.output import NEVER, NOTHING, Curve, Sent, Series, difference, points_of

SERIES = Series("soc", "%")
OTHER_NAN = np.array([0x7FF8000000000001], np.int64).view(float)[0]


def curve(points: dict[int, float], labels: list[str | None] | None = None) -> Curve:
    stamps = np.array(sorted(points), np.int64)
    values = np.array([points[int(t)] for t in stamps], float)
    return Curve(stamps, values, None if labels is None else np.array(labels, object))


def sure(points: Curve) -> Sent:
    return Sent(points, np.ones(len(points.t), bool))


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), 0.0])
def test_the_same_is_no_difference(value: float) -> None:
    assert difference(SERIES, curve({1: value}), sure(curve({1: value}))) is None


def test_there_is_one_nan() -> None:
    assert difference(SERIES, curve({1: OTHER_NAN}), sure(curve({1: float("nan")}))) is None


def test_nothing_differs_from_nothing() -> None:
    assert difference(SERIES, NOTHING, NEVER) is None


def test_new_restated_and_withdrawn_points_are_told_apart() -> None:
    found = difference(SERIES, curve({1: 1.0, 2: 2.5, 4: 4.0}), sure(curve({1: 1.0, 2: 2.0, 3: 3.0})))
    assert found is not None
    assert (found.new, found.restated, found.withdrawn.tolist()) == (1, 1, [3])
    assert (found.curve.t.tolist(), found.curve.x.tolist()) == ([2, 4], [2.5, 4.0])
    assert found.extent() == (2, 4)


def test_another_label_is_a_difference() -> None:
    before = sure(curve({1: 0.0, 2: 0.0}, ["rest", "charge"]))
    found = difference(SERIES, curve({1: 0.0, 2: 0.0}, ["rest", None]), before)
    assert found is not None
    assert (found.restated, found.curve.t.tolist()) == (1, [2])


def test_points_in_doubt_are_sent_again_or_withdrawn() -> None:
    found = difference(SERIES, curve({1: 1.0}), sure(curve({1: 1.0, 2: 2.0})).doubted())
    assert found is not None
    assert (found.new, found.restated, found.curve.t.tolist(), found.withdrawn.tolist()) == (1, 0, [1], [2])


def test_what_one_output_withdraws_does_not_touch_the_one_that_follows_it() -> None:
    left = difference(SERIES, NOTHING, sure(curve({1: 1.0, 2: 2.0})))
    came = difference(SERIES, curve({2: 9.0, 3: 9.0}), NEVER)
    assert left is not None
    assert came is not None
    for order in ([left, came], [came, left]):
        [points] = points_of(order)
        assert (points.t.tolist(), points.withdrawn.tolist(), points.unit) == ([2, 3], [1], "%")


MAPS = st.dictionaries(st.integers(-50, 50), st.sampled_from([0.0, -0.0, 1.0, float("nan")]), max_size=12)


@given(present=MAPS, before=MAPS, doubted=st.booleans())
def test_applied_to_what_was_sent_it_gives_what_is(
    present: dict[int, float], before: dict[int, float], doubted: bool
) -> None:
    sent = sure(curve(before))
    found = difference(SERIES, curve(present), sent.doubted() if doubted else sent)
    holds = {t: repr(x) for t, x in before.items()}
    if found is not None:
        for t in found.withdrawn.tolist():
            del holds[t]
        for t, x in zip(found.curve.t.tolist(), found.curve.x.tolist(), strict=True):
            assert doubted or holds.get(t) != repr(x)
            holds[t] = repr(x)
        assert found.new + found.restated == len(found.curve.t)
    assert holds == {t: repr(x) for t, x in present.items()}
