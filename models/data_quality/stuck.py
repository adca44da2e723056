"""Sensors that repeat one value although what they measure must have changed."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples, hold
from models.data_quality.charge import Charge, Floats
from models.data_quality.days import Times
from models.data_quality.state import Run

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known at some stamps (m,): charge moved and net discharged, Ah, and the state of charge, fraction."""

    moved: Floats
    net: Floats
    soc: Floats


@dataclass(frozen=True, slots=True)
class Witness:
    """What tells that a value must have changed: charge and, where there is one, the state of charge."""

    charge: Charge
    soc: Samples | None

    def at(self, t: Times) -> Seen:
        """What is known at each stamp of `t` (m,)."""
        return Seen(*self.charge.at(t), np.full(len(t), np.nan) if self.soc is None else hold(self.soc, t))


class StuckRule(Protocol):
    """When equal values are known to be stuck: not before `after_us`, and not without a proof."""

    @property
    def after_us(self) -> int:
        """How long a value must have been the same, µs."""

    def possible(self, values: Floats, moved: Floats) -> Flags:
        """Which runs may be proven at all, by their values and by the charge that moved within each; a quick look."""

    def proof(self, run: Run, value: float, seen: Seen) -> Flags:
        """Whether what is seen at each stamp contradicts the run of this value."""


@dataclass(frozen=True, slots=True)
class MustAnswer:
    """A value changes by the time that `charge_ah` has moved: a voltage or a temperature in whatever direction, a
    state of charge by what has come or gone (`net`)."""

    after_us: int
    charge_ah: float
    net: bool = False

    def possible(self, values: Floats, moved: Floats) -> Flags:
        """See StuckRule."""
        del values
        enough: Flags = moved >= self.charge_ah
        return enough

    def proof(self, run: Run, value: float, seen: Seen) -> Flags:
        """See StuckRule."""
        del value
        charge_ah = np.abs(seen.net - run.net) if self.net else seen.moved - run.moved
        enough: Flags = charge_ah >= self.charge_ah
        return enough


@dataclass(frozen=True, slots=True)
class CannotFlow:
    """A current that is not zero is no truth once it would have filled or emptied more than the battery, or once the
    state of charge is off by `share` from where it should have led."""

    after_us: int
    capacity_ah: float
    share: float

    def possible(self, values: Floats, moved: Floats) -> Flags:
        """See StuckRule."""
        del moved
        flows: Flags = values != 0.0
        return flows

    def proof(self, run: Run, value: float, seen: Seen) -> Flags:
        """See StuckRule."""
        flowed = (seen.net - run.net) / self.capacity_ah
        off = np.abs(seen.soc - run.soc + flowed) >= self.share
        return (value != 0.0) & (off | (np.abs(flowed) > 1.0 + self.share))


def rules(capacity_ah: float, after_s: float, share: float) -> dict[str, StuckRule]:
    """The rule of each kind of sensor. A temperature may rest for a day in a room that is kept cool."""
    after_us = round(after_s * 1e6)
    return {
        "voltage": MustAnswer(after_us, share * capacity_ah),
        "soc": MustAnswer(after_us, share * capacity_ah, net=True),
        "temperature": MustAnswer(24 * after_us, capacity_ah),
        "current": CannotFlow(after_us, capacity_ah, share),
    }


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of equal values inside a span: indices of their `first` and `last` sample, (k,), and `since`, their
    true start (µs UTC). `before` is the first run as an earlier call began it, None where it begins here."""

    t: Times
    x: Floats
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    since: Times
    before: Run | None

    @classmethod
    def of(cls, samples: Samples, before: Run | None) -> "Runs":
        """The runs of samples; `before` is the run that the lead-in belongs to."""
        t, x = samples.t[samples.lead :], samples.x[samples.lead :]
        first = np.concatenate(([0], np.flatnonzero(x[1:] != x[:-1]) + 1))
        last = np.append(first[1:], len(t)) - 1
        since = t[first]
        if before is None or not samples.lead or x[0] != samples.x[0]:
            return cls(t, x, first, last, since, None)
        since[0] = before.since
        return cls(t, x, first, last, since, before)

    def run(self, k: int, witness: Witness) -> Run:
        """The run of that number, as of its first sample."""
        if k == 0 and self.before is not None:
            return self.before
        at = self.t[self.first[k] : self.first[k] + 1]
        seen = witness.at(at)
        return Run(since=int(at[0]), moved=float(seen.moved[0]), net=float(seen.net[0]), soc=float(seen.soc[0]))

    def suspects(self, rule: StuckRule, witness: Witness) -> list[int]:
        """The runs that last long enough and may be proven: few, so that the rest costs nothing."""
        long = np.flatnonzero(self.t[self.last] - self.since >= rule.after_us)
        began, ended = (witness.charge.at(self.t[edge[long]])[0] for edge in (self.first, self.last))
        if self.before is not None and len(long) and long[0] == 0:
            began[0] = self.before.moved
        found: list[int] = long[rule.possible(self.x[self.first[long]], ended - began)].tolist()
        return found


def find_stuck(samples: Samples, before: Run | None, rule: StuckRule, witness: Witness) -> tuple[Times, Run]:
    """The stamps inside the span at which a sensor is known to be stuck, and the run of its newest sample.

    A value counts from the moment at which the proof is there. `before` is the run that the lead-in belongs to.
    """
    runs = Runs.of(samples, before)
    newest = len(runs.first) - 1
    after = runs.run(newest, witness)
    found = [runs.t[:0]]
    for k in runs.suspects(rule, witness):
        run = runs.run(k, witness)
        known = _known(run, rule, runs.t[runs.first[k] : runs.last[k] + 1], float(runs.x[runs.first[k]]), witness)
        found.append(known)
        if k == newest and len(known):
            after = run.model_copy(update={"stuck": True})
    return np.concatenate(found), after


def _known(run: Run, rule: StuckRule, t: Times, value: float, witness: Witness) -> Times:
    """The stamps of a run from its proof on."""
    if run.stuck:
        return t
    proven = (t - run.since >= rule.after_us) & rule.proof(run, value, witness.at(t))
    return t[int(np.argmax(proven)) :] if proven.any() else t[:0]
