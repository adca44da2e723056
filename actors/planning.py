"""Planning: settings and registry applied to the facts of the catalog."""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.selection import Selection
from altergo_interface import SelectionError, SettingsError
from altergo_interface.config import Settings
from altergo_interface.errors import did_you_mean
from altergo_interface.manifest import Continuity
from altergo_interface.models import ModelSpec, Registry, find_model
from altergo_interface.parameters import SENSOR_OVERRIDES
from event_store.facts import Facts
from twins import AssetFacts, Binding, Fingerprint, Missing, Plan, PlanItem, Skipped, bind, fingerprint, plan_asset
from twins.binding import value_at
from twins.grid import UTC_DAYS
from twins.plan import PlannedModel
from twins.replay import SPANNING


@dataclass(frozen=True, slots=True)
class Models:
    """The enabled models under the settings in force."""

    specs: Mapping[str, ModelSpec]
    fingerprints: Mapping[str, Fingerprint]


def enabled_models(registry: Registry, settings: Settings) -> Models:
    """The models that the settings enable. Raises ManifestError or SettingsError for a wrong name or key."""
    for name, block in settings.models.items():
        _check_block(find_model(registry, name), block.inputs, block.outputs, settings)
    names = settings.execution.enabled_models
    if names is None:
        names = tuple(name for name, spec in registry.items() if Continuity(spec.continuity) in SPANNING)
    specs = {name: find_model(registry, name) for name in names}
    return Models(specs, {name: fingerprint(spec, settings, UTC_DAYS) for name, spec in specs.items()})


def _check_block(
    spec: ModelSpec, inputs: Mapping[str, object], outputs: Mapping[str, str], settings: Settings
) -> None:
    for kind, given, known in (
        ("inputs", inputs, spec.manifest.inputs),
        ("outputs", outputs, spec.manifest.outputs),
    ):
        for name in given:
            if name not in known:
                where = f"{settings.source}: models.{spec.name}.{kind}"
                raise SelectionError(f"{where}: unknown name '{name}'", did_you_mean(name, known))


def make_plan(facts: Facts, models: Models, settings: Settings, selection: Selection, mode: str) -> Plan:
    """Decide for every selected pair. Raises SelectionError for a selector that names no asset or model."""
    selection.check(facts.assets, models.specs)
    if mode == "manual":
        raise SettingsError(f"{settings.source}: compute_type 'manual' is not known", "Use incremental or full")
    binder = _Binder(settings)
    planned = [
        (spec, PlannedModel(name, models.fingerprints[name]))
        for name, spec in models.specs.items()
        if selection.takes("model", name)
    ]
    items: list[PlanItem] = []
    skipped: list[Skipped] = []
    for asset in facts.assets.values():
        if not selection.takes("asset", asset.asset_id):
            continue
        bound = [(model, binder.bind(spec, asset)) for spec, model in planned]
        heads = facts.heads.get(asset.asset_id, {})
        some, without = plan_asset(asset, bound, heads, mode=mode)
        items += [item for item in some if _takes(selection, item, heads)]
        skipped += without
    return Plan(facts.seq, settings.source, tuple(items), tuple(skipped), (*_unused(settings), *binder.assumed()))


def _unused(settings: Settings) -> list[str]:
    """Settings that are read but have no effect yet: better said than silently ignored."""
    given = settings.execution.model_fields_set & {"max_days_period_compute", "debug_mode", "upload_output"}
    asked = sorted(name for name in given if getattr(settings.execution, name))
    return [f"{settings.source}: execution.{name} has no effect in this version" for name in asked]


def _takes(selection: Selection, item: PlanItem, heads: Mapping[str, object]) -> bool:
    head = heads.get(item.model)
    status = getattr(head, "status", "new")
    return selection.takes("reason", item.reasons) and selection.takes("status", status)


class _Binder:
    """Bindings, shared by assets with the same sensors and the same kinds of parameters."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[object, Binding | Missing] = {}

    def bind(self, spec: ModelSpec, asset: AssetFacts) -> Binding | Missing:
        names = frozenset(fact.name for fact in asset.parameters)
        overrides = tuple(value_at(asset.parameters, name, None) for name in SENSOR_OVERRIDES)
        key = (spec.name, asset.sensors, names, overrides)
        if key not in self._known:
            self._known[key] = bind(spec.name, spec.manifest, self._settings, asset.sensors, asset.parameters)
        return self._known[key]

    def assumed(self) -> list[str]:
        """What the bindings took for granted, each once."""
        return sorted(
            {line for found in self._known.values() if isinstance(found, Binding) for line in found.assumed}
        )
