"""Walks through a call's moments in the order of time: anchors, rests and their records."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from altergo_interface import Record
from models.soc_ocv_estimation.counting import Count, Floats
from models.soc_ocv_estimation.full_charge import FullCharges
from models.soc_ocv_estimation.fusion import Fix, fuse
from models.soc_ocv_estimation.moments import Moments
from models.soc_ocv_estimation.rests import Spell
from models.soc_ocv_estimation.rules import Rules
from models.soc_ocv_estimation.state import Estimate
from models.soc_ocv_estimation.voltages import Told

FULL_SIGMA = 0.01
"""1 σ of the state of charge at a detected full charge."""

JUMP_V = 0.005
"""A voltage that changed by more than this over a gap in a rest is news."""

_MOMENT, _END, _FULL, _GAP_MOMENT = range(4)


@dataclass(slots=True)
class Track:
    """What has come of the walk so far: the anchors by time, the evaluations' (time, OCV), when a rest was known
    (time, 0 or 1), record versions, and the anchor before the rest in progress with its newest finding."""

    before: Fix | None
    anchor: Fix | None
    level: int = -1
    finding: dict[str, Any] | None = None
    anchors: list[Fix] = field(default_factory=list)
    voltages: list[tuple[int, float]] = field(default_factory=list)
    resting: list[tuple[int, float]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def walk(
    state: Estimate,
    spells: Sequence[Spell],
    moments: Moments,
    told: Told,
    branch: Floats,
    full: FullCharges,
    count: Count,
    rules: Rules,
) -> Track:
    """All of a call's moments, ends of rests and full charges, in the order of time; timers before samples."""
    track = Track(Fix.of(state.before), Fix.of(state.anchor))
    if state.rest is not None:
        track.level = state.rest.level
        track.finding = None if state.rest.finding is None else dict(state.rest.finding)
    rows = _rows(moments, told, branch, count)
    order = [(row.at, _GAP_MOMENT if row.gap else _MOMENT, k) for k, row in enumerate(rows)]
    order += [(spell.stopped_at, _END, k) for k, spell in enumerate(spells) if spell.stopped_at is not None]
    order += [(int(count.t[i]), _FULL, i) for i in full.samples]
    for _, kind, k in sorted(order):
        if kind == _END:
            _end(track, spells[k])
        elif kind == _FULL:
            _fill_up(track, k, count, rules)
        else:
            _evaluate(track, spells[rows[k].spell], rows[k], rules)
    return track


@dataclass(frozen=True, slots=True)
class _Row:
    """One moment with all that is known of it, as plain numbers."""

    at: int
    spell: int
    v: float
    level: int
    gap: bool
    soc: float
    independent: float
    common: float
    branch: float
    counted: float
    lost: float


def _rows(moments: Moments, told: Told, branch: Floats, count: Count) -> list[_Row]:
    columns = (
        moments.at, moments.spell, moments.v, moments.level, moments.gap, told.soc, told.independent, told.common,
        branch, count.counted[moments.sum_at], count.lost[moments.sum_at],
    )  # fmt: skip
    return [_Row(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _evaluate(track: Track, spell: Spell, row: _Row, rules: Rules) -> None:
    """Correct the estimate by one voltage at rest. All evaluations of one rest start from the anchor before it, so
    that the newest replaces the earlier ones and none is counted twice."""
    jumped = row.gap and track.finding is not None and abs(row.v - track.finding["ocv"]) > JUMP_V
    if row.level <= track.level and not jumped:
        return
    if track.finding is None:
        track.before = track.anchor
        track.resting.append((row.at, 1.0))
    found = Fix(row.at, row.soc, row.independent * row.independent, row.common, row.counted, row.lost)
    track.anchor = fuse(track.before, found, rules)
    track.level = max(row.level, track.level)
    track.finding = {
        "ocv": row.v,
        "soc": min(max(track.anchor.soc, 0.0), 1.0),
        "soc_uncertainty": track.anchor.sigma,
        "ocv_soc": row.soc,
        "ocv_soc_uncertainty": found.sigma,
        "branch": row.branch,
        "gap": row.gap,
        "measured_at": row.at,
    }
    track.anchors.append(track.anchor)
    track.voltages.append((row.at, row.v))
    track.records.append(_record(spell.since, row.at, None, track.finding))


def _end(track: Track, spell: Spell) -> None:
    """Close a rest; one that was never evaluated leaves no trace."""
    if track.finding is not None and spell.stopped_at is not None:
        track.records.append(_record(spell.since, spell.stopped_at, spell.ended_at, dict(track.finding)))
        track.resting.append((spell.stopped_at, 0.0))
    track.before, track.finding, track.level = None, None, -1


def _fill_up(track: Track, sample: int, count: Count, rules: Rules) -> None:
    """A full charge corrects the estimate, and the one that evaluations of a rest in progress start from."""
    at, counted, lost = int(count.t[sample]), float(count.counted[sample + 1]), float(count.lost[sample + 1])
    found = Fix(at, 1.0, FULL_SIGMA**2, 0.0, counted, lost)
    track.anchor = fuse(track.anchor, found, rules)
    track.anchors.append(track.anchor)
    if track.finding is not None:
        track.before = fuse(track.before, found, rules)


def _record(since: int, at: int, ended_at: int | None, finding: dict[str, Any]) -> Record:
    return Record(kind="rest", started_at=since, at=at, ended_at=ended_at, value=finding["ocv"], detail=finding)
