"""What is new in a store since a sequence: found without opening the catalog where nothing was written."""

import os
from dataclasses import dataclass

import duckdb

from event_store.paths import StorePaths
from event_store.store import last_seq

Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class News:
    """The newest sequence, and the assets whose events or parameters came or went after the one asked for."""

    seq: int
    assets: frozenset[str]


def stamp(paths: StorePaths) -> Stamp:
    """The catalog's file and its write-ahead log as the file system sees them: any commit changes it."""
    wal = paths.catalog.with_name(paths.catalog.name + ".wal")
    return tuple(_seen(path) for path in (paths.catalog, wal))


def _seen(path: os.PathLike[str]) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def read_news(con: duckdb.DuckDBPyConnection, since: int) -> News:
    """What has come after a sequence."""
    seq = last_seq(con)
    if seq == since:
        return News(seq, frozenset())
    rows = con.execute(
        "select asset_id from store.arrivals where seq > $1"
        " union select asset_id from store.parameters where seq > $1",
        [since],
    ).fetchall()
    return News(seq, frozenset(asset for (asset,) in rows))
