"""The host of long-lived twins: a run's host whose twins stay in memory between two batches."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields

from actors.host import TwinHost
from actors.live_memory import LogMemory
from actors.sink import Sink
from actors.twin_actor import PairOutcome, TwinActor
from actors.work import AssetWork, BatchResult, HostConfig, Note, WorkBatch, no_note
from altergo_interface.manifest import Continuity
from altergo_interface.records import Record
from event_store.records import Version
from twins.outputs import Collected


@dataclass(frozen=True, slots=True)
class LiveResult(BatchResult):
    """A batch's result with its record versions: of closed slots, and of the open one, where they are provisional."""

    closed: Sequence[Version] = ()
    open: Sequence[Version] = ()


class LiveHost(TwinHost):
    """Replays batches, and keeps what the next replay of the same twins begins with."""

    def __init__(self, config: HostConfig) -> None:
        super().__init__(config)
        self._memory = LogMemory(config.files)
        self._keep = True

    def keep_twins(self, keep: bool) -> None:
        """Whether the twins of the batches to come stay awake."""
        self._keep = keep

    def run(self, batch: WorkBatch, note: Note = no_note) -> LiveResult:
        """Replay a batch as any host does, from what its twins remember."""
        sink = Sink(self._config.files, batch)
        log = self._memory.read(batch)
        closed: list[Version] = []
        provisional: list[Version] = []
        edges: dict[str, int | None] = {}
        for work in batch.assets:
            series = log.get(work.asset_id)
            actor = TwinActor(work, self._registry, self._config.settings)
            actor.load(series)
            outcomes = actor.replay(note)
            sink.add(work, series, outcomes)
            edges[work.asset_id] = self._next_start(work, outcomes)
            closed += _versions(work.asset_id, outcomes, closed=True)
            provisional += _versions(work.asset_id, outcomes, closed=False)
        if self._keep:
            self._memory.shorten(batch.bucket, edges)
        else:
            self._memory.drop(edges)
        result = sink.close()
        return LiveResult(
            **{f.name: getattr(result, f.name) for f in fields(result)}, closed=closed, open=provisional
        )

    def _next_start(self, work: AssetWork, outcomes: Sequence[PairOutcome]) -> int | None:
        """The edge (µs UTC) at which the next replay of an asset begins, unless it is of late events."""
        edges = [pair.start for pair in work.pairs if not pair.kept]
        for outcome in outcomes:
            if outcome.replayed is not None:
                whole = self._registry[outcome.work.model].continuity is Continuity.WHOLE_LOG
                edges.append(None if whole else outcome.replayed.head)
        return None if None in edges else min((edge for edge in edges if edge is not None), default=None)

    def drop(self, assets: Collection[str]) -> None:
        """Passivate twins: the store has their snapshots."""
        self._memory.drop(assets)


def _versions(asset: str, outcomes: Sequence[PairOutcome], *, closed: bool) -> Iterator[Version]:
    """Record versions as the view `records` shows them: without the days whose data have no fault."""
    for outcome in outcomes:
        replayed = outcome.replayed
        rows = Collected() if replayed is None else (replayed.closed if closed else replayed.open)
        for record, detail in zip(rows.records, rows.details, strict=True):
            if record.kind != "quality" or record.severity is not None:
                yield _version(asset, outcome.work.model, record, detail)


def _version(asset: str, model: str, record: Record, detail: str) -> Version:
    name = (asset, model, record.kind, record.cell, record.started_at)
    return Version(*name, record.ended_at, record.severity, record.value, detail, record.at)
