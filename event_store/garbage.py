"""Garbage: files that the catalog names no more. They stay while a published copy may name them, and then go."""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from event_store.listing import discard
from event_store.locks import CATALOG_WAIT_S, exclusive
from event_store.publish import publish
from event_store.store import Store

GRACE_S = 3600.0
"""Long enough for whoever has an older published copy open, or has read the list of segments, to be done with it."""
KEEP = 256
"""Runs in quick succession keep so many of the newest files instead: their number must not depend on the clock."""
KEPT_RUNS = 400
"""Attempts of older runs are forgotten."""


@dataclass(frozen=True, slots=True)
class GcReport:
    """What was deleted, or would be: replaced files, files that nothing names, leftovers of killed publications."""

    garbage: int
    orphans: int
    drafts: int
    bytes: int


def retire_open(con: duckdb.DuckDBPyConnection) -> None:
    """Make garbage of the segments of open slots that no pair of their bucket shows any more."""
    discard(
        con,
        "starts_with(kind, 'open_') and not exists (select 1 from store.heads h join store.assets a using (asset_id)"
        " where a.bucket = s.bucket and h.run between s.first_seq and s.seq)",
    )


def forget_attempts(con: duckdb.DuckDBPyConnection) -> None:
    """Drop the attempts of all but the newest runs."""
    con.execute(
        "delete from store.attempts where run_id in (select run_id from store.runs"
        " where number <= (select max(number) from store.runs) - ?)",
        [KEPT_RUNS],
    )


def due(con: duckdb.DuckDBPyConnection) -> list[str]:
    """What became garbage before the previous run, and is old or too much: once this run has published, it can go.

    So a reader that has the published copy of the previous run open is safe.
    """
    return [path for (path,) in con.execute(_DUE, {"grace": GRACE_S, "keep": KEEP}).fetchall()]


def collect(store: Store, paths: Sequence[str]) -> None:
    """Delete files of the garbage list. The caller holds the run lock."""
    if paths:
        _delete(store, paths)
        for folder in {path.rpartition("/")[0] for path in paths if not path.startswith("segments/event/")}:
            # Folders of events belong to the ingest, which may be about to write there.
            store.files.prune(folder)


_DUE = """
select path from (select *, row_number() over (order by since desc, run desc, path) as place from store.garbage)
where run < (select max(number) from store.runs) - 1
  and (place > $keep or since < now() - to_seconds($grace)) order by path
"""


def gc(store: Store, grace_s: float = GRACE_S, dry_run: bool = False) -> GcReport:
    """Delete all garbage, orphans and drafts that are older than the grace, and folders that are empty.

    Raises StoreBusy during a run or an upload.
    """
    with store.running(), store.ingesting(), store.uploading():
        if not dry_run:
            publish(store)  # no copy that is opened from now on names what goes
        with store.catalog.session("gc") as con:
            old = "select path, bytes from store.garbage where since <= now() - to_seconds(?)"
            garbage = dict(con.execute(old, [grace_s]).fetchall())
            orphans = find_orphans(store, con, time.time() - grace_s)
        drafts = _drafts(store, time.time() - grace_s)
        if not dry_run:
            _delete(store, garbage)
            store.files.delete(orphans)
            with exclusive(store.paths.locks, "publish", "gc", CATALOG_WAIT_S):
                for draft in drafts:
                    draft.unlink(missing_ok=True)
            store.files.prune("segments")
        size = sum(garbage.values()) + sum(orphans.values()) + sum(drafts.values())
        return GcReport(len(garbage), len(orphans), len(drafts), size)


def find_orphans(store: Store, con: duckdb.DuckDBPyConnection, before: float) -> Mapping[str, int]:
    """Files among the segments that nothing names and that were last written before a time: path to bytes."""
    known = con.execute("select path from store.segments union all select path from store.garbage").fetchall()
    named = {path for (path,) in known}
    files = (file for file in store.files.list("segments") if file.path not in named)
    return {file.path: file.size for file in files if file.modified <= before}


def _drafts(store: Store, before: float) -> Mapping[Path, int]:
    """What killed publications and rewrites have left."""
    sizes: dict[Path, int] = {}
    for path in store.paths.root.glob("*.draft*"):
        with suppress(FileNotFoundError):
            found = path.stat()
            if path.is_file() and found.st_mtime <= before:
                sizes[path] = found.st_size
    return sizes


def _delete(store: Store, paths: Iterable[str]) -> None:
    """Delete files of the garbage list, and then their rows: killed in between, the next time does the rest."""
    gone = list(paths)
    store.files.delete(gone)
    with store.catalog.transaction("gc") as con:
        con.execute("delete from store.garbage where path in (select unnest(?))", [gone])
        forget_attempts(con)
