"""Planning: settings and registry applied to the facts of the catalog."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from actors.memory import uncollected
from actors.selection import Selection
from altergo_interface import SelectionError
from altergo_interface.config import ModelSettings, Settings
from altergo_interface.errors import did_you_mean
from altergo_interface.manifest import Continuity
from altergo_interface.models import ModelSpec, Registry, find_model
from altergo_interface.parameters import SENSOR_OVERRIDES
from event_store.facts import Facts, read_facts
from event_store.store import Store
from twins import AssetFacts, Binding, Fingerprint, Missing, Plan, PlanItem, Request, Skipped, bind, plan_asset
from twins.binding import value_at
from twins.graph import checked_order, fingerprints
from twins.grid import UTC_DAYS
from twins.planned import Blocked, PlannedModel


@dataclass(frozen=True, slots=True)
class Models:
    """The enabled models under the settings in force, each after those whose outputs it may take; `broken` are model
    folders that could not be loaded, one line each."""

    specs: Mapping[str, ModelSpec]
    fingerprints: Mapping[str, Fingerprint]
    broken: tuple[str, ...] = ()


def enabled_models(registry: Registry, settings: Settings) -> Models:
    """The models that the settings enable. Raises ManifestError or SettingsError for a wrong name, key or graph."""
    for name, block in settings.models.items():
        _check_block(find_model(registry, name), block.inputs, block.outputs, settings)
    names = settings.execution.enabled_models
    specs = {name: find_model(registry, name) for name in (tuple(registry) if names is None else names)}
    order = checked_order(specs, registry, settings)
    made = fingerprints(order, specs, settings, UTC_DAYS)
    return Models({name: specs[name] for name in order}, made, tuple(map(str, registry.broken)))


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


def plan_store(
    store: Store,
    registry: Registry,
    settings: Settings,
    selection: Selection,
    request: Request,
    upto: int | None = None,
) -> tuple[Plan, Facts, Models]:
    """The plan of a store, or with `upto` what it would have been at that sequence, and what it was made from."""
    models = enabled_models(registry, settings)
    own = any(block.compute_type for block in settings.models.values())
    made = {name: fingerprint.value for name, fingerprint in models.fingerprints.items()}
    settled_by = made if request.mode == "incremental" and not own else None
    with uncollected(), store.catalog.session("plan") as con:
        facts = read_facts(con, upto=upto, ladders=request.mode == "manual", settled_by=settled_by)
        return make_plan(facts, models, settings, selection, request), facts, models


def make_plan(facts: Facts, models: Models, settings: Settings, selection: Selection, request: Request) -> Plan:
    """Decide for every selected pair. Raises SelectionError for a selector that names no asset or model."""
    selection.check({*facts.assets, *facts.settled}, models.specs)
    binder = Binder(models, settings)
    planned = {
        name: PlannedModel(
            name,
            models.fingerprints[name],
            _asked(request, settings.models.get(name)),
            spec.continuity is Continuity.WHOLE_LOG,
        )
        for name, spec in models.specs.items()
        if selection.takes("model", name)
    }
    items: list[PlanItem] = []
    skipped: list[Skipped] = []
    blocked: list[Blocked] = []
    everything = not selection.parts
    for asset in facts.assets.values():
        if not everything and not selection.takes("asset", asset.asset_id):
            continue
        bindings = binder.bind(asset)
        bound = [(model, bindings[name]) for name, model in planned.items()]
        heads = facts.heads.get(asset.asset_id, {})
        some, without, waiting = plan_asset(asset, bound, heads)
        items += some if everything else [item for item in some if _takes(selection, item, heads)]
        skipped += without
        blocked += waiting
    notes = (*models.broken, *binder.assumed())
    return Plan(facts.seq, settings.source, tuple(items), tuple(skipped), notes, tuple(blocked), request)


def _asked(request: Request, block: ModelSettings | None) -> Request:
    """What is asked of one model: its own `compute_type` holds where none was asked for by name."""
    own = None if block is None else block.compute_type
    return request if own is None or request.named else replace(request, mode=own)


def _takes(selection: Selection, item: PlanItem, heads: Mapping[str, object]) -> bool:
    head = heads.get(item.model)
    status = getattr(head, "status", "new")
    return selection.takes("reason", item.reasons) and selection.takes("status", status)


Bindings = Mapping[str, Binding | Missing]


class Binder:
    """Bindings of all models, shared by assets with the same sensors and the same kinds of parameters."""

    def __init__(self, models: Models, settings: Settings) -> None:
        self._models = models
        self._settings = settings
        self._known: dict[object, Bindings] = {}

    def bind(self, asset: AssetFacts) -> Bindings:
        """The asset's bindings by model."""
        names = frozenset([fact.name for fact in asset.parameters])
        overridden = not names.isdisjoint(SENSOR_OVERRIDES)
        overrides = tuple(value_at(asset.parameters, n, None) for n in SENSOR_OVERRIDES) if overridden else ()
        key = (asset.sensors, names, overrides)
        if key not in self._known:
            self._known[key] = self._bind(asset)
        return self._known[key]

    def _bind(self, asset: AssetFacts) -> Bindings:
        found: dict[str, Binding | Missing] = {}
        for name, spec in self._models.specs.items():
            above = {n: self._models.specs[n].manifest for n, b in found.items() if isinstance(b, Binding)}
            found[name] = bind(name, spec.manifest, self._settings, asset.sensors, asset.parameters, above)
        return found

    def assumed(self) -> list[str]:
        """What the bindings took for granted, each once."""
        bindings = (found for known in self._known.values() for found in known.values())
        return sorted({line for found in bindings if isinstance(found, Binding) for line in found.assumed})
