"""The record versions that stand, as they are stored: what a replay that repeats some of them is compared with."""

from collections.abc import Collection
from typing import NamedTuple

import duckdb

from event_store.object_store import own_errors
from event_store.segment_files import SegmentFiles
from event_store.views import scan, visible


class Version(NamedTuple):
    """One version of a record. Stamps in µs UTC; `detail` is JSON with sorted keys."""

    asset_id: str
    model: str
    kind: str
    cell: str
    started_at: int
    ended_at: int | None
    severity: int | None
    value: float
    detail: str
    known_at: int

    @property
    def content(self) -> int:
        """A hash of what it says. When it became known is left out: the open slot's end moves with every event."""
        return hash((*self[:7], repr(self.value), self.detail))  # a NaN equals no other, but reads the same


def standing_versions(con: duckdb.DuckDBPyConnection, files: SegmentFiles, assets: Collection[str]) -> list[Version]:
    """All versions of these assets' records that no later replay has replaced."""
    files.serve(con)
    con.execute("create or replace temp table _wanted as select unnest(?) as asset_id", [list(assets)])
    closed, provisional = (_rows(con, files, kind) for kind in ("record", "open_record"))
    query = f"""
        select asset_id, model, kind, cell, epoch_us(started_at), epoch_us(ended_at), severity, value, detail,
               epoch_us(ts) from ({visible(closed, provisional)})"""
    with own_errors():
        return [Version(*row) for row in con.execute(query).fetchall()]


def _rows(con: duckdb.DuckDBPyConnection, files: SegmentFiles, kind: str) -> str:
    """A table expression over the stored rows of one kind that belong to the wanted assets."""
    found = con.execute(
        "select path from store.segments where kind = ? and bucket in"
        " (select bucket from store.assets join _wanted using (asset_id)) order by seq, path",
        [kind],
    ).fetchall()
    listed = [files.sql_path(path) for (path,) in found]
    return f"(select * from {scan(kind, listed)} where asset_id in (select asset_id from _wanted))"
