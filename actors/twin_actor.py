"""The twin actor: one asset's private state; loads its events, replays its pairs, hands over what to persist.

There is no Ray in it: hosted, in a process of its own, or called directly, it is the same class.
"""

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from actors.work import AssetWork, PairWork
from altergo_interface import ModelError
from altergo_interface.config import ModelSettings, Settings
from altergo_interface.models import ModelSpec, Registry
from twins import AssetSeries, Carry, Missing, Replay, Twin, bind, replay


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """A pair's replay, or the error that parks it."""

    work: PairWork
    seconds: float
    choices: Mapping[str, str]
    result: Replay | None = None
    error: str = ""


def build_twin(spec: ModelSpec, settings: Settings, work: AssetWork) -> Twin:
    """The pair of an asset and a model, ready to replay. Raises ModelError where an input is missing."""
    binding = bind(spec.name, spec.manifest, settings, work.sensors, work.parameters)
    if isinstance(binding, Missing):
        raise ModelError(f"input missing: {binding.what}")
    block = settings.models.get(spec.name, ModelSettings())
    config = spec.manifest.effective_configuration(block.configuration, f"models.{spec.name}")
    return Twin(spec.create(config), spec.manifest, binding, work.parameters, spec.continuity)


class TwinActor:
    """The digital twin of one asset."""

    def __init__(self, work: AssetWork, registry: Registry, settings: Settings) -> None:
        self._work = work
        self._registry = registry
        self._settings = settings
        self._series: AssetSeries | None = None

    def load(self, series: AssetSeries) -> None:
        """Take the asset's events from its earliest start on."""
        self._series = series

    def replay(self) -> list[PairOutcome]:
        """Replay every pair of the work order; an error parks its pair and leaves the others alone."""
        return [self._replay_pair(pair) for pair in self._work.pairs]

    def _replay_pair(self, pair: PairWork) -> PairOutcome:
        began = time.perf_counter()
        choices: Mapping[str, str] = {}
        try:
            twin = build_twin(self._registry[pair.model], self._settings, self._work)
            choices = twin.binding.choices()
            result = self._fold(twin, pair)
        except Exception as error:  # whatever a model raises must not reach its neighbours
            return PairOutcome(pair, time.perf_counter() - began, choices, error=_describe(error))
        return PairOutcome(pair, time.perf_counter() - began, choices, result)

    def _fold(self, twin: Twin, pair: PairWork) -> Replay:
        if self._series is None:
            raise ModelError("no events are loaded")
        if pair.start is not None and pair.carry is None:
            raise ModelError(f"the snapshot at {pair.start} µs is missing", "Run with --compute-type full")
        carry = Carry.from_json(pair.carry) if pair.carry is not None else twin.genesis()
        return replay(twin, carry, pair.start, self._series.since(pair.start))


def _describe(error: Exception) -> str:
    """The error and where it was raised, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}".replace("\n", " ")
