"""Undoing a batch: its rows stay in the log and count no more, and what they had replaced counts again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from altergo_interface.errors import SelectionError, did_you_mean
from event_store.facts import read_log_segments
from event_store.ingest.arrange import DAY_US, changed_days
from event_store.ingest.recount import add_arrivals, recount
from event_store.log import read_assets
from event_store.paths import bucket_of
from event_store.segments import INDEX_KEY
from event_store.store import Store
from twins import AssetSeries, Column


@dataclass(frozen=True, slots=True)
class RetractReport:
    """What undoing a batch came to: the assets in it, and how many keys have another value, or none, now."""

    batch: str
    file: str
    assets: int
    changed: int


def retract_batch(store: Store, batch: str) -> RetractReport:
    """Undo the newest batch of that id, or of the only id that begins so.

    Raises SelectionError for an unknown batch, one that is undone already, and one of parameters.
    """
    with store.ingesting():
        with store.catalog.session("batches retract") as con:
            old, name, file = _find(con, batch)
            seq = store.next_seq(con)
            paths = con.execute(
                "select path from store.segments where kind = 'event' and first_seq <= ? and seq >= ?", [old, old]
            ).fetchall()
            assets = sorted(_assets(store, [path for (path,) in paths]))
            by_bucket: dict[int, list[str]] = {}
            for asset in assets:
                by_bucket.setdefault(bucket_of(asset), []).append(asset)
            before = read_log_segments(con, seq, by_bucket)
            con.execute("begin")
            con.execute("update store.batches set retracted_by = ? where seq = ?", [seq, old])
            after = read_log_segments(con, seq, by_bucket)
            con.execute("rollback")
        stamps: dict[str, NDArray[np.int64]] = {}
        for bucket, names in by_bucket.items():
            was, now = (
                read_assets(store.files, log.get(bucket, ()), dict.fromkeys(names)) for log in (before, after)
            )
            stamps |= {asset: _changed(was.get(asset), now.get(asset)) for asset in names}
        counted = recount(store.files, after, by_bucket)
        with store.catalog.transaction("batches retract") as con:
            con.execute("update store.batches set retracted_by = ? where seq = ?", [seq, old])
            changed = sum(len(t) for t in stamps.values())
            con.execute(
                "insert into store.batches by name select ? as seq, ? as batch, 'retraction' as kind, ? as file,"
                ' now() as ingested_at, 0 as "rows", ? as appended, 0 as duplicates, 0 as late, 0 as quarantined',
                [seq, f"retraction-{seq}", file, changed],
            )
            add_arrivals(con, seq, _days(stamps))
            counted.store(con)
    return RetractReport(name, file, len(assets), changed)


def _find(con: duckdb.DuckDBPyConnection, batch: str) -> tuple[int, str, str]:
    rows = con.execute("select seq, batch, kind, file, retracted_by from store.batches order by seq desc").fetchall()
    found = [row for row in rows if row[1] == batch] or [row for row in rows if row[1].startswith(batch)]
    if not found or len({row[1] for row in found}) > 1:
        what = "no batch is called" if not found else "several batches begin with"
        raise SelectionError(f"{what} '{batch}'", did_you_mean(batch, [row[1] for row in rows]))
    standing = [row for row in found if row[4] is None]
    if found[0][2] not in ("events", "retract"):
        raise SelectionError(f"batch '{batch}' holds {found[0][2]}, no events", "Import other values instead")
    if not standing:
        raise SelectionError(f"batch '{batch}' is retracted already", "See: twins batches list")
    seq, name, _, file, _ = standing[0]
    return seq, name, file


def _assets(store: Store, paths: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for path in paths:
        index = json.loads(store.files.read(path, lambda file: file.schema_arrow.metadata[INDEX_KEY]))
        fresh = {asset for asset, _ in index["assets"]} - seen
        seen |= fresh
        yield from fresh


_NOTHING: Column = (np.empty(0, np.int64), np.empty(0))


def _changed(was: AssetSeries | None, now: AssetSeries | None) -> NDArray[np.int64]:
    """The stamps at which some sensor's winning value differs, once for each sensor."""
    before, after = (series.events if series is not None else {} for series in (was, now))
    parts = [_differing(before.get(s, _NOTHING), after.get(s, _NOTHING)) for s in {*before, *after}]
    return np.concatenate([_NOTHING[0], *parts])


def _differing(was: Column, now: Column) -> NDArray[np.int64]:
    (t, x), (u, y) = was, now
    both, at, there = np.intersect1d(t, u, assume_unique=True, return_indices=True)
    return np.concatenate([np.setxor1d(t, u, assume_unique=True), both[x[at] != y[there]]])


def _days(stamps: dict[str, NDArray[np.int64]]) -> pa.Table:
    names, days, counts, firsts, lasts = [], [], [], [], []
    for asset, unsorted in stamps.items():
        t = np.sort(unsorted)
        for day in np.split(t, np.flatnonzero(np.diff(t // DAY_US)) + 1) if len(t) else ():
            names.append(asset)
            days.append(int(day[0] // DAY_US))
            counts.append(len(day))
            firsts.append(int(day[0]))
            lasts.append(int(day[-1]))
    columns = [np.array(column, np.int64) for column in (days, counts, firsts, lasts)]
    return changed_days(pa.array(names, pa.string()), *columns)
