"""The twin actor: one asset's private state; loads its events, replays its pairs, hands over what to persist.

There is no Ray in it: hosted, in a process of its own, or called directly, it is the same class.
"""

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from actors.work import AssetWork, Note, PairWork, no_note
from altergo_interface import ModelError
from altergo_interface.config import ModelSettings, Settings
from altergo_interface.models import ModelSpec, Registry
from twins import AssetSeries, Carry, Column, Missing, Order, Replay, Restated, Twin, bind, restate
from twins.outputs import split

DAY_US = 86_400_000_000
PARKED, BLOCKED, GONE, OK = "parked", "blocked", "gone", "ok"


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """A pair's replay (`ok`), the error that parks it, the parked model that blocks it, or `gone`: nothing is left
    of the asset's log, and so nothing of the pair."""

    work: PairWork
    status: str
    seconds: float = 0.0
    choices: Mapping[str, str] | None = None
    result: Restated | None = None
    error: str = ""

    @property
    def replayed(self) -> Replay | None:
        """What the replay gave."""
        return None if self.result is None else self.result.result


def build_twin(spec: ModelSpec, settings: Settings, work: AssetWork, above: Mapping[str, ModelSpec]) -> Twin:
    """The pair of an asset and a model, ready to replay; `above` are the models that feed it.

    Raises ModelError where an input is missing.
    """
    upstream = {name: model.manifest for name, model in above.items()}
    binding = bind(spec.name, spec.manifest, settings, work.sensors, work.parameters, upstream)
    if isinstance(binding, Missing):
        raise ModelError(f"input missing: {binding.what}")
    block = settings.models.get(spec.name, ModelSettings())
    config = spec.manifest.effective_configuration(block.configuration, f"models.{spec.name}")
    model, added = spec.create(config), settings.chemistries
    return Twin(model, spec.manifest, binding, work.parameters, spec.continuity, chemistries=added)


class TwinActor:
    """The digital twin of one asset."""

    def __init__(self, work: AssetWork, registry: Registry, settings: Settings) -> None:
        self._work = work
        self._registry = registry
        self._settings = settings
        self._series: AssetSeries | None = None
        self._fed: dict[str, PairOutcome] = {}

    def load(self, series: AssetSeries | None) -> None:
        """Take the asset's events from its earliest start on; None: it has none."""
        self._series = series

    def replay(self, note: Note = no_note) -> list[PairOutcome]:
        """Replay every pair of the work order, each noted before; an error parks its pair and leaves the others
        alone."""
        outcomes = []
        for pair in self._work.pairs:
            note(self._work.asset_id, pair.model)
            outcomes.append(self._replay_pair(pair))
        return [outcome for outcome in outcomes if outcome.work.kept]

    def _replay_pair(self, pair: PairWork) -> PairOutcome:
        began = time.perf_counter()
        choices: Mapping[str, str] | None = None
        by = self._blocked_by(pair)
        if by is not None:
            return self._feed(PairOutcome(pair, BLOCKED, error=f"waits for '{by}', which is parked"))
        if self._series is None:
            if pair.start is None:
                return PairOutcome(pair, GONE)
            return self._feed(PairOutcome(pair, PARKED, error="no events are left from its snapshot on: run again"))
        try:
            above = {name: self._registry[name] for name in pair.above}
            twin = build_twin(self._registry[pair.model], self._settings, self._work, above)
            choices = twin.binding.choices
            result = self._fold(twin, pair, self._series)
        except Exception as error:  # whatever a model raises must not reach its neighbours
            seconds = time.perf_counter() - began
            return self._feed(PairOutcome(pair, PARKED, seconds, choices, error=_describe(error)))
        return self._feed(PairOutcome(pair, OK, time.perf_counter() - began, choices, result))

    def _blocked_by(self, pair: PairWork) -> str | None:
        if pair.blocked_by is not None:
            return pair.blocked_by
        return next((name for name in pair.above if name in self._fed and self._fed[name].result is None), None)

    def _feed(self, outcome: PairOutcome) -> PairOutcome:
        """Keep an outcome for the models below. Where a model was replayed only to feed them, that one holds."""
        known = self._fed.get(outcome.work.model)
        if known is None or known.work.kept:
            self._fed[outcome.work.model] = outcome
        return outcome

    def _fold(self, twin: Twin, pair: PairWork, series: AssetSeries) -> Restated:
        carry = Carry.from_json(pair.carry) if pair.carry is not None else None
        tail = None if pair.tail is None or pair.head is None else (pair.head, Carry.from_json(pair.tail))
        slots = None if pair.days is None else max(1, int(pair.days * DAY_US // twin.grid.slot_us))
        order = Order(pair.start, carry, dict(pair.checks), tail, self._stop(pair), slots)
        return restate(twin, order, series.with_columns(self._columns(pair)))

    def _stop(self, pair: PairWork) -> int | None:
        """The edge before which to stop: that of the order, or of a model above that has stopped itself."""
        above = (self._fed[name].replayed for name in pair.above)
        heads = [found.head for found in above if found is not None and not found.complete]
        return min((stop for stop in (pair.stop, *heads) if stop is not None), default=None)

    def _columns(self, pair: PairWork) -> dict[str, Column]:
        """The outputs of the models above, as series called `model:output`; a label is no sample."""
        found: dict[str, Column] = {}
        for name in pair.above:
            result = self._fed[name].replayed
            rows = {} if result is None else result.closed.followed_by(result.open).columns()
            found |= {f"{name}:{output}": (t, split(x)[0]) for output, (t, x) in rows.items()}
        return found


def _describe(error: Exception) -> str:
    """The error and where it was raised, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}".replace("\n", " ")
