"""Long-lived twins: a loop that tails the log, and runs what has come through twins that stay in memory."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from actors.live_awake import IDLE_S, AwakeTwins
from actors.live_host import LiveResult
from actors.live_publication import Publication
from actors.live_records import RecordNews
from actors.live_round import Round
from actors.plan_file import request_of
from actors.planning import make_plan, plan_store
from actors.report import RunReport
from actors.running import Pool
from actors.selection import Selection
from actors.work import BatchResult
from altergo_interface import SelectionError
from altergo_interface.config import Settings
from altergo_interface.models import Registry
from event_store.facts import Facts, read_facts
from event_store.news import read_news, stamp
from event_store.publish import publish
from event_store.records import Version
from event_store.store import Store
from twins import Plan

POLL_S = 0.05
"""How often the catalog's file is looked at; to look costs ten microseconds."""


class LivePool(Pool, Protocol):
    """A pool whose hosts remember their twins."""

    def keep_twins(self, keep: bool) -> None:
        """Whether the twins of the batches to come stay awake."""
        ...

    def drop(self, assets: Collection[str]) -> None:
        """Passivate twins."""
        ...


@dataclass(frozen=True, slots=True)
class LiveHooks:
    """What is told while it happens: the first plan, the sequence at which the twins have caught up, every round's
    end, and every new record version."""

    on_plan: Callable[[Plan], None] = lambda _: None
    on_ready: Callable[[int], None] = lambda _: None
    on_round: Callable[[RunReport], None] = lambda _: None
    on_record: Callable[[Version], None] | None = None


class Live:
    """Twins that follow the log of a store. The caller holds the run lock and has settled what a dead run has left.

    A round is a run over the assets for which something has come: the same plan, fold and commit, so that the digest
    is that of runs over the same log. The first round catches up; its twins do not stay awake, because they may be
    a whole fleet.

    With `isolated` every asset travels in a batch of its own, see RayTwinPool.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        settings: Settings,
        selection: Selection,
        idle_s: float = IDLE_S,
        hooks: LiveHooks | None = None,
        *,
        isolated: bool = False,
    ) -> None:
        if selection.named("reason") or selection.named("status"):
            raise SelectionError("long-lived twins are selected by asset and model", "Use asset: and model:")
        self._store = store
        self._settings = settings
        self._selection = selection
        self._of_models = Selection(tuple(part for part in selection.parts if part[0] == "model"))
        # A budget would leave twins behind that nothing brings up to date before their next event.
        self._request = replace(request_of(settings, "incremental"), days=None)
        self._hooks = hooks or LiveHooks()
        self._isolated = isolated
        self._records = RecordNews(store)
        self._publication = Publication(store)
        self.awake = AwakeTwins(store, idle_s)
        self._stamp = stamp(store.paths)
        plan, facts, self.models = plan_store(store, registry, settings, selection, self._request)
        self._seq = plan.seq
        self._first = [(plan, facts)]

    def follow(self, pool: LivePool, stop: threading.Event) -> None:
        """Catch up, and then follow the log until `stop` is set. Whatever ends it, results that are in are committed.

        Raises InfrastructureError where the hosts fail.
        """
        try:
            self._catch_up(pool)
            while not stop.wait(POLL_S):
                busy = self._look(pool)
                self._passivate(pool)
                self._publication.if_due(busy)
        finally:
            publish(self._store)

    def _catch_up(self, pool: LivePool) -> None:
        plan, facts = self._first.pop()  # of a large fleet they are large
        self._hooks.on_plan(plan)
        pool.keep_twins(False)
        self._round(pool, plan, facts, self._selection.covers, keep=False)
        pool.keep_twins(True)
        self._records = RecordNews(self._store)
        self._publication.now()
        self._hooks.on_ready(self._seq)

    def _look(self, pool: LivePool) -> bool:
        """See whether something has come, and if so run a round; returns whether it did."""
        seen = stamp(self._store.paths)
        if seen == self._stamp:
            return False
        self._stamp = seen
        with self._store.catalog.session("live") as con:
            news = read_news(con, self._seq)
            chosen = {asset for asset in news.assets if self._selection.takes("asset", asset)}
            facts = read_facts(con, chosen) if chosen else None
        self._seq = news.seq
        if facts is None:
            return False
        plan = make_plan(facts, self.models, self._settings, self._of_models, self._request)
        self._round(pool, plan, facts, lambda asset, model: asset in chosen and self._selection.takes("model", model))
        return True

    def _round(
        self, pool: LivePool, plan: Plan, facts: Facts, covers: Callable[[str, str], bool], *, keep: bool = True
    ) -> None:
        if not (plan.items or plan.skipped or plan.blocked):
            return
        if self._hooks.on_record is not None:
            self._records.expect(plan)

        def committed(results: Sequence[BatchResult]) -> None:
            self._committed([result for result in results if isinstance(result, LiveResult)], keep)

        given = (self._store, plan, facts, self.models, self._settings, covers)
        round_ = Round(*given, isolated=self._isolated, on_commit=committed)
        self._publication.touch()
        report = round_.execute(pool, lambda _: None)
        stuck = {asset for asset, _, _ in (*report.parked, *report.blocked)}
        if keep and stuck:  # some without a result of their own: their host has died, or they were not tried
            self.awake.refresh(stuck)
        self._hooks.on_round(report)

    def _committed(self, results: Sequence[LiveResult], keep: bool) -> None:
        """Tell what is new, and let the twins that stay awake be asked."""
        if self._hooks.on_record is not None:
            for version in self._records.fresh(results):
                self._hooks.on_record(version)
        if keep:
            heads = (result.group.heads.column("asset_id").to_pylist() for result in results)
            self.awake.refresh({asset for assets in heads for asset in assets})

    def _passivate(self, pool: LivePool) -> None:
        gone = self.awake.passivate()
        if gone:
            pool.drop(gone)
            self._records.drop(gone)
