"""What a replay tells, however it was cut into runs or calls, and the first thing in which two tellings differ."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from twins.carry import Carry
from twins.checks.histories import Events, newest
from twins.checks.same import same_rows
from twins.outputs import Rows
from twins.replay import Replay, replay
from twins.series import AssetSeries
from twins.twin import Twin

MakeTwin = Callable[[], Twin]


@dataclass(frozen=True, slots=True)
class Told:
    """Outputs (as stored, provisional ones included), record versions and their kinds, state, carry and the last
    samples; and the names of outputs that were left out, because the manifest does not declare them."""

    outputs: dict[str, Rows]
    records: tuple[str, ...]
    state: str
    carry: str
    latest: str
    undeclared: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()

    def gives(self, output: str) -> bool:
        """Whether a declared output is there: itself, the columns of its DataFrame, or records of that kind."""
        return output in self.kinds or any(n == output or n.startswith(f"{output}.") for n in self.outputs)


def in_runs(make: MakeTwin, events: Events, cuts: Sequence[int] = ()) -> Told:
    """Replayed whenever the log had grown to a cut (µs UTC), each time by a fresh twin from the stored carry and
    the events from its head on."""
    log = AssetSeries.of(events, newest(events))
    results: list[Replay] = []
    start, stored = None, None
    for series in (*(log.before(cut) for cut in sorted(cuts)), log):
        if series is not None:
            results.append(_one(make(), stored, start, series))
            start, stored = _head(results[-1], start, stored)
    return _told(results)


def in_calls(make: MakeTwin, events: Events, edges: Sequence[int]) -> Told:
    """Replayed at once, except that calls end at `edges`, which are edges of slots."""
    log = AssetSeries.of(events, newest(events))
    results: list[Replay] = []
    start, stored = None, None
    for edge in (*edges, None):
        results.append(_one(make(), stored, start, log, edge))
        start, stored = _head(results[-1], start, stored)
    return _told(results)


def _one(twin: Twin, stored: str | None, start: int | None, series: AssetSeries, stop: int | None = None) -> Replay:
    carry = twin.genesis() if stored is None else Carry.from_json(stored)
    return replay(twin, carry, start, series.since(start), stop)


def _head(result: Replay, start: int | None, stored: str | None) -> tuple[int | None, str | None]:
    """Where the next run begins; a model of the whole log stores nothing and begins at genesis again."""
    if not result.edges or result.edges[-1].carry is None:
        return start, stored
    return result.edges[-1].at, result.edges[-1].carry.to_json()


def _told(results: Sequence[Replay]) -> Told:
    last = results[-1]
    found = results[0].closed
    for result in results[1:]:
        found = found.followed_by(result.closed)
    found = found.followed_by(last.open)
    return Told(
        outputs=found.columns(),
        records=tuple(map(repr, found.records)),
        state=_sorted(last.state.model_dump_json()),
        carry=_sorted(last.edges[-1].carry.to_json()) if last.edges and last.edges[-1].carry else "",
        latest=repr(sorted(last.latest.items())),
        kinds=frozenset(record.kind for record in found.records),
        undeclared=tuple(sorted({name for result in results for name in result.undeclared})),
    )


def _sorted(text: str) -> str:
    """JSON with sorted keys: which output came first may depend on a cut, what is stored may not."""
    return json.dumps(json.loads(text), sort_keys=True)


def difference(one: Told, other: Told) -> str | None:
    """What differs first, as the subject and verb of a sentence; None where every bit is the same."""
    for name in sorted({*one.outputs, *other.outputs}):
        if name not in one.outputs or name not in other.outputs:
            return f"output '{name}' is not always given"
        at = _first_difference(one.outputs[name], other.outputs[name])
        if at is not None:
            return f"output '{name}' differs from {show(at)} on"
    if one.records != other.records:
        return "its records differ"
    if one.state != other.state:
        return "its state differs"
    return None if (one.carry, one.latest) == (other.carry, other.latest) else "what a snapshot stores differs"


def _first_difference(one: Rows, other: Rows) -> int | None:
    """The first stamp at which two columns have not the same row."""
    size = min(len(one[0]), len(other[0]))
    equal = (one[0][:size] == other[0][:size]) & same_rows(one[1][:size], other[1][:size])
    if not equal.all():
        at = int(np.argmin(equal))
        return min(int(one[0][at]), int(other[0][at]))
    longer = max(one[0], other[0], key=len)
    return int(longer[size]) if len(longer) > size else None


def show(t: int) -> str:
    """A time as people write it: a bare date at midnight."""
    day, clock = str(np.datetime64(t, "us").astype("M8[s]")).split("T")
    return day if clock == "00:00:00" else f"{day}T{clock}Z"
