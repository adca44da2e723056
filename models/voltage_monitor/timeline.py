"""Status and severity over time: step functions of both sides, read at samples and timers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Record, Span
from models.voltage_monitor.readings import Floats, Reading
from models.voltage_monitor.runs import Times
from models.voltage_monitor.state import STATUS_HIGH, STATUS_LOW, STATUS_STALE, Side


@dataclass(frozen=True, slots=True)
class Steps:
    """A value that changes to `x` (k,) at stamps `t` (k,) and was `before` until then."""

    t: Times
    x: NDArray[np.int64]
    before: int = 0

    def on(self, at: Times) -> NDArray[np.int64]:
        """The value at each stamp."""
        if not len(self.t):
            return np.full(len(at), self.before)
        return np.concatenate(([self.before], self.x))[np.searchsorted(self.t, at, side="right")]


@dataclass(frozen=True, slots=True)
class Course:
    """One side over one call: its severity (0, 1, 2), whether it is stale (0, 1), and `timers` (µs UTC), the stamps
    between samples at which one of the two changes."""

    severity: Steps
    stale: Steps
    timers: Times


def course(before: Side, reading: Reading | None, records: list[Record], span: Span) -> Course:
    """The course of a side that was `before` and gave these record versions; a side never seen is not stale."""
    cleared = [version.at for version in records if version.ended_at is not None]
    levels = [0 if version.ended_at is not None else version.severity or 0 for version in records]
    severity = Steps(
        np.array([version.at for version in records], dtype=np.int64),
        np.array(levels, dtype=np.int64),
        before.alert.severity if before.alert else 0,
    )
    stale = _staleness(before.last_at, reading, span.end)
    silent = stale.t[(stale.x == 1) & (stale.t >= span.start)]
    return Course(severity, stale, np.concatenate((np.array(cleared, dtype=np.int64), silent)))


def _staleness(last_at: int | None, reading: Reading | None, end: int) -> Steps:
    """Stale from the longest interval after a sample until the next sample, if that comes later."""
    if reading is None:
        return Steps(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    seen = np.array([] if last_at is None else [last_at], dtype=np.int64)
    t = np.concatenate((seen, reading.fresh_t))
    gone = np.append(t[1:], end) - t > reading.gap_us
    begins, ends = t[gone] + reading.gap_us, np.append(t[1:], end)[gone]
    steps = np.stack((begins, ends), axis=1).ravel()
    return Steps(steps, np.tile(np.array([1, 0]), len(begins)))


def merged(base: Times, more: Times) -> Times:
    """Both sets of stamps, each strictly increasing, as one; far cheaper than sorting where `more` is short."""
    place = np.searchsorted(base, more)
    new = np.append(base, -1)[place] != more
    return np.insert(base, place[new], more[new])


def status_and_severity(low: Course, high: Course, at: Times) -> tuple[Floats, Floats]:
    """Status and severity at each stamp, (n,) both.

    The status is that of the highest severity among sides with fresh data, high before low on a tie; where there
    is none, stale if a side is, so that stale data is never OK.
    """
    stale_low, stale_high = low.stale.on(at), high.stale.on(at)
    all_low, all_high = low.severity.on(at), high.severity.on(at)
    live_low, live_high = all_low * (1 - stale_low), all_high * (1 - stale_high)
    status = np.where(stale_low | stale_high, STATUS_STALE, 0)
    status = np.where(live_low > 0, STATUS_LOW, status)
    status = np.where((live_high > 0) & (live_high >= live_low), STATUS_HIGH, status)
    return status.astype(np.float64), np.maximum(all_low, all_high).astype(np.float64)
