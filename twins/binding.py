"""Which sensors and parameters of an asset feed which inputs of a model, and how they are converted."""

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from altergo_interface.config import InputMapping, ModelSettings, Settings
from altergo_interface.errors import UnitError
from altergo_interface.manifest import GROUPS, InputSpec, Manifest
from altergo_interface.parameters import SENSOR_OVERRIDES
from altergo_interface.sensors import SensorRule, is_pattern, matching, rule_for
from altergo_interface.units import Conversion, conversion, dimension, is_unit

_UNMAPPED = InputMapping()


class ParameterFact(NamedTuple):
    """A parameter's value from `valid_from` on (µs UTC; None: always), known since sequence `seq`."""

    name: str
    value: Any
    valid_from: int | None
    seq: int


@dataclass(frozen=True, slots=True)
class SensorBinding:
    """One sensor that feeds an input: how to convert its values, and which of them are valid.

    `valid_range` is closed and in the sensor's own unit, `bounds` is closed and in the model's. `declared` is what
    the model sees of the declaration, in its own unit.
    """

    sensor: str
    valid_range: tuple[float, float] | None
    declared: SensorRule
    convert: Conversion
    bounds: tuple[float | None, float | None] | None


@dataclass(frozen=True)
class Binding:
    """A pair's inputs: series (one sensor), tables (several), and inputs that an asset parameter feeds.

    `raw` are those of the tables whose sensors come one by one, as they were delivered.
    `groups` are the declared names that the tables' sensors were found by; `upstream` the models whose outputs are
    among the series (these are named `model:output`); `alternatives` the bound inputs among those of which the model
    needs one set or another; `assumed` what was taken for granted, one line each.
    """

    series: Mapping[str, SensorBinding]
    tables: Mapping[str, tuple[SensorBinding, ...]]
    constants: Mapping[str, str]
    groups: Mapping[str, str]
    upstream: frozenset[str] = frozenset()
    alternatives: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    raw: frozenset[str] = frozenset()

    @property
    def sensors(self) -> frozenset[str]:
        """All sensors that feed the pair."""
        single = {bound.sensor for bound in self.series.values()}
        return frozenset(single.union(*({b.sensor for b in group} for group in self.tables.values())))

    @cached_property
    def choices(self) -> dict[str, str]:
        """Input to the one name that was chosen for it, and the alternatives that a model had to choose from.

        Where any of these switches, the history must be replayed: a run that cut it could not have known.
        """
        single = {name: bound.sensor for name, bound in self.series.items()}
        parameters = {name: f"parameter {source}" for name, source in self.constants.items()}
        return single | dict(self.groups) | parameters | {"one_of": " ".join(self.alternatives)}


@dataclass(frozen=True, slots=True)
class Missing:
    """Why an asset cannot feed a model, one line."""

    what: str


def declared_names(name: str, spec: InputSpec, settings: ModelSettings) -> tuple[str, ...]:
    """What an input is mapped to: the settings' names, else the manifest's, else its logical name."""
    mapped = settings.inputs.get(name, _UNMAPPED).names
    return mapped or spec.default or (name,)


def upstream_of(name: str, models: Container[str]) -> tuple[str, str] | None:
    """(model, output) where a declared name stands for the output of one of these models; else None."""
    model, colon, output = name.partition(":")
    return (model, output) if colon and output and model in models else None


def value_at(facts: Iterable[ParameterFact], name: str, t: int | None) -> Any:
    """A parameter's value at time `t` (None: where nothing has changed it yet); None where it has none.

    The latest `valid_from` at or before `t` wins, then the latest sequence.
    """
    best: tuple[tuple[int, int, int], Any] | None = None
    for fact in facts:
        if fact.name != name or (fact.valid_from is not None and (t is None or fact.valid_from > t)):
            continue
        rank = (fact.valid_from is not None, fact.valid_from or 0, fact.seq)
        if best is None or rank > best[0]:
            best = (rank, fact.value)
    return None if best is None else best[1]


def bind(
    model: str,
    manifest: Manifest,
    settings: Settings,
    sensors: Collection[str],
    facts: Collection[ParameterFact],
    upstream: Mapping[str, Manifest] | None = None,
) -> Binding | Missing:
    """Resolve every input of a model for one asset.

    A series is fed by the first declared name that is a sensor of the asset, a pattern of some, or the output of a
    model in `upstream` (those that the asset can feed); without one, and for a constant, by the first that is an
    asset parameter (in whatever case). A missing required input, or a SOC or SOH sensor without a declared unit,
    makes the whole pair Missing: that is no error.
    """
    block = settings.models.get(model, ModelSettings())
    overrides = _overrides(facts)
    parameters = {fact.name.lower(): fact.name for fact in facts}
    series: dict[str, SensorBinding] = {}
    tables: dict[str, tuple[SensorBinding, ...]] = {}
    constants: dict[str, str] = {}
    groups: dict[str, str] = {}
    for name, spec in manifest.inputs.items():
        names = declared_names(name, spec, block)
        found = next((parameters[known.lower()] for known in names if known.lower() in parameters), None)
        try:
            source, bound = _bind_series(name, spec, names, settings, block, sensors, overrides, upstream or {})
        except UnitError as error:
            return Missing(f"{name}: {error}")
        if bound and spec.type in GROUPS:
            tables[name], groups[name] = bound, source
        elif bound:
            series[name] = bound[0]
        elif found is not None and spec.type not in GROUPS:
            constants[name] = found
    either = {name for group in manifest.one_of for name in group}
    alternatives = tuple(sorted(either & {*series, *tables, *constants}))
    assumed = tuple(_assumed(name, bound, manifest) for name, bound in series.items())
    above = (upstream_of(bound.sensor, upstream or {}) for bound in series.values() if bound.sensor not in sensors)
    models = frozenset(found[0] for found in above if found is not None)
    raw = frozenset(name for name in tables if manifest.inputs[name].type == "sensors")
    lines = tuple(filter(None, assumed))
    binding = Binding(series, tables, constants, groups, models, alternatives, lines, raw)
    return _complete(manifest, block, binding)


def _assumed(name: str, bound: SensorBinding, manifest: Manifest) -> str:
    if manifest.inputs[name].current_sign is None or bound.declared.current_sign is not None:
        return ""
    return f"sensor '{bound.sensor}' declares no current_sign: taken as discharge_positive"


def _overrides(facts: Collection[ParameterFact]) -> dict[str, Any]:
    values = {name: value_at(facts, name, None) for name in SENSOR_OVERRIDES}
    return {name: value for name, value in values.items() if value is not None}


def _bind_series(
    name: str,
    spec: InputSpec,
    names: tuple[str, ...],
    settings: Settings,
    block: ModelSettings,
    sensors: Collection[str],
    overrides: Mapping[str, Any],
    upstream: Mapping[str, Manifest],
) -> tuple[str, tuple[SensorBinding, ...]]:
    """The first declared name that the asset has sensors for or that a model gives, and what feeds from there."""
    wanted = block.inputs.get(name, _UNMAPPED)
    for candidate in names if spec.is_series else ():
        found = matching(candidate, sensors) if is_pattern(candidate) else [candidate] * (candidate in sensors)
        if found:
            chosen = found if spec.type in GROUPS else found[:1]
            rules = {s: rule_for(s, settings.sensors) for s in chosen}
            if overrides:
                rules = {s: rule.model_copy(update=dict(overrides)) for s, rule in rules.items()}
            return candidate, tuple(_bind_one(sensor, rule, spec, wanted) for sensor, rule in rules.items())
        above = upstream_of(candidate, upstream)
        if above is not None:
            output = upstream[above[0]].output(above[1])
            unit = None if output is None else output.unit
            rule = SensorRule(unit=unit if unit is not None and is_unit(unit) else None)
            return candidate, (_bind_one(candidate, rule, spec, wanted),)
    return "", ()


def _bind_one(sensor: str, rule: SensorRule, spec: InputSpec, wanted: InputMapping) -> SensorBinding:
    if spec.type == "sensors":
        return SensorBinding(sensor, None, rule, Conversion(), None)
    unit = wanted.unit or spec.unit
    if rule.unit is None and unit is not None and dimension(unit) == "ratio":
        raise UnitError(f"sensor '{sensor}' has no declared unit", "Declare % or fraction under 'sensors'")
    sign = wanted.current_sign or spec.current_sign
    flip = sign is not None and (rule.current_sign or "discharge_positive") != sign
    convert = conversion(rule.unit, unit, flip=flip)
    resolution = None if rule.resolution is None else rule.resolution * abs(convert.numerator) / convert.denominator
    declared = rule.model_copy(update={"unit": unit or rule.unit, "resolution": resolution, "valid_range": None})
    return SensorBinding(sensor, rule.valid_range, declared, convert, spec.valid_range)


def _complete(manifest: Manifest, block: ModelSettings, binding: Binding) -> Binding | Missing:
    there = {*binding.series, *binding.tables, *binding.constants}

    def names(inputs: Iterable[str]) -> str:
        listed = (" or ".join(declared_names(name, manifest.inputs[name], block)) for name in inputs)
        return " and ".join(listed)

    for name, spec in manifest.inputs.items():
        if spec.required and name not in there and spec.initialisation_value is None and spec.fallback is None:
            return Missing(f"{name} ({names([name])})")
    if manifest.one_of and not any(there.issuperset(group) for group in manifest.one_of):
        return Missing("one of: " + "; ".join(names(group) for group in manifest.one_of))
    return binding
