"""What long-lived twins remember of the log: their events from the head on. A round reads only what is new."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from actors.work import WorkBatch
from event_store.log import LogSegment, read_assets
from event_store.segment_files import SegmentFiles
from twins import AssetSeries


@dataclass(slots=True)
class _Tail:
    """An asset's events from `start` on (µs UTC; None: from the first)."""

    start: int | None
    series: AssetSeries

    def reaches(self, start: int | None) -> bool:
        """Whether it holds all events from this start on."""
        return self.start is None or (start is not None and start >= self.start)


@dataclass(slots=True)
class _Bucket:
    """The segments that have been read, and the tails that came of them."""

    segments: tuple[LogSegment, ...] = ()
    tails: dict[str, _Tail] = field(default_factory=dict)


class LogMemory:
    """The tails of the twins that are awake, by bucket.

    A tail is good for as long as the segments that it was read from are the first ones of their bucket's log, as
    they were: then whatever follows them is new. A retraction or a merge of segments changes them; then, and where
    events are deleted by tombstones, all tails of the bucket are read anew.
    """

    def __init__(self, files: SegmentFiles) -> None:
        self._files = files
        self._buckets: dict[int, _Bucket] = {}

    def read(self, batch: WorkBatch) -> dict[str, AssetSeries]:
        """The events of a batch's assets, each from its start or an earlier time on; without any, it is left out."""
        bucket = self._follow(batch)
        starts = {work.asset_id: work.start for work in batch.assets}
        known = {name: bucket.tails.get(name) for name in starts}
        asleep = {n: start for n, start in starts.items() if not (tail := known[n]) or not tail.reaches(start)}
        woken = read_assets(self._files, batch.segments, asleep) if asleep else {}
        for name, start in asleep.items():
            bucket.tails.pop(name, None)
            if name in woken:
                bucket.tails[name] = _Tail(start, woken[name])
        return {name: bucket.tails[name].series for name in starts if name in bucket.tails}

    def _follow(self, batch: WorkBatch) -> _Bucket:
        """The bucket, with its tails continued by what has come since."""
        segments = tuple(batch.segments)
        bucket = self._buckets.setdefault(batch.bucket, _Bucket())
        fresh = segments[len(bucket.segments) :]
        if segments[: len(bucket.segments)] != bucket.segments or any(s.tombstones for s in fresh):
            bucket = self._buckets[batch.bucket] = _Bucket()
        elif fresh and bucket.tails:
            starts = {name: tail.start for name, tail in bucket.tails.items()}
            for name, more in read_assets(self._files, fresh, starts).items():
                tail = bucket.tails[name]
                tail.series = tail.series.followed_by(more).owned()  # joined once, not by every model
        bucket.segments = segments
        return bucket

    def shorten(self, bucket: int, heads: Mapping[str, int | None]) -> None:
        """Forget what lies before these edges (µs UTC): the next replay begins there, unless it is of late events."""
        tails = self._buckets[bucket].tails
        for name, head in heads.items():
            if head is not None and name in tails:
                tails[name] = _Tail(head, tails[name].series.since(head).owned())

    def drop(self, assets: Collection[str]) -> None:
        """Let twins go."""
        for bucket in self._buckets.values():
            for name in bucket.tails.keys() & set(assets):
                del bucket.tails[name]

    @property
    def awake(self) -> frozenset[str]:
        """The twins that are in memory."""
        return frozenset(name for bucket in self._buckets.values() for name in bucket.tails)
