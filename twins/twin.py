"""A twin of one pair, ready to replay: the model, what feeds it, and the constants that it takes."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from altergo_interface.base_model import Model
from altergo_interface.chemistries import Chemistry, resolved
from altergo_interface.data import Input, Labels, Samples
from altergo_interface.errors import ModelError
from altergo_interface.manifest import Continuity, Manifest
from twins.binding import Binding, ParameterFact, value_at
from twins.carry import Carry, Given
from twins.grid import UTC_DAYS, Grid


@dataclass(frozen=True, slots=True)
class Twin:
    """One pair, ready to replay: the model, its manifest, what of the asset feeds it, and declared chemistries."""

    model: Model
    manifest: Manifest
    binding: Binding
    parameters: Collection[ParameterFact]
    continuity: Continuity
    grid: Grid = UTC_DAYS
    chemistries: Mapping[str, Chemistry] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether the model implements `process` alone."""
        return type(self.model).advance is Model.advance

    def genesis(self) -> Carry:
        """The carry before the first event."""
        return Carry(state=self.model.initial().model_dump(mode="json"))

    def constants(self, t: int, outputs: Mapping[str, Given]) -> dict[str, Input]:
        """What the model takes beside series in the slot of `t`: asset parameters as they hold there (see `cuts`),
        and as seeds the last values of its own outputs."""
        last = self.grid.after(t) - 1
        values = {name: value_at(self.parameters, source, last) for name, source in self.binding.constants.items()}
        for name, value in values.items():
            spec = self.manifest.inputs[name]
            if value is None and spec.required and spec.fallback is None:
                what = f"parameter '{self.binding.constants[name]}' has no value before its first valid_from"
                raise ModelError(what, "Import one without valid_from")
        known = resolved({n: v for n, v in values.items() if v is not None}, self.chemistries, self.manifest.inputs)
        found = {name: _typed(name, value, self.manifest) for name, value in known.items()}
        return self._fallbacks() | found | self._seeds(outputs)

    def _fallbacks(self) -> dict[str, Input]:
        fed = (self.binding.series, self.binding.tables)
        given = {n: spec.fallback for n, spec in self.manifest.inputs.items() if spec.fallback is not None}
        return {n: _typed(n, value, self.manifest) for n, value in given.items() if not any(n in by for by in fed)}

    def _seeds(self, outputs: Mapping[str, Given]) -> dict[str, Input]:
        seeds: dict[str, Input] = {}
        for name, spec in self.manifest.inputs.items():
            sample = outputs.get(spec.initialisation_value or "")
            if sample is not None:
                seeds[name] = _series_of(*sample) if spec.type == "pd.Series" else sample[1]
        return seeds

    def cuts(self) -> tuple[int, ...]:
        """Slot edges at which a parameter takes effect: the start of the slot that holds its `valid_from`."""
        names = set(self.binding.constants.values())
        dated = (f.valid_from for f in self.parameters if f.name in names and f.valid_from is not None)
        return tuple(sorted({self.grid.floor(t) for t in dated}))


def _series_of(t: int, x: float | str) -> Samples | Labels:
    """One lead-in."""
    if isinstance(x, str):
        return Labels(np.array([t]), np.array([x], dtype=object), lead=1)
    return Samples(np.array([t]), np.array([x]), lead=1)


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
        if wanted in ("float", "str"):
            return float(value) if wanted == "float" else str(value)
        return dict(json.loads(value) if isinstance(value, str) else value)
    except (TypeError, ValueError):
        raise ModelError(f"parameter '{name}' is {value!r}, not a {wanted}") from None
