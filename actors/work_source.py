"""Where hosts draw their work from: batches of the plan, and last, one by one, pairs that may kill a process."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from actors.pairing import Pairing, filled, needed
from actors.work import AssetWork, WorkBatch
from event_store.attempts import Attempt, begin_attempts
from event_store.commit import RunRef
from event_store.facts import read_carries, read_log_segments
from event_store.store import Store
from twins import Plan, PlanItem

BATCH_EVENTS = 8_000_000
"""About a second of work, and 130 MB: long against a call and the files that it writes, short against a run."""
BATCH_ASSETS = 200

Pair = tuple[str, str]
"""Asset and model."""


@dataclass(slots=True)
class Group:
    """Assets of one bucket that travel together, with their planned number of events."""

    bucket: int
    assets: dict[str, list[PlanItem]] = field(default_factory=dict)
    events: int = 0
    alone: bool = False


def grouped(items: Iterable[PlanItem], assets: int = BATCH_ASSETS) -> Iterator[Group]:
    """Cut the plan into groups by bucket, events and number of assets."""
    by_asset: dict[tuple[int, str], list[PlanItem]] = defaultdict(list)
    for item in items:
        by_asset[item.bucket, item.asset_id].append(item)
    group: Group | None = None
    for (bucket, asset), pairs in sorted(by_asset.items(), key=lambda entry: entry[0]):
        full = group is not None and (group.events >= BATCH_EVENTS or len(group.assets) >= assets)
        if group is None or group.bucket != bucket or full:
            if group is not None:
                yield group
            group = Group(bucket)
        group.assets[asset] = pairs
        group.events += max(item.events for item in pairs)
    if group is not None:
        yield group


class WorkSource:
    """Hands out a plan's work. Every pair is recorded as running before it is handed out.

    Pairs that are suspected of killing their process come last and one at a time, so that the guilty is known;
    `before_suspects` is called before each of them.
    """

    def __init__(
        self,
        store: Store,
        plan: Plan,
        pairing: Pairing,
        run: RunRef,
        suspects: Collection[Pair],
        before_suspects: Callable[[], None],
        batch_assets: int = BATCH_ASSETS,
    ) -> None:
        self._store = store
        self._seq = plan.seq
        self._pairing = pairing
        self._run = run
        self._items = {(item.asset_id, item.model): item for item in plan.items}
        self._models: dict[str, list[str]] = defaultdict(list)
        for asset, model in self._items:
            self._models[asset].append(model)
        suspected = set(suspects)
        for pair, item in self._items.items():  # each asset's in the order of the model graph
            if any((item.asset_id, above) in suspected for above in item.above):
                suspected.add(pair)  # it is fed by a suspect, which must be tried first
        sound = (item for pair, item in self._items.items() if pair not in suspected)
        self._groups = deque(grouped(sound, batch_assets))
        self._alone = deque(self._single(pair) for pair in self._items if pair in suspected)
        self._before_suspects = before_suspects
        self._ready: deque[WorkBatch] = deque()
        self._number = 0
        self._suspect_out: int | None = None
        self._dead: set[Pair] = set()

    def draw(self, ahead: int = 1) -> WorkBatch | None:
        """The next batch, of which `ahead` are prepared together; None: there is none now. There may be more later:
        when a batch is lost its pairs come again."""
        if not self._ready and self._groups:
            self._prepare([self._groups.popleft() for _ in range(min(ahead, len(self._groups)))])
        elif not self._ready and self._alone and self._suspect_out is None:
            self._before_suspects()
            self._prepare([self._alone.popleft()])
            self._suspect_out = self._number
        return self._ready.popleft() if self._ready else None

    def done(self, number: int) -> None:
        """A batch has come back."""
        if number == self._suspect_out:
            self._suspect_out = None

    def lost(self, batch: WorkBatch, dead: Iterable[Pair]) -> None:
        """A batch's process died: its pairs come again, one by one, except those that are parked now."""
        self.done(batch.number)
        self._dead.update(dead)
        pairs = [(work.asset_id, pair.model) for work in batch.assets for pair in work.pairs if pair.kept]
        again = [self._single(pair) for pair in pairs if pair not in self._dead]
        self._alone.extendleft(reversed(again))

    def _single(self, pair: Pair) -> Group:
        item = self._items[pair]
        return Group(item.bucket, {item.asset_id: [item]}, item.events, alone=True)

    def _prepare(self, groups: Sequence[Group]) -> None:
        """Read what the groups need, and record their pairs as running."""
        drafts = [[self._draft(asset, items, g.alone) for asset, items in g.assets.items()] for g in groups]
        with self._store.catalog.transaction("run") as con:
            segments = read_log_segments(con, self._seq, {group.bucket for group in groups})
            carries = read_carries(con, (edge for works in drafts for work in works for edge in needed(work)))
            begin_attempts(con, self._run.run_id, [a for works in drafts for work in works for a in _attempts(work)])
        for group, works in zip(groups, drafts, strict=True):
            self._number += 1
            log = segments.get(group.bucket, ())
            assets = [filled(work, carries) for work in works]
            self._ready.append(
                WorkBatch(
                    *(self._number, group.bucket, self._seq, self._run.number, log, assets),
                    group.events,
                    group.alone,
                )
            )

    def _draft(self, asset: str, items: Sequence[PlanItem], alone: bool) -> AssetWork:
        work = self._pairing.draft(asset, items, self._models[asset] if alone else ())
        if not alone:
            return work
        stuck = [next((above for above in p.above if (asset, above) in self._dead), p.blocked_by) for p in work.pairs]
        return replace(work, pairs=tuple(replace(p, blocked_by=s) for p, s in zip(work.pairs, stuck, strict=True)))


def _attempts(work: AssetWork) -> Iterator[Attempt]:
    for pair in work.pairs:
        if pair.kept:
            yield Attempt(work.asset_id, pair.model, pair.reasons, pair.fingerprint, pair.events)
