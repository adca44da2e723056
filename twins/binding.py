"""Which sensors and parameters of an asset feed which inputs of a model, and how they are converted."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from altergo_interface.config import InputMapping, ModelSettings, Settings
from altergo_interface.errors import UnitError
from altergo_interface.manifest import InputSpec, Manifest
from altergo_interface.parameters import SENSOR_OVERRIDES
from altergo_interface.sensors import SensorRule, is_pattern, matching, rule_for
from altergo_interface.units import Conversion, conversion, dimension


@dataclass(frozen=True, slots=True)
class ParameterFact:
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


@dataclass(frozen=True, slots=True)
class Binding:
    """A pair's inputs: series (one sensor), tables (several), and inputs that an asset parameter feeds.

    `groups` are the declared names that the tables' sensors were found by; `alternatives` the bound inputs among
    those of which the model needs one set or another; `assumed` what was taken for granted, one line each.
    """

    series: Mapping[str, SensorBinding]
    tables: Mapping[str, tuple[SensorBinding, ...]]
    constants: Mapping[str, str]
    groups: Mapping[str, str]
    alternatives: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def sensors(self) -> frozenset[str]:
        """All sensors that feed the pair."""
        single = {bound.sensor for bound in self.series.values()}
        return frozenset(single.union(*({b.sensor for b in group} for group in self.tables.values())))

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
    mapped = settings.inputs.get(name, InputMapping()).names
    return mapped or spec.default or (name,)


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
) -> Binding | Missing:
    """Resolve every input of a model for one asset.

    A series is fed by the first declared name that is a sensor of the asset, or a pattern of some; without one,
    and for a constant, by the first that is an asset parameter (in whatever case). A missing required input, or a
    SOC or SOH sensor without a declared unit, makes the whole pair Missing: that is no error.
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
            source, bound = _bind_sensors(name, spec, names, block, settings, sensors, overrides)
        except UnitError as error:
            return Missing(f"{name}: {error}")
        if bound and spec.type == "table":
            tables[name], groups[name] = bound, source
        elif bound:
            series[name] = bound[0]
        elif found is not None and spec.type != "table":
            constants[name] = found
    either = {name for group in manifest.one_of for name in group}
    alternatives = tuple(sorted(either & {*series, *tables, *constants}))
    assumed = tuple(_assumed(name, bound, manifest) for name, bound in series.items())
    binding = Binding(series, tables, constants, groups, alternatives, tuple(filter(None, assumed)))
    return _complete(manifest, block, binding)


def _assumed(name: str, bound: SensorBinding, manifest: Manifest) -> str:
    if manifest.inputs[name].current_sign is None or bound.declared.current_sign is not None:
        return ""
    return f"sensor '{bound.sensor}' declares no current_sign: taken as discharge_positive"


def _overrides(facts: Collection[ParameterFact]) -> dict[str, Any]:
    values = {name: value_at(facts, name, None) for name in SENSOR_OVERRIDES}
    return {name: value for name, value in values.items() if value is not None}


def _bind_sensors(
    name: str,
    spec: InputSpec,
    names: tuple[str, ...],
    block: ModelSettings,
    settings: Settings,
    sensors: Collection[str],
    overrides: Mapping[str, Any],
) -> tuple[str, tuple[SensorBinding, ...]]:
    """The first declared name that the asset has sensors for, and these."""
    for candidate in names if spec.is_series else ():
        found = matching(candidate, sensors) if is_pattern(candidate) else [candidate] * (candidate in sensors)
        if found:
            wanted = block.inputs.get(name, InputMapping())
            chosen = found if spec.type == "table" else found[:1]
            return candidate, tuple(_bind_one(sensor, spec, wanted, settings, overrides) for sensor in chosen)
    return "", ()


def _bind_one(
    sensor: str, spec: InputSpec, wanted: InputMapping, settings: Settings, overrides: Mapping[str, Any]
) -> SensorBinding:
    rule = rule_for(sensor, settings.sensors).model_copy(update=dict(overrides))
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
        if spec.required and name not in there:
            return Missing(f"{name} ({names([name])})")
    if manifest.one_of and not any(there.issuperset(group) for group in manifest.one_of):
        return Missing("one of: " + "; ".join(names(group) for group in manifest.one_of))
    return binding
