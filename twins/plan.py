"""Planning: which pairs must run, from where, and why. Pure: facts in, decisions out."""

from collections.abc import Iterator, Mapping, Sequence

from twins.binding import Binding, Missing
from twins.changes import FOREVER, GENESIS, Change, changes, made_with
from twins.facts import AssetFacts, Head, Rung
from twins.grid import UTC_DAYS, Grid
from twins.planned import EVENTS, REASONS, Blocked, PlanItem, PlannedModel, Request, Skipped

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
        if not asset.events:
            if head is not None:
                items[model.name] = _gone(asset, model, head)
            continue
        if isinstance(binding, Missing):
            skipped.append(Skipped(asset.asset_id, model.name, binding.what))
            continue
        by = _parked_above(binding, heads, items)
        if by is not None and model.request.mode != "retry":
            if head is None or head.status == "ok":
                blocked.append(Blocked(asset.asset_id, model.name, by))
            continue
        found = _wanted(asset, model, binding, head, heads, items)
        if found:
            items[model.name] = _item(asset, model, binding, head, found, items, grid)
            # Who feeds others goes on to the end: what it would leave out is what they need.
            items |= {name: items[name]._replace(checks=()) for name in binding.upstream if name in items}
    return list(items.values()), skipped, blocked


def _gone(asset: AssetFacts, model: PlannedModel, head: Head) -> PlanItem:
    """A pair that is to go, because every event of its asset was taken away."""
    place = (asset.asset_id, model.name, asset.bucket, ("late_events",), None)
    return PlanItem(*place, head.head or 0, head.as_of or 0, 0, head.version, model.fingerprint, head.head)


def _parked_above(binding: Binding, heads: Mapping[str, Head], items: Mapping[str, PlanItem]) -> str | None:
    """A model that is parked, or waits itself, whose output the pair takes, and that this plan does not run."""
    for name in sorted(binding.upstream) if binding.upstream else ():
        if name in heads and heads[name].status in ("parked", "blocked") and name not in items:
            return name
    return None


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
        missed = (*changes(asset, model.fingerprint, binding, head), *_above(binding, head, heads, items))
        since = [change._replace(reason="") for change in missed]
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
    binding: Binding,
    head: Head | None,
    found: list[Change],
    items: Mapping[str, PlanItem],
    grid: Grid,
) -> PlanItem:
    above = [items[name] for name in binding.upstream if name in items]
    rung = None if model.whole else _start(head, found, above)
    start = None if rung is None else rung.at
    back = start is not None and head is not None and start != head.head
    first, last = asset.first_ts or 0, asset.last_ts or 0
    return PlanItem(
        asset.asset_id,
        model.name,
        asset.bucket,
        _reasons(found),
        start,
        first if start is None else start,
        last,
        _events(asset, head, start, model.request),
        0 if head is None else head.version,
        model.fingerprint,
        None if head is None else head.head,
        _checks(head, found, above, asset, grid) if back and head is not None else (),
        _stop(head, model, grid) if model.request.mode == "manual" else None,
        None if rung is None else rung.through,
        tuple(sorted(binding.upstream)) if binding.upstream else (),
    )


def _reasons(found: list[Change]) -> tuple[str, ...]:
    if len(found) == 1:
        return (found[0].reason,)
    named = {change.reason for change in found}
    return tuple(reason for reason in REASONS if reason in named)


def _stop(head: Head | None, model: PlannedModel, grid: Grid) -> int | None:
    """The edge that ends a manual range. A pair that is past it goes on to the end: what follows may change, too."""
    until = model.request.until
    if until is None or model.whole:
        return None
    edge = -(-until // grid.slot_us) * grid.slot_us
    return None if head is not None and head.head is not None and head.head >= edge else edge


def _start(head: Head | None, found: list[Change], above: Sequence[PlanItem]) -> Rung | None:
    """The newest snapshot before all that has changed, and not behind what the models above will write anew."""
    if head is None or head.head is None:
        return None
    latest = min([change.since for change in found])
    for item in above:
        latest = min(latest, GENESIS if item.through is None else item.through)
    if latest >= head.head:
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
