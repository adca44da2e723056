"""A model under check: its twin over synthetic sensors and constants, and what a replay of its history tells."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from altergo_interface.base_model import Model
from altergo_interface.config import InputMapping, ModelSettings, Settings
from altergo_interface.manifest import GROUPS, InputSpec, Manifest
from altergo_interface.models import ModelSpec
from altergo_interface.sensors import SensorRule
from altergo_interface.units import is_unit
from twins.binding import Missing, ParameterFact, bind
from twins.checks.histories import Events, sensors_of, synthetic
from twins.checks.result import Broken
from twins.checks.telling import Told, in_runs
from twins.twin import Twin

CADENCE_S = 120.0
_BY_NAME: Mapping[str, Any] = {
    "capacity": 50.0,
    "chemistry": "NMC",
    "cells_in_series": 96,
    "ocv_table": {"soc": [0.0, 0.5, 1.0], "ocv": [3.1, 3.6, 4.1]},
}
_BY_TYPE: Mapping[str, Any] = {"float": 1.0, "str": "x", "dict": {}}


def example(name: str, spec: InputSpec) -> Any:
    """The value of a constant: the manifest's `example`, else a usual one by name, else one by type."""
    return spec.example if spec.example is not None else _BY_NAME.get(name.lower(), _BY_TYPE[spec.type])


def constants_of(manifest: Manifest) -> dict[str, Any]:
    """The asset parameters that a manifest asks for, with their values."""
    asked = {n: s for n, s in manifest.inputs.items() if not s.is_series and s.initialisation_value is None}
    return {name: example(name, spec) for name, spec in asked.items()}


@dataclass(frozen=True)
class Subject:
    """A model under check, fed by all of its inputs but `without`."""

    spec: ModelSpec
    without: frozenset[str] = frozenset()

    @property
    def inputs(self) -> dict[str, tuple[str, ...]]:
        """Its inputs that sensors feed, with the names of these."""
        return {name: group for name, group in sensors_of(self.spec.manifest).items() if name not in self.without}

    @cached_property
    def variants(self) -> tuple["Subject", ...]:
        """The same model fed by one group of its `one_of` alone, for each of them."""
        groups = self.spec.manifest.one_of
        every = frozenset(name for group in groups for name in group)
        return tuple(Subject(self.spec, every.difference(group)) for group in groups)

    @cached_property
    def events(self) -> Events:
        """Its history: uneven samples with pauses, a silent day and invalid values."""
        return self._synthetic(faults=True)

    @cached_property
    def unbroken(self) -> Events:
        """The same battery without any fault of its telemetry."""
        return self._synthetic(faults=False)

    @cached_property
    def whole(self) -> Told:
        """What one replay of `events` tells."""
        return in_runs(self.twin, self.events)

    def _synthetic(self, *, faults: bool) -> Events:
        if not sensors_of(self.spec.manifest):
            raise Broken("no input is fed by a sensor: nothing would ever call the model")
        return synthetic(self.spec.manifest, constants_of(self.spec.manifest), faults=faults)

    def model(self) -> Model:
        """A fresh instance with the manifest's default configuration."""
        return self.spec.create(self.spec.manifest.effective_configuration({}, self.spec.name))

    def twin(
        self, model: Model | None = None, manifest: Manifest | None = None, without: Collection[str] = ()
    ) -> Twin:
        """The pair as the engine binds it, with a fresh instance, further inputs left out.

        Raises Broken where the engine could not feed it.
        """
        found = self.bound(model, manifest or self.spec.manifest, without)
        if isinstance(found, Missing):
            raise Broken(f"its inputs cannot be bound: {found.what}")
        return found

    def bound(self, model: Model | None, manifest: Manifest, without: Collection[str]) -> Twin | Missing:
        """The pair, or why the engine cannot feed it."""
        without = self.without.union(without)
        sensors = {name: group for name, group in sensors_of(manifest).items() if name not in without}
        constants = {name: value for name, value in constants_of(manifest).items() if name not in without}
        facts = tuple(ParameterFact(name, value, None, 1) for name, value in constants.items())
        names = [sensor for group in sensors.values() for sensor in group]
        binding = bind(self.spec.name, manifest, _settings(self.spec.name, manifest), names, facts)
        if isinstance(binding, Missing):
            return binding
        return Twin(model or self.model(), manifest, binding, facts, self.spec.continuity)


def _settings(name: str, manifest: Manifest) -> Settings:
    """Each input is mapped to the synthetic sensor of its name, which speaks the model's own unit."""
    rules, inputs = {}, {}
    for logical, spec in manifest.inputs.items():
        mapped = f"{logical}_#" if spec.type in GROUPS else logical
        inputs[logical] = InputMapping(names=(mapped,))
        unit = spec.unit if spec.unit is not None and is_unit(spec.unit) else None
        rules[mapped] = SensorRule(unit=unit, cadence_s=CADENCE_S, current_sign=spec.current_sign)
    return Settings(sensors=rules, models={name: ModelSettings(inputs=inputs)})
