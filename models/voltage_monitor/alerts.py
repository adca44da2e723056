"""Alerts of one side: raised after a lasting breach, escalated, cleared by a timer; one record version per change."""

from dataclasses import dataclass

import numpy as np

from altergo_interface import Record
from models.voltage_monitor.readings import Reading
from models.voltage_monitor.rules import Rule
from models.voltage_monitor.runs import Flags, Indices, Runs, lasting, timed_out
from models.voltage_monitor.spikes import DAY_US, tally
from models.voltage_monitor.state import CRITICAL, WARNING, OpenAlert, Side
from models.voltage_monitor.track import Track, lay_track


@dataclass(frozen=True, slots=True)
class Spell:
    """The part of one alert's life that a call sees, as indices into its track.

    `begin` is its first sample here, `raised` the one that raised it (−1 in an earlier call), `stop` the first one
    back inside that led to its clearing at `cleared_at` (µs UTC), or the track's length and None.
    """

    started_at: int
    begin: int
    raised: int
    stop: int
    cleared_at: int | None


def follow(side: Side, reading: Reading, rule: Rule, end: int) -> tuple[Side, list[Record]]:
    """One side over one call that ends at `end` (µs UTC): its state after, and the record versions in time order."""
    y = reading.beyond(rule.sign)
    if side.alert is None and side.pending is None and len(y) and not y.max() > rule.warning:
        newest = int(reading.fresh_t[-1])
        return Side(last_at=newest, last_shift=reading.shift_at(-1), spikes=side.spikes), []
    track = lay_track(side, reading, rule)
    grave = lasting(track.critical, track.t, rule.min_us)[1]
    alert, records, spells = None, [], _spells(side, track, end)
    for spell in spells:
        versions, alert = _versions(spell, track, side, grave)
        records += versions
    spikes, told = tally(side.spikes, track, _alerting(spells, track, end), end)
    shift = reading.shift_at(-1) if len(y) else side.last_shift
    after = _after(track, alert, end).model_copy(update={"last_shift": shift, "spikes": spikes})
    return after, records + told


def _alerting(spells: list[Spell], track: Track, end: int) -> Flags:
    """Which of the track's breaches (k,) belong to an alert, or may become one because they go on."""
    first, flags = track.over.first, np.zeros(len(track.over.first), dtype=bool)
    for spell in spells:
        flags |= (first >= spell.begin) & (first < spell.stop)
    if not _stale(track, end):
        flags |= track.over.last == len(track.t) - 1
    return flags


def _spells(side: Side, track: Track, end: int) -> list[Spell]:
    """The alerts that were open or were raised in this call, one after the other."""
    rule, n = track.rule, len(track.t)
    breaches, raised = lasting(track.over, track.t, rule.min_us)
    returns, due = timed_out(track.back, track.t, rule.clear_us, track.reading.gap_us, end)
    spells: list[Spell] = []
    started_at, begin, at = (side.alert.started_at if side.alert else None), 0, -1
    while True:
        if started_at is None:
            k = int(np.searchsorted(breaches.first, at, side="right"))
            if k == len(raised):
                return spells
            started_at, begin, at = int(breaches.since[k]), int(breaches.first[k]), int(raised[k])
        c = int(np.searchsorted(returns, at, side="right"))
        if c == len(returns):
            return [*spells, Spell(started_at, begin, at, n, None)]
        spells.append(Spell(started_at, begin, at, int(returns[c]), int(due[c])))
        started_at, at = None, int(returns[c])


def _versions(spell: Spell, track: Track, side: Side, grave: Indices) -> tuple[list[Record], OpenAlert | None]:
    """The record versions of one spell, and the alert if it is still open at the end of the call.

    `grave` (m,) holds the samples at which the critical limit had been exceeded for long enough.
    """
    extremes = track.new_extremes(spell.begin, max(spell.stop, spell.begin + 1))
    critical_from = _critical_from(spell, side, grave, len(track.t))

    def alert_at(i: int) -> OpenAlert:
        extreme = int(extremes[np.searchsorted(extremes, i, side="right") - 1])
        severity = CRITICAL if i >= critical_from else WARNING
        limit = track.rule.sign * (track.rule.critical if severity == CRITICAL else track.rule.warning)
        found = track.excursion(spell.started_at, extreme)
        seen = {name: getattr(found, name) for name in ("value", "extreme_at", "cell", "shift")}
        return OpenAlert(started_at=spell.started_at, severity=severity, limit=round(limit + found.shift, 9), **seen)

    changes = {spell.raised, critical_from, *_last_of_each_day(extremes, spell, track)}
    seen_here = sorted(i for i in changes if max(spell.raised, track.front) <= i < spell.stop)
    records = [_record(alert_at(i), track.rule, int(track.t[i])) for i in seen_here]
    last = alert_at(max(spell.stop - 1, 0))
    if spell.cleared_at is None:
        return records, last
    return [*records, _record(last, track.rule, spell.cleared_at, spell.cleared_at - track.rule.clear_us)], None


def _critical_from(spell: Spell, side: Side, grave: Indices, never: int) -> int:
    """The index from which a spell is critical: −1 if it already was before this call."""
    if spell.raised < 0 and side.alert is not None and side.alert.severity == CRITICAL:
        return -1
    k = int(np.searchsorted(grave, spell.raised))
    return int(grave[k]) if k < len(grave) and grave[k] < spell.stop else never


def _last_of_each_day(extremes: Indices, spell: Spell, track: Track) -> list[int]:
    """The last new extreme after the raising of each UTC day, so that a rewind to a day's edge finds the truth."""
    later = extremes[extremes > spell.raised]
    day = track.t[later] // DAY_US
    changed: list[int] = later[np.concatenate((day[1:] != day[:-1], [True]))[: len(later)]].tolist()
    return changed


def _record(alert: OpenAlert, rule: Rule, at: int, ended_at: int | None = None) -> Record:
    cell = {"cell": alert.cell} if alert.cell else {}
    return Record(
        kind="alert",
        started_at=alert.started_at,
        at=at,
        ended_at=ended_at,
        severity=alert.severity,
        value=alert.value,
        cell=rule.side,
        detail={"side": rule.side, "limit": alert.limit, "extreme_at": alert.extreme_at, **cell},
    )


def _after(track: Track, alert: OpenAlert | None, end: int) -> Side:
    """The side's state at `end`; data that has gone stale by then ends every run."""
    n, last_at = len(track.t), int(track.t[-1])
    if _stale(track, end):
        return Side(last_at=last_at, alert=alert)
    pending = None
    if alert is None and _open_since(track.over, n) is not None:
        started_at, begin = int(track.over.since[-1]), int(track.over.first[-1])
        pending = track.excursion(started_at, int(track.new_extremes(begin, n)[-1]))
    return Side(
        last_at=last_at,
        alert=alert,
        pending=pending,
        critical_since=_open_since(track.critical, n),
        clearing_since=_open_since(track.back, n) if alert else None,
    )


def _stale(track: Track, end: int) -> bool:
    """Whether the newest sample has become too old by `end`."""
    return int(track.t[-1]) + track.reading.gap_us < end


def _open_since(runs: Runs, n: int) -> int | None:
    """The start of the run that holds the newest of n samples, if one does."""
    return int(runs.since[-1]) if len(runs.last) and runs.last[-1] == n - 1 else None
