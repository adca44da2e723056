"""Executing a plan: batches out, results in, one writer, publication in between."""

import json
import platform
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from actors.pairing import Pairing
from actors.planning import Models
from actors.report import RunReport, told
from actors.slowest import Replayed
from actors.suspicion import blamed
from actors.work import BatchResult, Pair, WorkBatch
from actors.work_source import BATCH_ASSETS, WorkSource
from altergo_interface.config import Settings
from altergo_interface.sensors import rule_for
from event_store.attempts import end_attempts, lose, suspects
from event_store.catalog import one
from event_store.commit import (
    RunRef,
    add_fingerprints,
    block,
    commit_group,
    replace_sensor_rules,
    replace_skipped,
)
from event_store.facts import Facts, sensor_names
from event_store.publish import publish
from event_store.store import Store
from twins import Plan

COMMIT_EVERY_S = 3.0
COMMIT_SHARE = 0.1
"""Of a run's time at most. What a commit costs grows with the fleet: it looks through the heads of all, and the file
is checkpointed."""
COMMIT_PAIRS = 4_000
"""So many results wait at most: of 100,000 assets a commit takes 0.26 ms of CPU per pair by the 600, and 0.11 by the
4,000."""
PUBLISH_EVERY_S = 30.0
PUBLISH_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class LostBatch:
    """A batch whose process died: the pair it had come to, where that was noted, and what is known of the cause."""

    batch: WorkBatch
    at: Pair | None = None
    why: str = ""


class Pool(Protocol):
    """Whatever runs batches: on Ray, or in this process, which `survives` a model that kills its own or does not."""

    workers: int
    survives: bool

    @property
    def warnings(self) -> Sequence[str]:
        """What an operator should know of the hosts."""
        ...

    def run(self, source: WorkSource) -> Iterator[BatchResult | LostBatch]:
        """Draw work until there is none; the results, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `done` and `total` count planned events. `slowest` assets are those that stand out."""

    pairs: int
    all_pairs: int
    done: int
    total: int
    seconds: float
    parked: int
    slowest: Sequence[Replayed] = ()


class Run:
    """One run over a plan, which `covers` some pairs (asset, model) or all. The caller holds the run lock.

    With `isolated` every asset travels in a batch of its own.
    """

    def __init__(
        self,
        store: Store,
        plan: Plan,
        facts: Facts,
        models: Models,
        settings: Settings,
        covers: Callable[[str, str], bool],
        *,
        isolated: bool = False,
    ) -> None:
        self._store = store
        self._batch_assets = 1 if isolated else BATCH_ASSETS
        self._covers = covers
        self._plan = plan
        self._facts = facts
        self._models = models
        self._settings = settings
        self._began = time.monotonic()
        self._published = self._began
        self._publish_cost = 0.0
        self._committed = self._began
        self._commit_cost = 0.0
        self._pending: list[BatchResult] = []
        self._notices: dict[tuple[str, str], list[str]] = {}
        self._ref = RunRef("", 0)
        self._suspected: Mapping[Pair, int] = {}
        self._total = sum(item.events for item in plan.items)
        self.report = RunReport("", plan.seq, warnings=list(plan.warnings))

    def execute(self, pool: Pool, on_progress: Callable[[Progress], None]) -> RunReport:
        """Run to the end. Whatever interrupts it, results that are in are committed."""
        self._ref = self._open()
        self.report.run_id = self._ref.run_id
        status = "failed"
        try:
            source = self._source(pool)
            for result in pool.run(source):
                if isinstance(result, LostBatch):
                    self._lose(result, source)
                else:
                    source.done(result.number)
                    self._take(result)
                on_progress(self._progress())
            self.report.warnings += [*pool.warnings, *told(self._notices)]
            status = "done"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            self._close(status)
        return self.report

    def _open(self) -> RunRef:
        run_id = uuid.uuid4().hex[:12]
        plan = self._plan
        made = self._models.fingerprints
        waiting = [(b.asset_id, b.model, f"waits for '{b.by}', which is parked") for b in plan.blocked]
        self.report.blocked += waiting
        with self._store.catalog.transaction("run") as con:
            number = int(one(con, "select coalesce(max(number), 0) + 1 from store.runs"))
            con.execute(
                "insert into store.runs values (?, ?, ?, null, ?, 'running', ?, ?, 0, 0, 0, ?, ?)",
                [
                    *(run_id, number, datetime.now(UTC), plan.request.mode, plan.seq),
                    *(len({item.asset_id for item in plan.items}), self._settings.source, json.dumps(environment())),
                ],
            )
            add_fingerprints(con, [(found.value, found.to_json()) for found in made.values()])
            block(con, run_id, [(*row, made[row[1]].value) for row in waiting])
            replace_skipped(con, plan.skipped, self._covers)
            replace_sensor_rules(con, _sensor_rules(sensor_names(con), self._settings))
            self._suspected = suspects(con)
        return RunRef(run_id, number)

    def _source(self, pool: Pool) -> WorkSource:
        pairing = Pairing(self._facts, self._models, self._settings, self._plan.request.days)
        given = (self._store, self._plan, pairing, self._ref, self._suspected, self._commit, self._batch_assets)
        return WorkSource(*given, together=pool.survives)

    def _take(self, result: BatchResult) -> None:
        self._pending.append(result)
        report = self.report
        report.pairs += result.pairs
        report.events_replayed += result.events
        report.remaining += result.remaining
        report.parked.extend(result.parked)
        report.blocked.extend(result.blocked)
        report.slowest.merge(result.slowest)
        for asset, model, text in result.notices:
            self._notices.setdefault((model, text), []).append(asset)
        now = time.monotonic()
        waiting = sum(pending.pairs for pending in self._pending)
        due = now - self._committed > max(COMMIT_EVERY_S, self._commit_cost / COMMIT_SHARE)
        if due or waiting >= COMMIT_PAIRS:
            self._commit()
        if now - self._published > max(PUBLISH_EVERY_S, self._publish_cost / PUBLISH_SHARE):
            self._publish()

    def _lose(self, lost: LostBatch, source: WorkSource) -> None:
        """A batch's process died: who is to blame has lost an attempt, and is parked after too many."""
        with self._store.catalog.transaction("run") as con:
            dead = lose(con, lost.batch.kept, blamed(lost.batch, lost.at), lost.why)
        source.lost(lost.batch, lost.at, [(asset, model) for asset, model, _ in dead])
        self.report.parked.extend(dead)
        self.report.pairs += len(dead)

    def _commit(self) -> None:
        began = time.monotonic()
        if self._pending:
            with self._store.catalog.transaction("run") as con:
                stale = commit_group(con, self._ref, [result.group for result in self._pending])
            if stale:
                self.report.warnings.append(
                    f"{stale} batches were left out, because their heads had moved: run again"
                )
        self._pending = []
        self._committed = time.monotonic()
        self._commit_cost = self._committed - began

    def _publish(self) -> None:
        began = time.monotonic()
        publish(self._store)
        self._published = time.monotonic()
        self._publish_cost = self._published - began

    def _close(self, status: str) -> None:
        self._commit()
        report = self.report
        report.seconds = time.monotonic() - self._began
        with self._store.catalog.transaction("run") as con:
            end_attempts(con, report.run_id)
            con.execute(
                "update store.runs set ended_at = ?, status = ?, pairs = ?, events_replayed = ?, parked = ?"
                " where run_id = ?",
                [datetime.now(UTC), status, report.pairs, report.events_replayed, len(report.parked), report.run_id],
            )

    def _progress(self) -> Progress:
        seconds = time.monotonic() - self._began
        pairs, all_pairs = self.report.pairs, len(self._plan.items)
        done = round(self._total * pairs / max(all_pairs, 1))
        parked, slowest = len(self.report.parked), self.report.slowest.outstanding()
        return Progress(pairs, all_pairs, done, self._total, seconds, parked, slowest)


def _sensor_rules(names: list[str], settings: Settings) -> list[tuple[str, float | None, float | None, float]]:
    """(sensor, low, high, longest interval in s) of every sensor: what the quality view counts by."""
    rules = ((name, rule_for(name, settings.sensors)) for name in names)
    return [(name, *(rule.valid_range or (None, None)), rule.max_interval_s()) for name, rule in rules]


def environment() -> dict[str, Any]:
    """What the same bits depend on: recorded with each run."""
    packages = {name: _version(name) for name in ("battery-twins", "numpy", "pandas", "pyarrow", "duckdb", "ray")}
    return {"python": platform.python_version(), "machine": platform.machine(), **packages}


def _version(package: str) -> str | None:
    """Of the engine itself there is none where it runs from a checkout with only its requirements installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
