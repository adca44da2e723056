"""Where hosts draw their work from: batches of the plan, and last, pairs that may kill a process."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from actors.pairing import Pairing, filled, needed
from actors.suspicion import parted, with_fed
from actors.work import AssetWork, Pair, WorkBatch
from event_store.attempts import Attempt, begin_attempts
from event_store.commit import RunRef
from event_store.facts import read_carries, read_log_segments
from event_store.store import Store
from twins import Plan, PlanItem

BATCH_EVENTS = 8_000_000
"""About a second of work, and 130 MB: long against a call and the files that it writes, short against a run.

An asset's events are read as a whole: one that has more of them makes a batch of its own."""
BATCH_ASSETS = 200


@dataclass(slots=True)
class Group:
    """Assets of one bucket that travel together, with their planned number of events."""

    bucket: int
    assets: dict[str, list[PlanItem]] = field(default_factory=dict)
    events: int = 0
    suspect: bool = False


def grouped(items: Iterable[PlanItem], assets: int = BATCH_ASSETS, events: float = BATCH_EVENTS) -> Iterator[Group]:
    """Cut the plan into groups by bucket, events and number of assets: what a host holds in memory at a time."""
    by_asset: dict[tuple[int, str], list[PlanItem]] = defaultdict(list)
    for item in items:
        by_asset[item.bucket, item.asset_id].append(item)
    group: Group | None = None
    for (bucket, asset), pairs in sorted(by_asset.items(), key=lambda entry: entry[0]):
        more = max(item.events for item in pairs)
        full = group is not None and (group.events + more > events or len(group.assets) >= assets)
        if group is None or group.bucket != bucket or full:
            if group is not None:
                yield group
            group = Group(bucket)
        group.assets[asset] = pairs
        group.events += more
    if group is not None:
        yield group


class WorkSource:
    """Hands out a plan's work. Every pair is recorded as running before it is handed out.

    Pairs that are suspected of killing their process come last: `together` in batches that are noted pair by pair,
    if this process survives, until one is singled out. Who is accused is tried when nothing else runs, so that the
    next death is its own; `before_trial` is called before each of them.
    """

    def __init__(
        self,
        store: Store,
        plan: Plan,
        pairing: Pairing,
        run: RunRef,
        suspects: Mapping[Pair, int],
        before_trial: Callable[[], None] = lambda: None,
        batch_assets: int = BATCH_ASSETS,
        *,
        together: bool = True,
    ) -> None:
        self._store = store
        self._seq = plan.seq
        self._pairing = pairing
        self._run = run
        self._items = {(item.asset_id, item.model): item for item in plan.items}
        self._models: dict[str, list[str]] = defaultdict(list)
        for asset, model in self._items:
            self._models[asset].append(model)
        self._order = {pair: n for n, pair in enumerate(self._items)}  # each asset's in that of the model graph
        self._above = {pair: item.above for pair, item in self._items.items()}
        suspected = with_fed(suspects, self._items, self._above)
        accused = with_fed((p for p, lost in suspects.items() if lost > 1), self._items, self._above)
        self._accused = sorted((accused if together else suspected) & set(self._items), key=self._order.__getitem__)
        apart = set(self._accused)
        self._batch_assets = batch_assets
        self._sound = deque(grouped(self._these(p for p in self._items if p not in suspected), batch_assets))
        self._suspects = deque(
            replace(group, suspect=True)
            for group in grouped(self._these(p for p in self._items if p in suspected - apart), batch_assets)
        )
        self._before_trial = before_trial
        self._ready: deque[WorkBatch] = deque()
        self._number = 0
        self._out: set[int] = set()
        self._dead: set[Pair] = set()

    def draw(self, ahead: int = 1) -> WorkBatch | None:
        """The next batch, of which `ahead` are prepared together, or so many small ones as make one; None: there is
        none now. There may be more later: when a batch is lost its pairs come again."""
        if not self._ready:
            groups = self._sound or self._suspects
            if groups:
                self._prepare(list(self._next(groups, ahead)))
            elif self._accused and not self._out:
                self._before_trial()
                self._prepare([self._together(self._accused[:1])])
                del self._accused[0]
        if not self._ready:
            return None
        batch = self._ready.popleft()
        self._out.add(batch.number)
        return batch

    def _next(self, groups: deque[Group], ahead: int) -> Iterator[Group]:
        """The next groups: each preparation opens the catalog, which takes longer than a day of one asset."""
        assets = events = count = 0
        while groups:
            group = groups[0]
            assets, events, count = assets + len(group.assets), events + group.events, count + 1
            if count > max(ahead, 1) and (assets > self._batch_assets or events > BATCH_EVENTS):
                return
            yield groups.popleft()

    def done(self, number: int) -> None:
        """A batch has come back."""
        self._out.discard(number)

    def lost(self, batch: WorkBatch, at: Pair | None, dead: Iterable[Pair]) -> None:
        """A batch's process died when it had come to the pair `at`: its pairs come again, except those that are
        parked now."""
        self.done(batch.number)
        self._dead.update(dead)
        pairs = [pair for pair in batch.kept if pair not in self._dead]
        if len(batch.kept) == 1:
            self._accuse(pairs)
        elif not batch.suspect:
            self._suspects.appendleft(self._together(pairs))
        else:
            chosen, groups = parted(pairs, at)
            apart = with_fed(chosen, pairs, self._above)
            self._accuse(apart)
            left = [[pair for pair in group if pair not in apart] for group in groups]
            self._suspects.extendleft(self._together(group) for group in reversed(left) if group)

    def _accuse(self, pairs: Iterable[Pair]) -> None:
        self._accused = sorted({*self._accused, *pairs}, key=self._order.__getitem__)

    def _these(self, pairs: Iterable[Pair]) -> Iterator[PlanItem]:
        return (self._items[pair] for pair in pairs)

    def _together(self, pairs: Sequence[Pair]) -> Group:
        """Suspects of one lost batch, and so of one bucket."""
        (group,) = grouped(self._these(pairs), assets=len(pairs), events=inf)
        return replace(group, suspect=True)

    def _prepare(self, groups: Sequence[Group]) -> None:
        """Read what the groups need, and record their pairs as running."""
        drafts = [[self._draft(asset, items, g.suspect) for asset, items in g.assets.items()] for g in groups]
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
                    group.suspect,
                )
            )

    def _draft(self, asset: str, items: Sequence[PlanItem], suspect: bool) -> AssetWork:
        work = self._pairing.draft(asset, items, self._models[asset] if suspect else ())
        if not suspect:
            return work
        # What is parked now must not even be replayed to feed others: it would kill again.
        pairs = [pair for pair in work.pairs if pair.kept or (asset, pair.model) not in self._dead]
        stuck = [next((above for above in p.above if (asset, above) in self._dead), p.blocked_by) for p in pairs]
        return replace(work, pairs=tuple(replace(p, blocked_by=s) for p, s in zip(pairs, stuck, strict=True)))


def _attempts(work: AssetWork) -> Iterator[Attempt]:
    for pair in work.pairs:
        if pair.kept:
            yield Attempt(work.asset_id, pair.model, pair.reasons, pair.fingerprint, pair.events)
