"""The one replay loop: fold an asset's events through a model, step by step. Every way of running uses it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from altergo_interface.base_model import ModelState
from altergo_interface.data import Samples, Span, StepData, Table
from altergo_interface.manifest import Continuity
from twins.carry import Carry, Given
from twins.declared import Declared
from twins.inputs import Cursor, Prepared
from twins.ladder import hashed, ladder, rungs
from twins.outputs import Collected, collect
from twins.series import AssetSeries
from twins.twin import Twin

PER_SLOT = (Continuity.SEEDED, Continuity.WINDOWED)
"""Continuities that get one call per slot; the calls of others may span many slots, or all."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A slot's edge (µs UTC) at which a call ended: the hash of the carry there, and on a rung the carry itself."""

    at: int
    digest: str
    through: int | None
    carry: Carry | None


@dataclass(slots=True)
class Replay:
    """What one replay yields.

    Attributes:
        head: end of the last closed slot (µs UTC).
        as_of: the newest event that was folded (µs UTC).
        begun: where the span of its first call begins (µs UTC): earlier rows are not its business.
        edges: the ends of calls over closed slots; the last one is the head's and holds its carry.
        closed: outputs and records of closed slots; they stand.
        open: outputs and records of the open slot; provisional, replaced whole by the next replay.
        state: the model's state at `as_of`.
        latest: the last sample of every output, at `as_of`.
        notices: what the model wants an operator to know, and where a plain one departs from its manifest.
        undeclared: the outputs that a plain model gave beside its manifest; they were left out.
        converged: the edge at which its carry equalled a stored one, and it stopped; None: it went to the end.
        complete: whether nothing of the log is left to fold.
    """

    head: int
    state: ModelState
    as_of: int
    begun: int | None = None
    edges: list[Edge] = field(default_factory=list)
    closed: Collected = field(default_factory=Collected)
    open: Collected = field(default_factory=Collected)
    latest: dict[str, Given] = field(default_factory=dict)
    notices: Sequence[str] = ()
    undeclared: Sequence[str] = ()
    converged: int | None = None
    complete: bool = True


def replay(
    twin: Twin,
    carry: Carry,
    start: int | None,
    series: AssetSeries,
    stop: int | None = None,
    checks: Mapping[int, str] | None = None,
) -> Replay:
    """Fold `series` into `carry`, which stands at the edge `start` (None: before the first event).

    The events must be all those at or after `start`. A snapshot plus its tail gives the bits of the whole:
    no call ends inside a slot but the provisional one, and every call gets the samples before it as lead-ins.

    With `stop`, a slot's edge, events from there on are left for later. `checks` are the hashes of the carries that
    are stored for edges behind all changes: at the first where the new carry equals the stored one the replay ends,
    because all that follows is known.

    Raises whatever the model raises, and ModelError where its outputs break the contract.
    """
    return _Fold(twin, carry, series, stop, checks or {}).run(start)


class _Fold:
    """The loop's moving parts."""

    def __init__(
        self, twin: Twin, carry: Carry, series: AssetSeries, stop: int | None, checks: Mapping[int, str]
    ) -> None:
        self._twin = twin
        self._newest = series.newest
        self._cursor = Cursor(Prepared.of(twin.binding, series.events, carry))
        self._state: ModelState = type(twin.model).State.model_validate(carry.state)
        self._through = carry.through
        self._last = carry.given
        self._declared = Declared(twin.manifest) if twin.plain else None
        self._checks = checks
        head = twin.grid.floor(series.newest)
        self._whole = twin.continuity is Continuity.WHOLE_LOG
        self._complete = self._whole or stop is None or stop > head
        self._head = head if self._complete or stop is None else stop
        self._as_of = self._newest if self._complete else series.newest_before(self._head) or self._head - 1

    def run(self, start: int | None) -> Replay:
        result = Replay(self._head, self._state, self._as_of, begun=self._through, complete=self._complete)
        if self._whole:  # one call, and all of its outputs are provisional
            self._step(self._head, self._head + self._twin.grid.slot_us, self._newest + 1, result.open)
            return self._finish(result)
        begin = self._begin(start)
        carries: dict[int, Carry] = {}
        for low, high in self._steps(begin):
            self._step(low, high, None, result.closed)
            carries[high] = self._carry()
            if self._meets(high, carries[high]):
                result.converged = high
                break
        if not carries:  # all events lie in the open slot: nothing was folded, and what is stored may say the same
            carries[self._head] = self._carry()
            result.converged = self._head if self._meets(self._head, carries[self._head]) else None
        result.edges = _edges(carries, self._head, result.converged, self._twin)
        if result.converged is None and self._complete:
            self._step(self._head, self._head + self._twin.grid.slot_us, self._newest + 1, result.open)
        return self._finish(result)

    def _meets(self, edge: int, carry: Carry) -> bool:
        """Whether a carry is the one that is stored for an edge."""
        return edge in self._checks and carry.digest() == self._checks[edge]

    def _finish(self, result: Replay) -> Replay:
        result.state, result.latest = self._state, dict(sorted(self._last.items()))
        result.notices = self._twin.model.notices(self._state)
        if self._declared is not None:
            from_genesis = result.begun is None and result.complete
            result.notices = [*result.notices, *self._declared.notices(self._last, from_genesis)]
            result.undeclared = tuple(sorted(self._declared.undeclared))
        return result

    def _begin(self, start: int | None) -> int:
        """The edge of the first step. A plain model is not called before each of its required series has begun."""
        grid = self._twin.grid
        if start is None:
            extent = self._cursor.extent(self._head)
            start = grid.floor(extent[0]) if extent else self._head
        if not self._twin.plain:
            return start
        ready = self._cursor.ready(self._required())
        begin = self._head + grid.slot_us if ready is None else max(start, grid.floor(ready))
        self._cursor.skip(min(begin, self._head))
        return begin

    def _required(self) -> list[str]:
        return [name for name, spec in self._twin.manifest.inputs.items() if spec.required and spec.is_series]

    def _steps(self, begin: int) -> Iterator[tuple[int, int]]:
        """The steps of closed slots, [low, high)."""
        grid, head = self._twin.grid, self._head
        if begin >= head:
            return
        if self._twin.continuity not in PER_SLOT:
            yield from grid.steps(begin, head, (*self._twin.cuts(), *rungs(head, grid), *self._checks))
            return
        low = begin
        while low < head and (extent := self._cursor.extent(head)) is not None:
            first = grid.floor(extent[0])
            silent = max((check for check in self._checks if low < check <= first), default=low)
            if silent > low:
                yield low, silent  # nothing is called there, but a stored carry can be met
            low = grid.after(extent[0])
            yield first, low
        if low < head:
            yield low, head

    def _step(self, low: int, high: int, end: int | None, into: Collected) -> None:
        """One call for [low, high), unless it holds no sample; `end` ends the span early (the open slot)."""
        twin, grid = self._twin, self._twin.grid
        extent = self._cursor.extent(high)
        if extent is None:
            return
        through = self._through if self._through is not None else grid.floor(extent[0])
        span = Span(through, end if end is not None else grid.after(extent[1]))
        leads = twin.continuity is not Continuity.WINDOWED
        data = self._cursor.take(span, high, twin.constants(low, self._last), leads)
        self._through = span.end
        if twin.plain and not self._callable(data):
            return
        state, outputs = twin.model.advance(self._state, data)
        if self._declared is not None:
            outputs = self._declared.only(outputs)
        collect(into, outputs, data.inputs, span, twin.manifest, self._last, grid.slot_us)
        self._state = state

    def _callable(self, data: StepData) -> bool:
        """Whether a plain model is called: every required series has a sample, and in a slot of its own one is new.

        A call of a pointwise model may span many slots: what is new in it depends on how the history was cut.
        """
        series = [data.inputs.get(name) for name in self._required()]
        present = [s for s in series if isinstance(s, Samples | Table)]
        fresh = not present or any(len(s) > s.lead for s in present)
        return all(len(s) for s in present) and (fresh or self._twin.continuity not in PER_SLOT)

    def _carry(self) -> Carry:
        return Carry.of(self._state.model_dump(mode="json"), self._through, self._cursor.lasts(), self._last)


def _edges(carries: Mapping[int, Carry], head: int, met: int | None, twin: Twin) -> list[Edge]:
    """The edges worth keeping: rungs with their carries, and of the younger others the hashes."""
    kept = ladder(carries, head, twin.grid)
    found = []
    for at, carry in carries.items():
        if at in kept or hashed(at, head) or at == met:
            found.append(Edge(at, carry.digest(), carry.through, carry if at in kept else None))
    return found
