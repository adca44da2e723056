"""Verifying by doing: a sample of pairs is replayed from its last snapshot but one, and must come to the same."""

from actors.planning import Binder, enabled_models, make_plan
from actors.selection import Selection
from actors.times import iso
from actors.twin_actor import PairOutcome, TwinActor
from actors.work import AssetWork, PairWork
from altergo_interface.config import Settings
from altergo_interface.manifest import Continuity
from altergo_interface.models import Registry
from event_store.catalog import one
from event_store.facts import Facts, read_carries, read_facts, read_log_segments
from event_store.figures import Finding, chosen
from event_store.log import read_assets
from event_store.store import Store
from event_store.verify import Verification, verify_store
from twins import Binding, Head, Request
from twins.facts import Rung

PAIRS = 20


def verify(store: Store, registry: Registry, settings: Settings, sample: int | None) -> Verification:
    """Check a store; see Verification. With `sample`, so many assets are counted and so many pairs replayed."""
    stepwise = {name for name, spec in registry.items() if spec.continuity is not Continuity.WHOLE_LOG}
    found, unreadable = verify_store(store, sample, stepwise)
    _Rerun(store, registry, settings, found).run(sample or PAIRS, unreadable)
    return found


class _Rerun:
    """The replays, and what came of them."""

    def __init__(self, store: Store, registry: Registry, settings: Settings, found: Verification) -> None:
        self._store = store
        self._registry = registry
        self._settings = settings
        self._models = enabled_models(registry, settings)
        self._found = found

    def run(self, count: int, unreadable: set[int]) -> None:
        """Replay so many pairs, always the same ones."""
        with self._store.catalog.session("verify") as con:
            rows = con.execute("select asset_id, model from store.heads").fetchall()
        pairs = {f"{asset} {model}": (asset, model) for asset, model in rows}
        for where in chosen(pairs, count):
            asset, model = pairs[where]
            with self._store.catalog.session("verify") as con:
                facts = read_facts(con, asset, ladders=True)
            why = self._unfit(facts, asset, model, unreadable)
            if why is None:
                self._found.pairs_replayed += 1
                what = self._replay(facts, asset, facts.heads[asset][model])
                self._found.findings += [] if what is None else [Finding(what, where)]
            else:
                self._found.skipped.append(Finding(why, where))

    def _unfit(self, facts: Facts, asset: str, model: str, unreadable: set[int]) -> str | None:
        """Why a pair cannot be replayed alone and compared; None: it can."""
        head = facts.heads[asset][model]
        if head.status != "ok":
            return f"it is {head.status}"
        if model not in self._models.specs:
            return "its model is not enabled"
        if self._registry[model].continuity is Continuity.WHOLE_LOG:
            return "its model keeps no snapshots"
        if facts.assets[asset].bucket in unreadable:
            return "its events cannot be read"
        binding = Binder(self._models, self._settings).bind(facts.assets[asset])[model]
        if isinstance(binding, Binding) and binding.upstream:
            return "other models feed it"
        plan = make_plan(facts, self._models, self._settings, Selection(), Request(named=True))
        if head.fingerprint != self._models.fingerprints[model] or any(item.model == model for item in plan.items):
            return "it is not up to date"
        return None

    def _replay(self, facts: Facts, asset_id: str, head: Head) -> str | None:
        """What differs; None: nothing."""
        full = [rung for rung in head.edges if rung.full and head.head is not None and rung.at <= head.head]
        if head.head is None or not full or full[-1].at != head.head:
            return "there is no snapshot at the head"
        start = full[-2].at if len(full) > 1 else None
        outcome, state = self._outcome(facts, asset_id, head, start, full[-1])
        if outcome.result is None:
            return f"its replay fails: {outcome.error}"
        if outcome.result.until != head.head:
            return f"a replay from {iso(start) or 'its first event'} comes to another snapshot at {iso(head.head)}"
        same = outcome.result.result.state.model_dump_json() == state
        return None if same else f"a replay from {iso(head.head)} comes to another state"

    def _outcome(
        self, facts: Facts, asset_id: str, head: Head, start: int | None, end: Rung
    ) -> tuple[PairOutcome, str | None]:
        """A replay that ends where it meets the snapshot at the head, and goes on from it; and the stored state."""
        asset, model = facts.assets[asset_id], head.model
        edges = [(asset_id, model, at) for at in (start, end.at) if at is not None]
        with self._store.catalog.session("verify") as con:
            carries = {at: carry for (_, _, at), carry in read_carries(con, edges).items()}
            segments = read_log_segments(con, facts.seq, [asset.bucket]).get(asset.bucket, ())
            state = one(con, "select state from store.heads where asset_id = ? and model = ?", asset_id, model)
        begin = None if start is None else carries.get(start)
        order = (model, (), self._models.fingerprints[model].value, head.version, start, begin, end.at)
        pair = PairWork(*order, carries.get(end.at), checks=((end.at, end.digest),))
        work = AssetWork(asset_id, asset.sensors, asset.parameters, (pair,))
        actor = TwinActor(work, self._registry, self._settings)
        actor.load(read_assets(self._store.files, segments, {asset_id: start}).get(asset_id))
        [outcome] = actor.replay()
        return outcome, state
