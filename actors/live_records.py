"""Which record versions of a round are new: a replay repeats those of the open slot, and a rewind older ones."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from actors.live_host import LiveResult
from actors.twin_actor import OK
from event_store.records import Version, standing_versions
from event_store.store import Store
from twins import Plan


class RecordNews:
    """Remembers by content what each pair that is awake has said about its open slot.

    What a pair says from its head on repeats that. Of a pair that is rewound, or has just been woken, the store is
    asked before the round what stood until then.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, dict[str, set[int]]] = defaultdict(dict)
        """By asset and model."""

    def expect(self, plan: Plan) -> None:
        """Learn what stands of the pairs that a round will replay; must come before the round."""
        asked = {
            (item.asset_id, item.model): set[int]()
            for item in plan.items
            if item.start != item.head or item.model not in self._known[item.asset_id]
        }
        stored = {item.asset_id for item in plan.items if item.version and (item.asset_id, item.model) in asked}
        if stored:
            with self._store.catalog.session("live") as con:
                for version in standing_versions(con, self._store.files, stored):
                    if (version.asset_id, version.model) in asked:
                        asked[version.asset_id, version.model].add(version.content)
        for (asset, model), contents in asked.items():
            self._known[asset][model] = contents

    def fresh(self, results: Iterable[LiveResult]) -> list[Version]:
        """The versions that nobody has been told of, in the order in which they became known."""
        found = [version for result in results for version in self._fresh(result)]
        return sorted(found, key=lambda version: version.known_at)

    def _fresh(self, result: LiveResult) -> Iterator[Version]:
        for version in (*result.closed, *result.open):
            known = self._known[version.asset_id][version.model]
            if version.content not in known:
                known.add(version.content)
                yield version
        self._keep(result)

    def _keep(self, result: LiveResult) -> None:
        """From now on only the open slot can be repeated; and of a pair without a result the store is asked again."""
        heads = result.group.heads.select(["asset_id", "model", "status"]).to_pydict()
        for asset, model, status in zip(*heads.values(), strict=True):
            if status == OK:
                self._known[asset][model] = set()
            else:
                self._known[asset].pop(model, None)
        for version in result.open:
            self._known[version.asset_id][version.model].add(version.content)

    def drop(self, assets: Collection[str]) -> None:
        """Forget twins that were passivated."""
        for asset in assets:
            self._known.pop(asset, None)
