"""Executing a plan: batches out, results in, one writer, publication in between."""

import json
import platform
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol

from actors.work import AssetWork, BatchResult, PairWork, WorkBatch
from altergo_interface.config import Settings
from altergo_interface.sensors import rule_for
from event_store.catalog import one
from event_store.commit import RunRef, commit_group, replace_sensor_rules, replace_skipped
from event_store.facts import Facts, read_carries, read_log_segments
from event_store.publish import publish
from event_store.store import Store
from twins import Plan, PlanItem

BATCH_EVENTS = 8_000_000
"""About a second of work, and 130 MB: long against a call and the files that it writes, short against a run."""
BATCH_ASSETS = 200
CHUNK_BATCHES = 32
COMMIT_EVERY_S = 3.0
COMMIT_PAIRS = 400
PUBLISH_EVERY_S = 30.0
PUBLISH_SHARE = 0.05


class Pool(Protocol):
    """Whatever runs batches: on Ray, or in this process."""

    workers: int

    def run(self, batches: Iterable[WorkBatch]) -> Iterator[BatchResult]:
        """The results, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `done` and `total` count planned events."""

    pairs: int
    all_pairs: int
    done: int
    total: int
    seconds: float
    parked: int


@dataclass(slots=True)
class RunReport:
    """What a run came to."""

    run_id: str
    seq: int
    pairs: int = 0
    events_replayed: int = 0
    parked: list[tuple[str, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Run:
    """One run over a plan, which `covers` some pairs (asset, model) or all. The caller holds the run lock."""

    def __init__(
        self,
        store: Store,
        plan: Plan,
        facts: Facts,
        settings: Settings,
        mode: str,
        covers: Callable[[str, str], bool],
    ) -> None:
        self._store = store
        self._covers = covers
        self._plan = plan
        self._groups = _group(plan.items)
        self._facts = facts
        self._mode = mode
        self._settings = settings
        self._began = time.monotonic()
        self._published = self._began
        self._publish_cost = 0.0
        self._committed = self._began
        self._pending: list[BatchResult] = []
        self._ref = RunRef("", 0)
        self.report = RunReport("", plan.seq, warnings=list(plan.warnings))

    def execute(self, pool: Pool, on_progress: Callable[[Progress], None]) -> RunReport:
        """Run to the end. Whatever interrupts it, results that are in are committed."""
        self._ref = self._open()
        self.report.run_id = self._ref.run_id
        status = "failed"
        try:
            done = 0
            for result in pool.run(self._batches()):
                self._take(result)
                done += self._groups[result.number].events
                on_progress(self._progress(done))
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
        with self._store.catalog.transaction("run") as con:
            number = int(one(con, "select coalesce(max(number), 0) + 1 from store.runs"))
            # The run lock is ours: a run that still counts as running has died.
            con.execute("update store.runs set status = 'killed' where status = 'running'")
            con.execute(
                "insert into store.runs values (?, ?, ?, null, ?, 'running', ?, ?, 0, 0, 0, ?, ?)",
                [
                    *(run_id, number, datetime.now(UTC), self._mode, plan.seq),
                    *(len({item.asset_id for item in plan.items}), self._settings.source, json.dumps(environment())),
                ],
            )
            replace_skipped(con, [(s.asset_id, s.model, s.missing) for s in plan.skipped], self._covers)
            replace_sensor_rules(con, _sensor_rules(self._facts, self._settings))
        return RunRef(run_id, number)

    def _batches(self) -> Iterator[WorkBatch]:
        """Batches of one bucket each; segments and carries are read for some dozens at a time."""
        for chunk in _chunks(list(enumerate(self._groups)), CHUNK_BATCHES):
            items = [item for _, group in chunk for pairs in group.assets.values() for item in pairs]
            with self._store.catalog.session("run") as con:
                segments = read_log_segments(con, self._plan.seq, {group.bucket for _, group in chunk})
                carries = read_carries(con, ((i.asset_id, i.model, i.start) for i in items if i.start is not None))
            for number, group in chunk:
                work = [self._asset_work(asset, pairs, carries) for asset, pairs in group.assets.items()]
                found = segments.get(group.bucket, ())
                yield WorkBatch(number, group.bucket, self._plan.seq, self._ref.number, found, work, group.events)

    def _asset_work(self, asset: str, items: list[PlanItem], carries: Mapping[tuple[str, str], str]) -> AssetWork:
        facts = self._facts.assets[asset]
        pairs = tuple(
            PairWork(i.model, i.reasons, i.fingerprint, i.version, i.start, carries.get((asset, i.model)))
            for i in items
        )
        return AssetWork(asset, facts.sensors, facts.parameters, pairs)

    def _take(self, result: BatchResult) -> None:
        self._pending.append(result)
        self.report.pairs += result.pairs
        self.report.events_replayed += result.events
        self.report.parked.extend(result.parked)
        self.report.warnings.extend(result.warnings)
        now = time.monotonic()
        waiting = sum(pending.pairs for pending in self._pending)
        if now - self._committed > COMMIT_EVERY_S or waiting >= COMMIT_PAIRS:
            self._commit()
        if now - self._published > max(PUBLISH_EVERY_S, self._publish_cost / PUBLISH_SHARE):
            self._publish()

    def _commit(self) -> None:
        if self._pending:
            with self._store.catalog.transaction("run") as con:
                stale = commit_group(con, self._ref, [result.group for result in self._pending])
            if stale:
                self.report.warnings.append(
                    f"{stale} batches were left out, because their heads had moved: run again"
                )
        self._pending = []
        self._committed = time.monotonic()

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
            con.execute(
                "update store.runs set ended_at = ?, status = ?, pairs = ?, events_replayed = ?, parked = ?"
                " where run_id = ?",
                [datetime.now(UTC), status, report.pairs, report.events_replayed, len(report.parked), report.run_id],
            )

    def _progress(self, done: int) -> Progress:
        seconds = time.monotonic() - self._began
        total = sum(group.events for group in self._groups)
        return Progress(self.report.pairs, len(self._plan.items), done, total, seconds, len(self.report.parked))


@dataclass(slots=True)
class _Group:
    """Assets of one bucket that travel together, with their planned number of events."""

    bucket: int
    assets: dict[str, list[PlanItem]] = field(default_factory=dict)
    events: int = 0


def _chunks(entries: list[tuple[int, _Group]], size: int) -> Iterator[list[tuple[int, _Group]]]:
    for at in range(0, len(entries), size):
        yield entries[at : at + size]


def _group(items: Iterable[PlanItem]) -> list[_Group]:
    """Cut the plan into groups by bucket, events and assets."""
    by_asset: dict[tuple[int, str], list[PlanItem]] = defaultdict(list)
    for item in items:
        by_asset[item.bucket, item.asset_id].append(item)
    groups: list[_Group] = []
    for (bucket, asset), pairs in sorted(by_asset.items()):
        last = groups[-1] if groups else None
        if last is None or last.bucket != bucket or last.events >= BATCH_EVENTS or len(last.assets) >= BATCH_ASSETS:
            last = _Group(bucket)
            groups.append(last)
        last.assets[asset] = pairs
        last.events += max(item.events for item in pairs)
    return groups


def _sensor_rules(facts: Facts, settings: Settings) -> list[tuple[str, float | None, float | None, float]]:
    """(sensor, low, high, longest interval in s) of every sensor: what the quality view counts by."""
    names = sorted({name for asset in facts.assets.values() for name in asset.sensors})
    rules = ((name, rule_for(name, settings.sensors)) for name in names)
    return [(name, *(rule.valid_range or (None, None)), rule.max_interval_s()) for name, rule in rules]


def environment() -> dict[str, Any]:
    """What the same bits depend on: recorded with each run."""
    packages = {name: version(name) for name in ("battery-twins", "numpy", "pandas", "pyarrow", "duckdb", "ray")}
    return {"python": platform.python_version(), "machine": platform.machine(), **packages}
