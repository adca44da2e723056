"""The voltage of a mean cell: whether it can be one at all, and its samples at rest."""

from dataclasses import dataclass

import numpy as np

from altergo_interface import Samples, hold
from models.soc_ocv_estimation.counting import Count, Flags, Floats, Times
from models.soc_ocv_estimation.rules import US_PER_S, Rules
from models.soc_ocv_estimation.state import Estimate

LONG_AGO = -(2**62)

IMPLAUSIBLE_LIMIT = 30
"""So many voltages outside the chemistry's window, and none inside it, are no fault of the telemetry."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Voltages of one call inside the span: `t` (n,) µs UTC, `v` (n,) V per cell, `good` (n,) inside the window.

    `rest_t`, `rest_v` (k,) are the good ones while the current is under the limit, behind the newest one of the calls
    before if there is one. `lead` is the newest good voltage of all before the span.
    """

    t: Times
    v: Floats
    good: Flags
    rest_t: Times
    rest_v: Floats
    lead: tuple[int, float] | None

    def last(self, stamps: Times) -> tuple[Times, Floats]:
        """Stamp and V per cell of the newest sample as of each stamp; far in the past where it is no good."""
        lead_t, lead_v = self.lead or (LONG_AGO, np.nan)
        at = np.searchsorted(self.t, stamps, side="right")
        t = np.concatenate(([lead_t], np.where(self.good, self.t, LONG_AGO)))
        newest = t[at]
        return np.where(newest > stamps, LONG_AGO, newest), np.concatenate(([lead_v], self.v))[at]

    def newest(self, stamps: Times) -> tuple[Times, Floats]:
        """Stamp and voltage (V, NaN for none) of the newest sample at rest before each stamp."""
        at = np.searchsorted(self.rest_t, stamps, side="left")
        return np.append(LONG_AGO, self.rest_t)[at], np.append(np.nan, self.rest_v)[at]


def plausibility(voltage: Samples | None, state: Estimate, rules: Rules) -> tuple[int, bool]:
    """How many voltages were outside the window before the first inside it, and whether there was one inside."""
    if state.plausible or voltage is None:
        return state.implausible, state.plausible
    good = _inside(voltage.x[voltage.lead :] / rules.cells, rules)
    return state.implausible + (int(np.argmax(good)) if good.any() else len(good)), bool(good.any())


def read(voltage: Samples | None, count: Count, state: Estimate, rules: Rules) -> Reading:
    """The voltages of one call, and which of them were taken at rest."""
    carried = state.voltage_at is not None
    front_t = np.array([state.voltage_at] if carried else [], dtype=np.int64)
    front_v = np.array([state.voltage] if carried else [], dtype=np.float64)
    if voltage is None:
        none = np.empty(0)
        return Reading(none.astype(np.int64), none, none.astype(bool), front_t, front_v, None)
    t, v = voltage.t[voltage.lead :], voltage.x[voltage.lead :] / rules.cells
    good = _inside(v, rules)
    still = good & _under(count, t, rules.gap_us)
    return Reading(
        t, v, good, np.concatenate((front_t, t[still])), np.concatenate((front_v, v[still])), _lead(voltage, rules)
    )


def at_current(voltage: Samples, reading: Reading, count: Count, rules: Rules) -> Floats:
    """The voltage (n,) V per cell at the current's stamps, NaN where there is none or it is too old."""
    if len(reading.t) == len(count.t) and np.array_equal(reading.t, count.t):
        return reading.v
    return hold(voltage, count.t, rules.voltage_gap_us / US_PER_S) / rules.cells


def _lead(voltage: Samples, rules: Rules) -> tuple[int, float] | None:
    if not voltage.lead:
        return None
    v = voltage.x[voltage.lead - 1 : voltage.lead] / rules.cells
    return (int(voltage.t[voltage.lead - 1]), float(v[0])) if _inside(v, rules)[0] else None


def _inside(v: Floats, rules: Rules) -> Flags:
    low, high = rules.window
    return np.asarray((v >= low) & (v <= high))


def _under(count: Count, t: Times, gap_us: int) -> Flags:
    """Whether the current in force at each stamp is under the limit; False where none is, or an outdated one."""
    if len(t) == len(count.t) and np.array_equal(t, count.t):
        return count.under
    at = count.at(t, "right")
    known_t = np.concatenate(([count.before[0] if count.before else LONG_AGO], count.t))
    known = np.concatenate(([count.before is not None and count.before[1]], count.under))
    return np.asarray(known[at] & (t - known_t[at] <= gap_us))
