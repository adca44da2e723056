"""Breaches that did not last: one quality record per side and UTC day, with a count."""

import numpy as np

from altergo_interface import Record
from models.voltage_monitor.rules import Rule
from models.voltage_monitor.runs import Flags, Indices, Times
from models.voltage_monitor.state import WARNING, Excursion, Spikes
from models.voltage_monitor.track import Track

DAY_US = 86_400_000_000


def tally(spikes: Spikes | None, track: Track, alerting: Flags, end: int) -> tuple[Spikes | None, list[Record]]:
    """The spikes known after a call that ends at `end` (µs UTC), and a record version for each day that had new ones.

    `alerting` (k,) tells which of the track's breaches belong to an alert or may still become one.
    """
    chosen = np.flatnonzero(~alerting)
    known_at = _known_at(track, chosen, end)
    peaks = _peaks(track, chosen)
    records = []
    for day in np.unique(known_at // DAY_US).tolist():
        of_day = known_at // DAY_US == day
        if spikes is not None and spikes.day != day:
            spikes = None
        spikes = _more(spikes, day, chosen[of_day], peaks[of_day], track)
        records.append(_record(spikes, track.rule, int(known_at[of_day][-1])))
    return spikes, records


def _known_at(track: Track, chosen: Indices, end: int) -> Times:
    """When it is known that each breach has not lasted: at the next sample, or when its own has become too old."""
    last = track.over.last[chosen]
    following = np.append(track.t[1:], end)[last]
    known_at: Times = np.minimum(following, track.t[last] + track.reading.gap_us)
    return known_at


def _peaks(track: Track, chosen: Indices) -> Indices:
    """The index of each breach's sample that is furthest beyond the limit, the first one of equals."""
    first, last = track.over.first[chosen], track.over.last[chosen]
    peaks: Indices = first.copy()
    for k in np.flatnonzero(last > first).tolist():
        peaks[k] = first[k] + int(np.argmax(track.y[first[k] : last[k] + 1]))
    return peaks


def _more(before: Spikes | None, day: int, chosen: Indices, peaks: Indices, track: Track) -> Spikes:
    """A day's spikes with further ones."""
    worst = int(peaks[np.argmax(track.y[peaks])])
    found = track.excursion(int(track.over.since[chosen[0]]), worst)
    if before is None:
        return Spikes(**dict(found), day=day, count=len(chosen))
    beats = _depth(found, track.rule) > _depth(before, track.rule)
    worse = {name: getattr(found, name) for name in ("value", "extreme_at", "cell", "shift")} if beats else {}
    return before.model_copy(update={"count": before.count + len(chosen), **worse})


def _depth(found: Excursion, rule: Rule) -> float:
    return round(rule.sign * (found.value - found.shift), 9)


def _record(spikes: Spikes, rule: Rule, at: int) -> Record:
    cell = {"cell": spikes.cell} if spikes.cell else {}
    limit = round(rule.sign * rule.warning + spikes.shift, 9)
    what = {"what": "spike", "side": rule.side, "count": spikes.count, "limit": limit}
    return Record(
        kind="quality",
        started_at=spikes.started_at,
        at=at,
        ended_at=at,
        severity=WARNING,
        value=spikes.value,
        cell=rule.side,
        detail={**what, "value": spikes.value, "at": spikes.extreme_at, **cell},
    )
