"""One side's samples of a call, with the newest one of the call before in front, and the runs among them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.voltage_monitor.readings import Floats, Reading
from models.voltage_monitor.rules import Rule
from models.voltage_monitor.runs import Flags, Indices, Runs, Times, find_runs
from models.voltage_monitor.state import Excursion, Side


@dataclass(frozen=True, slots=True)
class Track:
    """n samples: `t` µs UTC, `y` sign × V, less the shift of the limits.

    Where a call came before (`front` 1), the first stands for all of it, and `y[0]` is the extreme so far. The runs
    are those beyond the warning and critical limits, and of values that are back inside by the hysteresis.
    """

    t: Times
    y: Floats
    front: int
    over: Runs
    critical: Runs
    back: Runs
    reading: Reading
    rule: Rule
    before: Excursion | None

    def new_extremes(self, begin: int, stop: int) -> Indices:
        """The samples of [begin, stop) at which the voltage went further than since `begin`, which counts itself."""
        part = self.y[begin:stop]
        so_far = np.maximum.accumulate(part)
        return begin + np.concatenate(([0], np.flatnonzero(part[1:] > so_far[:-1]) + 1))

    def excursion(self, started_at: int, extreme: int) -> Excursion:
        """The excursion whose extreme is the sample of that index."""
        if extreme < self.front and self.before is not None:
            return self.before
        row = extreme - self.front
        return Excursion(
            started_at=started_at,
            value=float(self.reading.fresh_x[row]),
            extreme_at=int(self.t[extreme]),
            cell=self.reading.cell(row, self.rule.sign),
            shift=self.reading.shift_at(row),
        )


def lay_track(side: Side, reading: Reading, rule: Rule) -> Track:
    """The track of one side in one call."""
    before = side.alert or side.pending
    seen = [] if side.last_at is None else [side.last_at]
    t: NDArray[np.int64] = np.concatenate((np.array(seen, dtype=np.int64), reading.fresh_t))
    fresh = reading.beyond(rule.sign)
    so_far = -np.inf if before is None else round(rule.sign * (before.value - before.shift), 9)
    joined = np.diff(t) <= reading.gap_us

    def runs(flag: Flags, since: int | None) -> Runs:
        return find_runs(np.concatenate(([since is not None] * len(seen), flag)).astype(bool), t, joined, since)

    pending_since = side.pending.started_at if side.pending else None
    return Track(
        t=t,
        y=np.concatenate(([so_far] * len(seen), fresh)),
        front=len(seen),
        over=runs(fresh > rule.warning, pending_since),
        critical=runs(fresh > rule.critical, side.critical_since),
        back=runs(fresh <= rule.back, side.clearing_since),
        reading=reading,
        rule=rule,
        before=before,
    )
