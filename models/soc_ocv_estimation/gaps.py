"""The first voltage after a telemetry gap in a rest: in the field most rests are gaps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from altergo_interface import Samples
from models.soc_ocv_estimation.counting import Count, Flags, Floats, Times
from models.soc_ocv_estimation.grid import Grid, Integers
from models.soc_ocv_estimation.moments import Candidates, Moments, moments_of, since_of
from models.soc_ocv_estimation.readings import Reading
from models.soc_ocv_estimation.rests import Spell
from models.soc_ocv_estimation.rules import Rules
from models.soc_ocv_estimation.state import Waiting

NEVER = 2**62


@dataclass(frozen=True, slots=True)
class GapEnds:
    """n gaps inside rests, (n,) each: `at` the end (µs UTC); whether `long` as the drift window; `spell` the rest."""

    at: Times
    long: Flags
    spell: Integers


def after_gaps(
    grid: Grid, spells: Sequence[Spell], reading: Reading, count: Count, temperature: Samples | None, rules: Rules
) -> tuple[Moments, Waiting | None]:
    """The first voltage after each gap that is part of a rest, steady where the gap is shorter than the drift window;
    and the gap that has none yet."""
    ends = _gap_ends(spells, count, rules)
    at, v = _first_voltages(ends, reading, rules)
    waiting = _waiting(ends, at, spells)
    known = at < _stops(spells)[ends.spell]
    at, v, spell, long = at[known], v[known], ends.spell[known], ends.long[known]
    drift_v = np.where(long, math.nan, v - grid.before(at, spell, rules.grid_us)) if len(at) else v
    found = Candidates(at, spell, v, drift_v, gap=True)
    return moments_of(found, long | found.steady(rules.drift_v), "right", spells, count, temperature, rules), waiting


def _gap_ends(spells: Sequence[Spell], count: Count, rules: Rules) -> GapEnds:
    """Gaps between two still samples; in front the one that an earlier call has left waiting."""
    both = np.flatnonzero(count.gap & count.under & count.previous_under)
    at = count.t[both]
    long = at - count.previous_t[both] >= 2 * rules.grid_us
    waiting = spells[0].carried.waiting if spells and spells[0].carried else None
    if waiting is not None:
        at, long = np.append(waiting.since, at), np.append(waiting.long, long)
    spell = np.searchsorted(since_of(spells), at, side="left") - 1
    inside = spell >= 0
    inside[inside] = at[inside] < _stops(spells)[spell[inside]]
    return GapEnds(at[inside], long[inside], spell[inside])


def _first_voltages(ends: GapEnds, reading: Reading, rules: Rules) -> tuple[Times, Floats]:
    """When each gap's voltage is known, and the voltage: the newest at its end, if it is not one from the gap's
    beginning, else the first one at rest later; NEVER where there is none yet."""
    t, v = reading.last(ends.at)
    late = t < ends.at - min(rules.voltage_gap_us, rules.grid_us)
    later = np.searchsorted(reading.rest_t, ends.at, side="right")
    at = np.where(late, np.append(reading.rest_t, NEVER)[later], ends.at)
    return at, np.where(late, np.append(reading.rest_v, math.nan)[later], v)


def _waiting(ends: GapEnds, known_at: Times, spells: Sequence[Spell]) -> Waiting | None:
    """What the rest in progress still waits for: its newest gap without a voltage; long if one of them is."""
    mine = (known_at == NEVER) & (ends.spell == len(spells) - 1)
    if not mine.any() or spells[-1].stop is not None:
        return None
    return Waiting(since=int(ends.at[mine][-1]), long=bool(ends.long[mine].any()))


def _stops(spells: Sequence[Spell]) -> Times:
    return np.array([NEVER if one.stopped_at is None else one.stopped_at for one in spells], dtype=np.int64)
