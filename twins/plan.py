"""The plan: which pairs must run, from where, and why. Pure: facts in, decisions out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from twins.binding import Binding, Missing
from twins.changes import FOREVER, GENESIS, Change, changes, made_with
from twins.facts import AssetFacts, Head, Rung
from twins.fingerprint import Fingerprint
from twins.grid import UTC_DAYS, Grid

REASONS = (
    *("retry", "full", "manual", "new_asset", "new_events", "late_events"),
    *("code_changed", "table_changed", "config_changed", "parameters_changed", "upstream_changed"),
)
"""In the order in which a plan names them."""

EVENTS = frozenset({"new_asset", "new_events", "late_events"})
"""Reasons that all pairs of an asset share."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    `mode` is `incremental`, `full` (from genesis), `retry` (parked pairs alone) or `manual` (the slots of
    [since, until), µs UTC); `named`: it was asked for by name, and no model's own setting overrides it. `days` is how
    much event time a pair may replay; what is left waits.
    """

    mode: str = "incremental"
    since: int | None = None
    until: int | None = None
    days: float | None = None
    named: bool = False


class PlanItem(NamedTuple):
    """One pair to run.

    Attributes:
        start: the edge of the snapshot to begin at (µs UTC); None: from genesis.
        head: the pair's head as planned (µs UTC); None: it has none.
        checks: edges and hashes of stored carries: meeting one of them ends the replay before `head`.
        stop: the edge at which a manual range ends; None: no end.
        events: how many events will be replayed, estimated where the replay may end early.
        first_ts, last_ts: the event time from `start` to the newest event.
        version: the head's version that this was planned from.
        through: where the last visited slot before `start` ended (µs UTC): new rows may be stamped from there on.
        above: the models whose outputs it takes.
    """

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
    head: int | None = None
    checks: tuple[tuple[int, str], ...] = ()
    stop: int | None = None
    through: int | None = None
    above: tuple[str, ...] = ()


class Skipped(NamedTuple):
    """A pair that cannot run because the asset lacks what the model needs: no error."""

    asset_id: str
    model: str
    missing: str


class Blocked(NamedTuple):
    """A pair that waits for a parked one whose output it takes."""

    asset_id: str
    model: str
    by: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that would run at log sequence `seq` under the settings of `source`."""

    seq: int
    settings: str
    items: tuple[PlanItem, ...]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    request: Request = Request()


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model under the settings in force, and what is asked of it. `whole`: it is always replayed from genesis."""

    name: str
    fingerprint: Fingerprint
    request: Request = Request()
    whole: bool = False


Bound = Sequence[tuple[PlannedModel, Binding | Missing]]


def plan_asset(
    asset: AssetFacts, models: Bound, heads: Mapping[str, Head], grid: Grid = UTC_DAYS
) -> tuple[list[PlanItem], list[Skipped], list[Blocked]]:
    """Decide for one asset: the pairs to run, those that lack an input, and those that wait for a parked one.

    The models are given in the order of their graph.
    """
    items: dict[str, PlanItem] = {}
    skipped: list[Skipped] = []
    blocked: list[Blocked] = []
    for model, binding in models:
        head = heads.get(model.name)
        if isinstance(binding, Missing):
            if asset.events:
                skipped.append(Skipped(asset.asset_id, model.name, binding.what))
            continue
        if head is None and not asset.events:
            continue
        by = next((above for above in sorted(binding.upstream) if _waits(heads.get(above), items.get(above))), None)
        if by is not None and model.request.mode != "retry":
            if head is None or head.status == "ok":
                blocked.append(Blocked(asset.asset_id, model.name, by))
            continue
        found = _wanted(asset, model, binding, head, heads, items)
        if found:
            above = [items[name] for name in binding.upstream if name in items]
            item = _item(asset, model, head, found, above, grid)
            items[model.name] = item._replace(above=tuple(sorted(binding.upstream)))
            # Who feeds others goes on to the end: what it would leave out is what they need.
            items |= {name: items[name]._replace(checks=()) for name in binding.upstream if name in items}
    return list(items.values()), skipped, blocked


def _waits(above: Head | None, planned: PlanItem | None) -> bool:
    return above is not None and above.status in ("parked", "blocked") and planned is None


def _wanted(
    asset: AssetFacts,
    model: PlannedModel,
    binding: Binding,
    head: Head | None,
    heads: Mapping[str, Head],
    items: Mapping[str, PlanItem],
) -> list[Change]:
    """The changes for which a pair runs now; none: it does not."""
    mode = model.request.mode
    if head is None:
        return [] if mode == "retry" else [Change("new_asset", GENESIS)]
    if mode == "retry" and head.status != "parked":
        return []
    if mode == "incremental" and head.status == "parked":
        # Parked until it is retried by name, or until what it was tried with has changed.
        tried = [*made_with(asset, model.fingerprint, binding, head.tried, head.tried_seq, head.tried_choices)]
        since = [change._replace(reason="") for change in changes(asset, model.fingerprint, binding, head)]
        return [*tried, *since] if tried else []
    found = [*changes(asset, model.fingerprint, binding, head), *_above(binding, head, heads, items)]
    if mode == "retry":
        found.append(Change("retry", FOREVER))
    elif mode == "full":
        found.append(Change("full", GENESIS))
    elif mode == "manual":
        low, high = model.request.since, model.request.until
        found.append(Change("manual", GENESIS if low is None else low, FOREVER if high is None else high - 1))
    return found


def _above(
    binding: Binding, head: Head, heads: Mapping[str, Head], items: Mapping[str, PlanItem]
) -> Iterator[Change]:
    """Changes of the models whose outputs the pair takes: planned ones, and those that it has not read yet."""
    for name in sorted(binding.upstream):
        item, above = items.get(name), heads.get(name)
        if item is not None and not EVENTS.issuperset(item.reasons):
            yield Change("upstream_changed", GENESIS if item.through is None else item.through)
        elif above is not None:
            read = head.consumed.get(name, 0)
            replaced = [GENESIS if m.since is None else m.since for m in above.masks if m.run > read]
            if replaced and min(replaced) < (head.head or GENESIS):
                yield Change("upstream_changed", min(replaced))
    if head.status == "blocked":
        yield Change("upstream_changed", FOREVER)


def _item(
    asset: AssetFacts,
    model: PlannedModel,
    head: Head | None,
    found: list[Change],
    above: Sequence[PlanItem],
    grid: Grid,
) -> PlanItem:
    rung = None if model.whole else _start(head, found, above)
    start = None if rung is None else rung.at
    checks = () if start is None or head is None else _checks(head, found, above, asset, grid)
    first, last = asset.first_ts or 0, asset.last_ts or 0
    return PlanItem(
        asset.asset_id,
        model.name,
        asset.bucket,
        tuple(reason for reason in REASONS if any(change.reason == reason for change in found)),
        start,
        first if start is None else start,
        last,
        _events(asset, head, start, model.request),
        0 if head is None else head.version,
        model.fingerprint,
        None if head is None else head.head,
        checks,
        _stop(head, model, grid),
        None if rung is None else rung.through,
    )


def _stop(head: Head | None, model: PlannedModel, grid: Grid) -> int | None:
    """The edge that ends a manual range. A pair that is past it goes on to the end: what follows may change, too."""
    until = model.request.until if model.request.mode == "manual" else None
    if until is None or model.whole:
        return None
    edge = -(-until // grid.slot_us) * grid.slot_us
    return None if head is not None and head.head is not None and head.head >= edge else edge


def _start(head: Head | None, found: list[Change], above: Sequence[PlanItem]) -> Rung | None:
    """The newest snapshot before all that has changed, and not behind what the models above will write anew."""
    if head is None or head.head is None:
        return None
    since = min(change.since for change in found)
    bounds = [GENESIS if item.through is None else item.through for item in above]
    latest = min([since, head.head, *bounds])
    if latest == head.head:
        return Rung(head.head, "", head.through, full=True)
    return max((rung for rung in head.edges if rung.full and rung.at <= latest), default=None)


def _checks(
    head: Head, found: list[Change], above: Sequence[PlanItem], asset: AssetFacts, grid: Grid
) -> tuple[tuple[int, str], ...]:
    """Stored carries behind all changes; the nearest ones, and then fewer and fewer, because each costs a call."""
    until = max((change.until for change in found if change.since < (head.head or GENESIS)), default=FOREVER)
    if until == FOREVER or above or head.head is None or head.head > grid.floor(asset.last_ts or 0):
        return ()
    behind = sorted((rung.at, rung.digest) for rung in head.edges if until < rung.at <= head.head)
    chosen = {index for index in (0, 1, 3, 7, 15, 31, 63, len(behind) - 1) if 0 <= index < len(behind)}
    return tuple(behind[index] for index in sorted(chosen))


def _events(asset: AssetFacts, head: Head | None, start: int | None, request: Request) -> int:
    """The events from `start` on: known from the head on, else in proportion to event time."""
    first, last = asset.first_ts or 0, asset.last_ts or 0
    span = max(last - first, 1)
    events = float(asset.events)
    if start is not None and head is not None and start == head.head:
        events = min(events, head.open_events + sum(a.changed for a in asset.arrivals if a.seq > head.seq))
    elif start is not None:
        events *= min(1.0, max(0.0, (last - start) / span))
    if request.days is not None and (whole := last - (first if start is None else start)) > 0:
        events *= min(1.0, request.days * 86_400e6 / whole)
    return round(events)
