"""The plan: which pairs must run, from where, and why. Pure: facts in, decisions out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from altergo_interface.parameters import SENSOR_OVERRIDES
from twins.binding import Binding, Missing, ParameterFact
from twins.fingerprint import Fingerprint

FROM_GENESIS = frozenset({"new_asset", "late_events", "code_changed", "config_changed", "parameters_changed", "full"})
"""Reasons that make a pair start again from its first event."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one ingest batch brought to an asset: rows that changed the log, and the earliest of them (µs UTC)."""

    seq: int
    changed: int
    changed_from: int | None
    last_ts: int


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """What the log knows of an asset at the plan's sequence."""

    asset_id: str
    bucket: int
    sensors: frozenset[str]
    parameters: tuple[ParameterFact, ...]
    arrivals: tuple[Arrival, ...]
    first_ts: int | None
    last_ts: int | None
    events: int


@dataclass(frozen=True, slots=True)
class Head:
    """How far a pair has come: its head (µs UTC; None before the first closed slot), the sequence it had seen, and
    what it was computed with. `fingerprint` is that of the last good state (None: there is none), `tried` and
    `tried_seq` that of the last attempt."""

    model: str
    head: int | None
    seq: int
    version: int
    status: str
    fingerprint: Fingerprint | None
    tried: Fingerprint
    tried_seq: int
    choices: Mapping[str, str]
    tried_choices: Mapping[str, str]
    open_events: int


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One pair to run. `start` None means from genesis; otherwise the snapshot at that edge (µs UTC)."""

    asset_id: str
    model: str
    bucket: int
    reasons: tuple[str, ...]
    start: int | None
    first_ts: int
    last_ts: int
    events: int
    version: int
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Skipped:
    """A pair that cannot run because the asset lacks what the model needs: no error."""

    asset_id: str
    model: str
    missing: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that would run at log sequence `seq` under the settings of `source`."""

    seq: int
    settings: str
    items: tuple[PlanItem, ...]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model under the settings in force."""

    name: str
    fingerprint: Fingerprint


def plan_asset(
    asset: AssetFacts,
    models: Sequence[tuple[PlannedModel, Binding | Missing]],
    heads: Mapping[str, Head],
    *,
    mode: str = "incremental",
) -> tuple[list[PlanItem], list[Skipped]]:
    """Decide for one asset: the pairs to run, and those that lack an input.

    `mode` is `incremental`, `full` (every pair from genesis) or `retry` (parked pairs alone).
    """
    items: list[PlanItem] = []
    skipped: list[Skipped] = []
    if asset.first_ts is None or asset.last_ts is None:
        return items, skipped
    for model, binding in models:
        if isinstance(binding, Missing):
            skipped.append(Skipped(asset.asset_id, model.name, binding.what))
            continue
        head = heads.get(model.name)
        reasons = _reasons(asset, model, binding, head, mode)
        if reasons:
            items.append(_item(asset, model, head, reasons))
    return items, skipped


def _reasons(
    asset: AssetFacts, model: PlannedModel, binding: Binding, head: Head | None, mode: str
) -> tuple[str, ...]:
    if head is None:
        return ("new_asset",) if mode != "retry" else ()
    if mode == "retry":
        return ("retry", *_changes(asset, model, binding, head)) if head.status == "parked" else ()
    if mode == "full":
        return ("full", *_changes(asset, model, binding, head))
    if head.status == "parked":
        # Parked until it is retried by name, or until what it was tried with has changed.
        return _made_with(asset, model, binding, head.tried, head.tried_seq, head.tried_choices)
    return _changes(asset, model, binding, head)


def _changes(asset: AssetFacts, model: PlannedModel, binding: Binding, head: Head) -> tuple[str, ...]:
    """What differs from the pair's last good state."""
    new = [a for a in asset.arrivals if a.seq > head.seq and a.changed_from is not None]
    edge = head.head
    arrived = {
        "new_events": any(edge is None or a.last_ts >= edge for a in new),
        "late_events": any(edge is not None and a.changed_from is not None and a.changed_from < edge for a in new),
    }
    reasons = tuple(reason for reason, holds in arrived.items() if holds)
    if head.fingerprint is None:
        return reasons
    return reasons + _made_with(asset, model, binding, head.fingerprint, head.seq, head.choices)


def _made_with(
    asset: AssetFacts, model: PlannedModel, binding: Binding, made: Fingerprint, seq: int, choices: Mapping[str, str]
) -> tuple[str, ...]:
    """What differs from the code, settings and parameters that a pair was computed or tried with."""
    checks = {
        "code_changed": made.code != model.fingerprint.code,
        "config_changed": made.config != model.fingerprint.config or _switched(binding.choices(), choices),
        "parameters_changed": _parameters_changed(asset.parameters, binding, seq),
    }
    return tuple(reason for reason, holds in checks.items() if holds)


def _switched(now: Mapping[str, str], before: Mapping[str, str]) -> bool:
    """Whether an input that was fed by one name is now fed by another; a first feed is no switch."""
    return any(name in now and now[name] != source for name, source in before.items())


def _parameters_changed(facts: Collection[ParameterFact], binding: Binding, seq: int) -> bool:
    names = {*binding.constants.values(), *SENSOR_OVERRIDES}
    return any(fact.seq > seq and fact.name in names for fact in facts)


def _item(asset: AssetFacts, model: PlannedModel, head: Head | None, reasons: tuple[str, ...]) -> PlanItem:
    assert asset.first_ts is not None
    assert asset.last_ts is not None
    fresh = head is None or head.head is None or bool(FROM_GENESIS.intersection(reasons))
    start = None if fresh or head is None else head.head
    events = asset.events
    if start is not None and head is not None:
        events = head.open_events + sum(a.changed for a in asset.arrivals if a.seq > head.seq)
    version = head.version if head is not None else 0
    return PlanItem(
        asset.asset_id,
        model.name,
        asset.bucket,
        reasons,
        start,
        asset.first_ts if start is None else start,
        asset.last_ts,
        events,
        version,
        model.fingerprint,
    )
