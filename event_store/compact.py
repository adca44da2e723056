"""Compaction: where many small segments share a place (kind, bucket, month), they are merged into one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import NamedTuple

import duckdb
import pyarrow as pa

from altergo_interface.errors import StoreBusy
from event_store.listing import listed, replace_listed
from event_store.merge_events import merge_events, newest_events
from event_store.merge_ledger import merge_ledger, settled_pairs
from event_store.merge_results import CLOSED, Visibility
from event_store.object_store import own_errors
from event_store.segments import Segment
from event_store.store import INGEST_WAIT_S, Store

COMPACT_ABOVE = 16
"""A view over 1,000 files takes 0.1 s, one over 100,000 takes 14 s."""

_BUSY = "an ingest is going on: segments of events were left alone"


class Place(NamedTuple):
    """Where segments that can be merged lie."""

    kind: str
    bucket: int
    month: str


@dataclass(slots=True)
class CompactReport:
    """What a compaction came to: places merged, segments before and after, masks that hide nothing any more, and what
    was left alone and why."""

    places: int = 0
    before: int = 0
    after: int = 0
    masks: int = 0
    note: str = ""

    def add(self, old: Sequence[Sequence[Segment]], new: Sequence[Segment]) -> None:
        """Count some merged places."""
        self.places += len(old)
        self.before += sum(map(len, old))
        self.after += len(new)


def compact(
    store: Store, above: int = COMPACT_ABOVE, wait_s: float = INGEST_WAIT_S, *, newest: bool = False
) -> CompactReport:
    """Merge the segments of every place with more than `above` of them; of events with `newest` only as many of the
    newest as pay, see `newest_events`. The caller holds the run lock.

    New segments are on the disk before one transaction for each bucket lists them instead of the old ones. Events
    need the ingest lock: where it is not free within `wait_s`, they wait for the next compaction.
    """
    with store.catalog.session("compact") as con:
        places = crowded(con, above)
    report = CompactReport()
    for bucket, results in _by_bucket(place for place in places if place.kind not in ("event", "sent")).items():
        _merge_results(store, bucket, results, report)
    for bucket, months in _by_bucket(place for place in places if place.kind == "sent").items():
        _merge_ledger(store, bucket, months, report)
    events = _by_bucket(place for place in places if place.kind == "event")
    for bucket, months in events.items():
        with ExitStack() as stack:
            try:
                stack.enter_context(store.ingesting(wait_s))
            except StoreBusy:
                report.note = _BUSY
                return report
            _merge_events(store, bucket, months, report, newest)
    return report


def crowded(con: duckdb.DuckDBPyConnection, above: int) -> list[Place]:
    """The places that hold more segments than that."""
    query = """select kind, bucket, month from store.segments group by kind, bucket, month having count(*) > ?
               order by bucket, kind, month"""
    return [Place(*row) for row in con.execute(query, [above]).fetchall()]


def _by_bucket(places: Iterable[Place]) -> dict[int, list[Place]]:
    found: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        found[place.bucket].append(place)
    return found


def _segments(con: duckdb.DuckDBPyConnection, bucket: int) -> dict[Place, list[Segment]]:
    found: dict[Place, list[Segment]] = defaultdict(list)
    for segment in listed(con, "bucket = ?", bucket):
        found[Place(segment.kind, segment.bucket, segment.month)].append(segment)
    return found


def _merge_events(store: Store, bucket: int, places: Sequence[Place], report: CompactReport, newest: bool) -> None:
    with store.catalog.session("compact") as con:
        found = _segments(con, bucket)
    old = [newest_events(found[place]) if newest else found[place] for place in places]
    new = [merge_events(store.files, segments) for segments in old]
    with store.catalog.transaction("compact") as con:
        replace_listed(con, [segment for segments in old for segment in segments], new)
    report.add(old, new)


def _merge_results(store: Store, bucket: int, places: Sequence[Place], report: CompactReport) -> None:
    with store.catalog.session("compact") as con:
        found = _segments(con, bucket)
        visibility = Visibility.read(con, store.files, bucket)
    old = [found.pop(place) for place in places]
    with closing(visibility), own_errors():
        merged = [visibility.merge(segments) for segments in old]
        others = (segments for place, segments in found.items() if place.kind in CLOSED)
        unused = visibility.unused_masks([segment for segments in others for segment in segments])
    new = [segment for segment in merged if segment is not None]
    with store.catalog.transaction("compact") as con:
        replace_listed(con, [segment for segments in old for segment in segments], new)
        _drop_masks(con, unused)
    report.add(old, new)
    report.masks += len(unused)


def _merge_ledger(store: Store, bucket: int, places: Sequence[Place], report: CompactReport) -> None:
    """An upload that is going on adds newer segments meanwhile; those stay, and count before the merged ones."""
    with store.catalog.session("compact") as con:
        found = _segments(con, bucket)
        settled = settled_pairs(con, bucket)
    old = [found[place] for place in places]
    merged = [merge_ledger(store.files, segments, settled) for segments in old]
    new = [segment for segment in merged if segment is not None]
    with store.catalog.transaction("compact") as con:
        replace_listed(con, [segment for segments in old for segment in segments], new)
    report.add(old, new)


def _drop_masks(con: duckdb.DuckDBPyConnection, masks: pa.Table) -> None:
    con.register("_unused", masks)
    con.execute(
        "delete from store.masks m using _unused u where m.asset_id = u.asset_id and m.model = u.model"
        " and m.from_ts = u.from_ts and m.to_ts = u.to_ts and m.before_run = u.before_run"
    )
    con.unregister("_unused")
