"""Wall-clock times of a zone to UTC: hours that a clock change skips are refused, those that it repeats are
told apart by the order of the file."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from event_store.ingest.faults import Fault, Faults

_DAY_S = 86400
_MARGIN_S = 2 * _DAY_S  # more than any offset from UTC
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIMITS_S = (-62_135_000_000, 253_402_000_000)  # what datetime can tell, years 1 to 9999


class Changes(NamedTuple):
    """The clock changes of a zone in a range, in order.

    Attributes:
        start, end: the wall times that the change skips or repeats, half-open, µs, shape (changes,).
        offset: wall − UTC before the first change and after each, µs, shape (changes + 1,).
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    offset: NDArray[np.int64]


class Localised(NamedTuple):
    """UTC times, µs, and their faults, shape (rows,) each; a faulty row's time means nothing."""

    us: NDArray[np.int64]
    faults: Faults


def localise(wall: NDArray[np.int64], series: NDArray[np.int64], zone: str, bounds: tuple[int, int]) -> Localised:
    """Wall times of a zone as UTC.

    Args:
        wall: µs, in the order of the file, shape (rows,).
        series: the series of each row; only within one does the file's order say anything.
        bounds: plausible times, µs UTC; clock changes outside are not looked for.
    """
    changes = _changes(ZoneInfo(zone), *bounds)
    passed = np.searchsorted(changes.end, wall, side="right")
    us = wall - changes.offset[passed]
    faults = np.zeros(len(wall), np.int8)
    # A sentinel after the last change spares a special case for the times behind it.
    start = np.append(changes.start, np.iinfo(np.int64).max)
    affected = wall >= start[passed]
    if not affected.any():
        return Localised(us, faults)
    step = np.append(np.diff(changes.offset), 0)[passed]  # > 0: the clock was put forward
    faults[affected & (step > 0)] = Fault.SKIPPED_TIME
    repeated = affected & (step < 0)
    later = _later_pass(wall, series, np.where(repeated, passed, -1))
    us[later == 1] -= step[later == 1]
    faults[later == -1] = Fault.AMBIGUOUS_TIME
    return Localised(us, faults)


def _later_pass(wall: NDArray[np.int64], series: NDArray[np.int64], change: NDArray[np.int64]) -> NDArray[np.int8]:
    """For each row 0 (no repeated hour, or its first pass), 1 (its second pass) or −1 (cannot be told).

    A run of rows in the same repeated hour (`change` ≥ 0) of one series tells its passes apart where the
    clock steps back (or stands still) exactly once.
    """
    order = np.argsort(series, kind="stable")
    wall, series, change = wall[order], series[order], change[order]
    same = np.zeros(len(wall), bool)  # as the row before: the same run
    same[1:] = (series[1:] == series[:-1]) & (change[1:] == change[:-1])
    back = np.zeros(len(wall), bool)
    back[1:] = same[1:] & (wall[1:] <= wall[:-1])
    run = np.cumsum(~same) - 1
    steps = np.bincount(run, weights=back).astype(np.int64)
    seen = np.cumsum(back)
    seen_before_run = (seen - back)[np.flatnonzero(~same)]
    ordered = np.where(steps[run] == 1, seen - seen_before_run[run], -1)
    result = np.zeros(len(wall), np.int8)
    result[order] = np.where(change >= 0, ordered, 0)
    return result


def _changes(zone: ZoneInfo, low_us: int, high_us: int) -> Changes:
    """Finds the changes by daily looks at the offset (no zone changes twice a day), each then bisected."""
    low = max(low_us // 10**6 - _MARGIN_S, _LIMITS_S[0])
    high = min(high_us // 10**6 + _MARGIN_S, _LIMITS_S[1])
    offset = _offset_us(zone, low)
    found: list[tuple[int, int]] = []
    offsets = [offset]
    for day in range(low, high, _DAY_S):
        after = _offset_us(zone, day + _DAY_S)
        if after != offset:
            instant = _first_second(zone, day, day + _DAY_S) * 10**6
            found.append((instant + min(offset, after), instant + max(offset, after)))
            offsets.append(after)
            offset = after
    walls = np.array(found, np.int64).reshape(-1, 2)
    return Changes(walls[:, 0], walls[:, 1], np.array(offsets, np.int64))


def _first_second(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second with the offset of `after`, epoch s."""
    old = _offset_us(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_us(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _offset_us(zone: ZoneInfo, epoch_s: int) -> int:
    offset = (_EPOCH + timedelta(seconds=epoch_s)).astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)
