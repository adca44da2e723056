"""The one replay loop: fold an asset's events through a model, step by step. Every way of running uses it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from altergo_interface.base_model import Model, ModelState
from altergo_interface.data import Input, Samples, Span
from altergo_interface.errors import ManifestError, ModelError
from altergo_interface.manifest import Continuity, Manifest
from twins.binding import Binding, ParameterFact, value_at
from twins.carry import Carry, Sample
from twins.grid import UTC_DAYS, Grid
from twins.inputs import Cursor, Prepared
from twins.outputs import Collected, collect
from twins.series import AssetSeries

SPANNING = (Continuity.STATEFUL, Continuity.POINTWISE)
"""Continuities whose calls may span many slots. Models that need one call per slot get their own cutting here."""


@dataclass(frozen=True, slots=True)
class Twin:
    """One pair, ready to replay: the model, its manifest, and what of the asset feeds it."""

    model: Model
    manifest: Manifest
    binding: Binding
    parameters: Collection[ParameterFact]
    continuity: Continuity
    grid: Grid = UTC_DAYS

    def genesis(self) -> Carry:
        """The carry before the first event."""
        return Carry(state=self.model.initial().model_dump(mode="json"))

    def constants(self, t: int) -> dict[str, Input]:
        """The asset parameters that the model takes, as they hold in the slot of `t`: see `cuts`."""
        last = self.grid.after(t) - 1
        values = {name: value_at(self.parameters, source, last) for name, source in self.binding.constants.items()}
        for name, value in values.items():
            if value is None and self.manifest.inputs[name].required:
                what = f"parameter '{self.binding.constants[name]}' has no value before its first valid_from"
                raise ModelError(what, "Import one without valid_from")
        return {name: _typed(name, value, self.manifest) for name, value in values.items() if value is not None}

    def cuts(self) -> tuple[int, ...]:
        """Slot edges at which a parameter takes effect: the start of the slot that holds its `valid_from`."""
        names = set(self.binding.constants.values())
        dated = (f.valid_from for f in self.parameters if f.name in names and f.valid_from is not None)
        return tuple(sorted({self.grid.floor(t) for t in dated}))


def _typed(name: str, value: Any, manifest: Manifest) -> Input:
    """A parameter as the manifest's type; for a series, one sample that holds since before every event."""
    spec = manifest.inputs[name]
    wanted = spec.type
    try:
        if wanted == "pd.Series":
            low, high = spec.valid_range or (None, None)
            if (low is not None and float(value) < low) or (high is not None and float(value) > high):
                raise ModelError(f"parameter '{name}' is {value}, outside [{low}, {high}]", f"Give it in {spec.unit}")
            return Samples(np.zeros(1, np.int64), np.array([float(value)]), lead=1)
        return float(value) if wanted == "float" else str(value) if wanted == "str" else dict(value)
    except (TypeError, ValueError):
        raise ModelError(f"parameter '{name}' is {value!r}, not a {wanted}") from None


@dataclass(slots=True)
class Replay:
    """What one replay yields.

    Attributes:
        head: end of the last closed slot (µs UTC).
        snapshots: (edge, carry) at the end of every step of closed slots; the last one is the head's.
        closed: outputs and records of closed slots; they stand.
        open: outputs and records of the open slot; provisional, replaced whole by the next replay.
        state: the model's state at the newest event.
        latest: the last sample of every output, at the newest event.
        notices: what the model wants an operator to know.
    """

    head: int
    state: ModelState
    snapshots: list[tuple[int, Carry]] = field(default_factory=list)
    closed: Collected = field(default_factory=Collected)
    open: Collected = field(default_factory=Collected)
    latest: dict[str, Sample] = field(default_factory=dict)
    notices: Sequence[str] = ()


def replay(twin: Twin, carry: Carry, start: int | None, series: AssetSeries) -> Replay:
    """Fold `series` into `carry`, which stands at the edge `start` (None: before the first event).

    The events must be all those at or after `start`. A snapshot plus its tail gives the bits of the whole:
    no call ends inside a slot but the provisional one, and every call gets the samples before it as lead-ins.

    Raises whatever the model raises, and ModelError where its outputs break the contract.
    """
    if twin.continuity not in SPANNING:
        raise ManifestError(f"continuity '{twin.continuity}' cannot be replayed by this version")
    return _Fold(twin, carry, series).run(start)


class _Fold:
    """The loop's moving parts."""

    def __init__(self, twin: Twin, carry: Carry, series: AssetSeries) -> None:
        self._twin = twin
        self._newest = series.newest
        self._cursor = Cursor(Prepared.of(twin.binding, series.events, carry))
        self._state: ModelState = type(twin.model).State.model_validate(carry.state)
        self._through = carry.through
        self._last = dict(carry.outputs)

    def run(self, start: int | None) -> Replay:
        grid = self._twin.grid
        head = grid.floor(self._newest)
        result = Replay(head, self._state)
        extent = self._cursor.extent(head)
        begin = start if start is not None else grid.floor(extent[0]) if extent else head
        for low, high in grid.steps(begin, head, self._twin.cuts()) if begin < head else ():
            self._step(low, high, None, result.closed)
            result.snapshots.append((high, self._carry()))
        if not result.snapshots:
            result.snapshots.append((head, self._carry()))
        self._step(head, head + grid.slot_us, self._newest + 1, result.open)
        result.state, result.latest = self._state, dict(self._last)
        result.notices = self._twin.model.notices(self._state)
        return result

    def _step(self, low: int, high: int, end: int | None, into: Collected) -> None:
        """One call for [low, high), unless it holds no sample; `end` ends the span early (the open slot)."""
        grid = self._twin.grid
        extent = self._cursor.extent(high)
        if extent is None:
            return
        through = self._through if self._through is not None else grid.floor(extent[0])
        span = Span(through, end if end is not None else grid.after(extent[1]))
        data = self._cursor.take(span, high, self._twin.constants(low))
        state, outputs = self._twin.model.advance(self._state, data)
        collect(into, outputs, data.inputs, span, self._twin.manifest, self._last, grid.slot_us)
        self._state, self._through = state, span.end

    def _carry(self) -> Carry:
        state = self._state.model_dump(mode="json")
        return Carry(state=state, through=self._through, last=self._cursor.lasts(), outputs=dict(self._last))
