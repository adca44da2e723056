"""The one facade: a fleet of twins over a store. The command line and notebooks use nothing else."""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import duckdb

from actors.dashboards import WithDashboards
from actors.explain import explain
from actors.live import LiveHooks
from actors.live_awake import IDLE_S
from actors.live_session import PURPOSE, LiveOptions, keep_alive
from actors.live_socket import ask
from actors.plan_file import PlanFile, request_of
from actors.planning import Models, enabled_models, make_plan, plan_store
from actors.pools import NoPool, isolated_by, open_pool
from actors.report import RunReport
from actors.running import Progress, Run
from actors.selection import Selection
from actors.sensor_report import sensor_report
from actors.twin_view import AssetTwin, sequence_of
from actors.work import HostConfig
from altergo_interface import SelectionError
from altergo_interface.config import Settings
from altergo_interface.gateway import Gateway
from event_store.attempts import recover
from event_store.digest import digest
from event_store.facts import Facts, read_facts
from event_store.garbage import collect
from event_store.housekeeping import tidy
from event_store.nearest import asset_hint
from event_store.object_store import own_errors
from event_store.paths import StorePaths
from event_store.probe import probe_of
from event_store.publish import publish, read_published
from event_store.published import published_meta
from event_store.queries import asset_list, asset_state, batches, status
from twins import Plan, Request


class Fleet(WithDashboards):
    """A fleet of digital twins.

    Args:
        root: the store's folder; it must exist, except for `ingest` and `import_assets`, which create it.
        settings: a settings file; None: `altergo-settings.json` in the working folder, else that of the store's
            last run, else the packaged one.
        models_dirs: further folders of models.
        overrides: settings documents whose keys win over the file's, as a platform gives them.
        local: whether `valueDev` counts in the settings; a platform's own run takes `default`.
    """

    # --- planning and running --------------------------------------------------------------------------------

    def plan(
        self,
        select: str | None = None,
        compute_type: str | None = None,
        *,
        since: str | None = None,
        until: str | None = None,
    ) -> Plan:
        """What a run would do now, from where, and why. Times are ISO 8601; see `run`."""
        settings = self.settings()
        return self._plan(select, request_of(settings, compute_type, since, until), settings)[0]

    def _plan(
        self, select: str | None, request: Request, settings: Settings, upto: int | None = None
    ) -> tuple[Plan, Facts, Models]:
        registry = self.registry(tell=False)  # the plan's warnings do
        return plan_store(self.store(), registry, settings, Selection.parse(select), request, upto)

    def explain(self, asset_id: str) -> dict[str, Any]:
        """Why each of an asset's pairs would run, or would not, with all that differs from its last good state."""
        settings = self.settings()
        models = enabled_models(self.registry(), settings)
        with self.store().catalog.session("plan") as con:
            facts = read_facts(con, asset_id, ladders=True)
            if asset_id not in facts.assets:
                raise self._unknown_asset(con, asset_id)
        plan = make_plan(facts, models, settings, Selection(), request_of(settings, None))
        return explain(facts, models, settings, plan, asset_id)

    def run(
        self,
        select: str | None = None,
        compute_type: str | None = None,
        *,
        since: str | None = None,
        until: str | None = None,
        plan: str | Path | None = None,
        local: bool = False,
        address: str | None = None,
        workers: int | None = None,
        isolation: str = "hosted",
        gateway: Gateway | None = None,
        on_plan: Callable[[Plan], None] = lambda _: None,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> RunReport:
        """Execute the plan on Ray (this machine's, or the cluster at `address`) or in-process (`local`).

        `compute_type` is `incremental`, `full`, `retry` or `manual`; the last one restates the slots of
        [`since`, `until`). With `plan`, a file that a plan was written to, exactly that is executed. `isolation` is
        `hosted` (many assets share a process) or `process` (one Ray actor process for each asset). With
        `upload_output` in the settings the results are then sent to `gateway`, by default that of the settings.

        Raises StoreBusy while another run holds the store, PlanStale where a pair of the file's plan has moved, and
        InfrastructureError where Ray fails; what was committed until then stays.
        """
        store, target = self.store(), self._upload_target(gateway)
        with store.running():
            settings = self.settings()
            with store.catalog.transaction("run") as con:
                recover(con)
            if plan is not None:
                written = PlanFile.read(Path(plan))
                found, facts, models = self._plan(None, written.request, settings, written.seq)
                found = written.chosen(found, facts)
            else:
                request = request_of(settings, compute_type, since, until)
                found, facts, models = self._plan(select, request, settings)
            on_plan(found)
            isolated = isolated_by(isolation, local)
            run = Run(store, found, facts, models, settings, Selection.parse(select).covers, isolated=isolated)
            made = {name: fingerprint.value for name, fingerprint in models.fingerprints.items()}
            try:
                with probe_of(store) as probe:
                    config = HostConfig(store.files, settings, self._models_dirs, made, probe)
                    wanted = open_pool(config, local, address, workers, isolated=isolated)
                    with wanted if found.items else nullcontext(NoPool()) as pool:
                        report = run.execute(pool, on_progress)
                report.broken = models.broken
                garbage = tidy(store)
            finally:
                publish(store)
            collect(store, garbage)
        pages = self._debug_pages(report.run_id)
        report.dashboards = [str(path) for path in pages.written]
        report.warnings += pages.warnings
        if target is not None:
            report.upload = self._upload_after_run(target)
        return report

    def live(
        self,
        select: str | None = None,
        *,
        local: bool = False,
        address: str | None = None,
        workers: int | None = None,
        isolation: str = "hosted",
        idle_s: float = IDLE_S,
        hooks: LiveHooks | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Keep twins alive that follow the log, until `stop` is set: on Ray (`isolation` as for `run`), or in-process
        (`local`).

        Twins without events for `idle_s` leave memory; they wake with their next event. `hooks` tell what happens.
        Raises StoreBusy while a run or another live session holds the store, and InfrastructureError where the hosts
        fail; what was committed until then stays.
        """
        store = self.store()
        isolated = isolated_by(isolation, local)
        options = LiveOptions(Selection.parse(select), local, address, workers, idle_s, isolated)
        with store.running(PURPOSE):
            told, end = hooks or LiveHooks(), stop or threading.Event()
            keep_alive(store, self.registry(tell=False), self.settings(), self._models_dirs, options, told, end)

    # --- looking at it ---------------------------------------------------------------------------------------

    def twin(self, asset_id: str) -> AssetTwin:
        """One asset, to be replayed in-process; writes nothing. Raises SelectionError for an unknown asset."""
        store, settings = self.store(), self.settings()
        with store.catalog.session("replay") as con:
            facts = read_facts(con, asset_id)
            if asset_id not in facts.assets:
                raise self._unknown_asset(con, asset_id)
        return AssetTwin(store, facts, asset_id, self.registry(), settings)

    def state(self, asset_id: str, at: str | None = None, known_at: str | int | None = None) -> dict[str, Any]:
        """The twin's state: as the last run or live round left it; or, with `at` or `known_at`, by today's models and
        settings over the events before `at` and the events and parameters that were known at a sequence or a time."""
        if at is None and known_at is None:
            live = ask(StorePaths(self.root), asset_id)
            if live is not None:
                return live
            with self.store().catalog.session("state") as con:
                found = asset_state(con, asset_id)
                if found is None:
                    raise self._unknown_asset(con, asset_id)
            return found
        store = self.store()
        with store.catalog.session("state") as con:
            facts = read_facts(con, asset_id, upto=sequence_of(con, known_at), ladders=True)
            if asset_id not in facts.assets:
                raise self._unknown_asset(con, asset_id)
        return AssetTwin(store, facts, asset_id, self.registry(), self.settings()).state(at)

    @staticmethod
    def _unknown_asset(con: duckdb.DuckDBPyConnection, asset_id: str) -> SelectionError:
        return SelectionError(f"no asset is called '{asset_id}'", asset_hint(con, asset_id))

    def status(self) -> dict[str, Any]:
        """Heads, lag, parked pairs, the last run, the age of the published copy."""
        return status(self.store())

    def batches(self) -> list[dict[str, Any]]:
        """The ingest batches, in order."""
        return batches(self.store())

    def sensors(self) -> list[dict[str, Any]]:
        """Every sensor: assets, events, range, mean cadence, declared unit, and the inputs that it feeds."""
        return sensor_report(self.store(), self.registry(), self.settings())

    def assets(self) -> list[dict[str, Any]]:
        """The registered assets with their parameters."""
        return asset_list(self.store())

    def digest(self, select: str | None = None) -> str:
        """A hash of everything that the twins have yielded; equal stores of results have equal digests."""
        selection, store = Selection.parse(select), self.store()
        if selection.named("reason") or selection.named("status"):
            raise SelectionError(f"--select {select}: a digest is of assets and models", "Use asset: and model:")
        with store.catalog.session("digest") as con:
            names = {name for (name,) in con.execute("select asset_id from store.assets").fetchall()}
        selection.check(names, self.registry())
        return digest(store, selection.covers)

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """A query over the views of the published copy, read-only."""
        with own_errors():
            return self.connect().sql(query)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection to the published copy, its views and nothing else."""
        paths = StorePaths(self.root)
        if published_meta(paths).get("root") != str(paths.root.absolute()):
            self.publish()  # there is none yet, or the store has moved since
        with own_errors():
            return read_published(paths)
