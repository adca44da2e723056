"""Verifying a store: files against the list, heads against the log, snapshots against their hashes."""

import hashlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import duckdb

from event_store.figures import Figures, Finding
from event_store.garbage import find_orphans
from event_store.listing import listed
from event_store.segments import Segment
from event_store.store import Store


@dataclass(slots=True)
class Verification:
    """What was checked, and found. `skipped` are pairs that could not be replayed, and why."""

    segments: int = 0
    bytes: int = 0
    orphans: int = 0
    assets: int = 0
    pairs_replayed: int = 0
    skipped: list[Finding] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def verify_store(store: Store, sample: int | None, stepwise: Collection[str]) -> tuple[Verification, set[int]]:
    """Check what can be checked without a model, and count all assets, or `sample` of them.

    `stepwise` are the models that keep snapshots. Also gives the buckets whose events cannot be read.
    """
    found = Verification()
    with store.catalog.session("verify") as con:
        segments = listed(con)
        found.orphans = len(find_orphans(store, con, time.time()))
        found.findings += _heads(con, stepwise)
        counted = Figures.read(con, sample)
    found.segments, found.bytes = len(segments), sum(segment.bytes for segment in segments)
    damaged = {segment: what for segment in segments if (what := _damage(store, segment)) is not None}
    with store.catalog.session("verify") as con:
        still = {segment.path for segment in listed(con)}  # what a compaction has replaced meanwhile is no finding
    found.findings += [Finding(what, segment.path) for segment, what in damaged.items() if segment.path in still]
    unreadable = {segment.bucket for segment in damaged if segment.kind == "event"}
    found.findings += _carries(store)
    found.assets, wrong = counted.check(store, unreadable)
    found.findings += wrong
    return found, unreadable


def _damage(store: Store, segment: Segment) -> str | None:
    size = store.files.size(segment.path)
    if size is None:
        return "the segment is missing"
    if size != segment.bytes:
        return f"the segment has {size} bytes, not {segment.bytes}"
    if store.files.checksum(segment.path) != segment.checksum:
        return "the segment's bytes have changed: its checksum differs"
    rows = store.files.read(segment.path, lambda file: file.metadata.num_rows)
    return None if rows == segment.rows else f"the segment has {rows} rows, not {segment.rows}"


_HEADS = {
    "the head lies behind what was folded": "not h.as_of >= h.head and not a.last_ts >= h.head",
    "the state is newer than the log": "not h.as_of <= a.last_ts",
}
"""Of pairs that have seen all of their asset's log."""

_LOST = """
select h.asset_id, h.model from store.heads h
where h.head is not null and not exists (
        select 1 from store.snapshots s
        where s.asset_id = h.asset_id and s.model = h.model and s.as_of = h.head and s.carry is not null)
  and (list_contains(?, h.model) or exists (
        select 1 from store.snapshots s where s.asset_id = h.asset_id and s.model = h.model))
order by all"""


def _heads(con: duckdb.DuckDBPyConnection, stepwise: Collection[str]) -> Iterator[Finding]:
    for asset, model in con.execute(_LOST, [sorted(stepwise)]).fetchall():
        yield Finding("there is no snapshot at the head", f"{asset} {model}")
    for what, condition in _HEADS.items():
        query = f"""select h.asset_id, h.model from store.heads h left join store.assets a using (asset_id)
            where h.head is not null and coalesce({condition}, true) and not exists (
                select 1 from store.arrivals r where r.asset_id = h.asset_id and r.seq > h.seq) order by all"""
        for asset, model in con.execute(query).fetchall():
            yield Finding(what, f"{asset} {model}")


def _carries(store: Store) -> Iterator[Finding]:
    """Snapshots whose text is not that of their hash, bucket by bucket."""
    query = """select s.asset_id, s.model, s.as_of::varchar, s.digest, s.carry
               from store.snapshots s join store.assets a using (asset_id)
               where a.bucket = ? and s.carry is not null order by s.asset_id, s.model, s.as_of"""
    with store.catalog.session("verify") as con:
        buckets = con.execute("select distinct bucket from store.assets order by bucket").fetchall()
    for bucket in buckets:
        with store.catalog.session("verify") as con:
            rows = con.execute(query, bucket).fetchall()
        for asset, model, as_of, digest, carry in rows:
            if hashlib.blake2b(carry.encode(), digest_size=16).hexdigest() != digest:
                yield Finding("the snapshot's bytes have changed: its hash differs", f"{asset} {model} at {as_of}")
