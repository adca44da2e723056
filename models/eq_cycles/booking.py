"""Books the charge of one direction: by a counter where it can be, and by the current where it cannot."""

from dataclasses import dataclass

import numpy as np

from models.eq_cycles.counters import NEVER, Counter, Counts
from models.eq_cycles.flow import flow_of, row_of, running
from models.eq_cycles.intervals import Flags, Floats, Times
from models.eq_cycles.state import Direction, Ledger


@dataclass(frozen=True, slots=True)
class Booked:
    """One direction at the ends of n intervals: `sums` (3, n) as a flow; `covered` (n,) where a counter tells it."""

    sums: Floats
    covered: Flags
    after: Direction


def book(before: Direction, counter: Counter | None, t: Times, steps: Floats, booked_ah: float) -> Booked:
    """The sums at intervals' ends `t` (n,), from the current's steps (3, n) and from the counter, if one is bound.

    `booked_ah` is the charge booked so far.
    """
    flow = running(before.flow, steps)
    newest = flow_of(flow[:, -1])
    if counter is None:
        return Booked(flow[:, 1:], np.zeros(len(t), dtype=bool), Direction(flow=newest))
    ledger = before.ledger or Ledger()
    sums, covered, ledger = _by_counter(ledger, counter, t, flow[:, 1:], booked_ah)
    return Booked(sums, covered, Direction(flow=newest, ledger=ledger))


@dataclass(frozen=True, slots=True)
class Meetings:
    """Where the current meets a new counter sample: p intervals, `at` (p,) their indices, and the sums there.

    `counted_ah` and `breaks` (p + 1,) and `flow` (3, p + 1) begin with the last meeting before this call; `known`
    says whether there was one.
    """

    at: Counts
    counted_ah: Floats
    breaks: Counts
    flow: Floats
    known: bool

    @property
    def valid(self) -> Flags:
        """Where the counter tells the charge since the meeting before, (p,)."""
        unbroken: Flags = np.diff(self.breaks) == 0
        unbroken[:1] &= self.known
        return unbroken


def _by_counter(
    ledger: Ledger, counter: Counter, t: Times, flow: Floats, booked_ah: float
) -> tuple[Floats, Flags, Ledger]:
    """Sums (3, n), where the counter covers an interval (n,), and the ledger after.

    While the counter's newest sample may stand for the present, nothing is booked until the next one comes; once it
    is too old, the current's charge since then is. The next sample settles the matter: by its increment, or by the
    current where the counter was broken. The charge booked never falls: what the current had told too much is not
    booked a second time.
    """
    stamps, counted, breaks = counter.in_force(t)
    met = _meetings(ledger, stamps, counted, breaks, flow)
    settled = running(ledger.settled, _settling(met))
    covered = (stamps > NEVER) & (t - counter.max_age_us <= stamps)
    sums = _held(settled, met, len(t))
    stale = np.flatnonzero(~covered)
    if len(stale):
        place = np.searchsorted(met.at, stale, side="right")
        sums[:, stale] += flow[:, stale] - met.flow[:, place]
    sums[0] = np.maximum.accumulate(np.concatenate(([booked_ah], sums[0])))[1:]
    covered[met.at] &= met.valid
    now = {
        "at": None if stamps[-1] == NEVER else int(stamps[-1]),
        "counted_at_ah": float(met.counted_ah[-1]),
        "breaks_at": int(met.breaks[-1]),
        "flow_at": flow_of(met.flow[:, -1]),
        "settled": flow_of(settled[:, -1]),
    }
    return sums, covered, counter.after(ledger).model_copy(update=now)


def _meetings(ledger: Ledger, stamps: Times, counted: Floats, breaks: Counts, flow: Floats) -> Meetings:
    before = NEVER if ledger.at is None else ledger.at
    at = np.flatnonzero(np.diff(stamps, prepend=before) > 0)
    met = flow if len(at) == len(stamps) else np.take(flow, at, axis=1)
    return Meetings(
        at=at,
        counted_ah=np.concatenate(([ledger.counted_at_ah], counted[at])),
        breaks=np.concatenate(([ledger.breaks_at], breaks[at])),
        flow=np.concatenate((row_of(ledger.flow_at)[:, None], met), axis=1),
        known=ledger.at is not None,
    )


def _held(settled: Floats, met: Meetings, n: int) -> Floats:
    """The settled sums (3, p + 1) at each of n intervals, (3, n)."""
    if len(met.at) == n:
        return settled[:, 1:].copy()
    lengths = np.diff(np.concatenate(([0], met.at, [n])))
    return np.repeat(settled, lengths, axis=1)


def _settling(met: Meetings) -> Floats:
    """The flow from each meeting to the next, (3, p): the counter's, which is certain, or else the current's."""
    by_counter = np.zeros((3, len(met.at)))
    by_counter[0] = np.diff(met.counted_ah)
    return np.where(met.valid, by_counter, np.diff(met.flow, axis=1))
