"""From a plan's items to work orders: snapshots to begin at, and the models that must be replayed to feed others."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from actors.planning import Binder, Models
from actors.work import AssetWork, PairWork
from altergo_interface.config import Settings
from event_store.facts import Facts
from twins import AssetFacts, Binding, Head, PlanItem
from twins.changes import GENESIS, changes

Needed = tuple[str, str, int]
"""Asset, model, edge (µs UTC) of a stored carry."""


class Pairing:
    """Makes work orders of a plan's items; `days` is how much event time a pair may replay."""

    def __init__(self, facts: Facts, models: Models, settings: Settings, days: float | None) -> None:
        self._facts = facts
        self._models = models
        self._binder = Binder(models, settings)
        self._days = days

    def draft(self, asset_id: str, items: Sequence[PlanItem], moved: Collection[str] = ()) -> AssetWork:
        """An asset's work order, its snapshots still to be filled in.

        `moved` are the asset's models whose heads this very run may have moved since the plan was made.
        """
        asset = self._facts.assets[asset_id]
        planned = self._facts.heads.get(asset_id, {})
        heads = {name: head for name, head in planned.items() if name not in moved}
        wanted = {item.model: item for item in items}
        feeds = self._feeds(asset, heads, wanted)
        pairs: list[PairWork] = []
        for model in self._models.specs:
            if model in feeds:
                pairs.append(self._feeding(asset, model, feeds[model]))
            if model in wanted:
                pairs.append(self._wanted(wanted[model], wanted, heads))
        return AssetWork(asset_id, asset.sensors, asset.parameters, tuple(pairs))

    def _wanted(self, item: PlanItem, wanted: Mapping[str, PlanItem], heads: Mapping[str, Head]) -> PairWork:
        stuck = (u for u in item.above if u not in wanted and u in heads and heads[u].status in ("parked", "blocked"))
        return PairWork(
            item.model,
            item.reasons,
            item.fingerprint.value,
            item.version,
            item.start,
            None,
            item.head,
            checks=item.checks,
            stop=item.stop,
            days=self._days,
            above=item.above,
            consumed={u: heads[u].run if u not in wanted and u in heads else 0 for u in item.above},
            blocked_by=next(stuck, None),
            events=item.events,
        )

    def _feeding(self, asset: AssetFacts, model: str, start: int | None) -> PairWork:
        fingerprint = self._models.fingerprints[model].value
        return PairWork(model, (), fingerprint, 0, start, None, above=self._above(asset, model), kept=False)

    def _feeds(
        self, asset: AssetFacts, heads: Mapping[str, Head], wanted: Mapping[str, PlanItem]
    ) -> dict[str, int | None]:
        """Models to replay for their outputs alone, and from which edge: those that feed a pair of the plan from an
        earlier time on than they are planned from themselves."""
        feeds: dict[str, int | None] = {}
        for model in reversed(list(self._models.specs)):
            starts = [wanted[model].start] if model in wanted else []
            starts += [feeds[model]] if model in feeds else []
            for above in self._above(asset, model) if starts else ():
                need = None if None in starts else min(start for start in starts if start is not None)
                planned = wanted.get(above)
                if planned is None or (planned.start is not None and (need is None or planned.start > need)):
                    found = self._rung(asset, above, heads.get(above), need)
                    known = feeds.get(above, found)
                    feeds[above] = None if found is None or known is None else min(found, known)
        return feeds

    def _rung(self, asset: AssetFacts, model: str, head: Head | None, need: int | None) -> int | None:
        """The newest stored edge of a model from which its outputs from `need` on can be had again."""
        binding = self._binder.bind(asset)[model]
        if head is None or head.head is None or need is None or not isinstance(binding, Binding):
            return None
        found = changes(asset, self._models.fingerprints[model], binding, head)
        latest = min([need, *(change.since for change in found)])
        return max((rung.at for rung in head.edges if rung.full and GENESIS < rung.at <= latest), default=None)

    def _above(self, asset: AssetFacts, model: str) -> tuple[str, ...]:
        binding = self._binder.bind(asset)[model]
        return tuple(sorted(binding.upstream)) if isinstance(binding, Binding) else ()


def needed(work: AssetWork) -> Iterator[Needed]:
    """The stored carries that a work order needs."""
    for pair in work.pairs:
        if pair.start is not None:
            yield work.asset_id, pair.model, pair.start
        if pair.checks and pair.head is not None:
            yield work.asset_id, pair.model, pair.head


def filled(work: AssetWork, carries: Mapping[Needed, str]) -> AssetWork:
    """The work order with its snapshots."""

    def carry(model: str, edge: int | None) -> str | None:
        return None if edge is None else carries.get((work.asset_id, model, edge))

    def one(pair: PairWork) -> PairWork:
        tail = carry(pair.model, pair.head) if pair.checks else None
        return replace(pair, carry=carry(pair.model, pair.start), tail=tail, checks=pair.checks if tail else ())

    return replace(work, pairs=tuple(map(one, work.pairs)))
