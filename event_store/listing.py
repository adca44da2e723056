"""The catalog's list of segments: read, and replaced in such a way that the files that go become garbage."""

from collections.abc import Sequence

import duckdb

from event_store.catalog import insert
from event_store.segments import Segment, segment_table

_COLUMNS = """path, kind, bucket, month, "rows", bytes, epoch_us(first_ts), epoch_us(last_ts), first_seq, seq,
collides, tombstones, checksum"""


def listed(con: duckdb.DuckDBPyConnection, where: str = "true", *given: object) -> list[Segment]:
    """The segments that meet a condition, in log order."""
    rows = con.execute(f"select {_COLUMNS} from store.segments where {where} order by seq, path", list(given))
    return [Segment(*row) for row in rows.fetchall()]


def replace_listed(con: duckdb.DuckDBPyConnection, old: Sequence[Segment], new: Sequence[Segment]) -> None:
    """List new segments instead of old ones, whose files are garbage from now on."""
    discard(con, "path in (select unnest($paths))", paths=[segment.path for segment in old])
    insert(con, "segments", segment_table(new))


def discard(con: duckdb.DuckDBPyConnection, where: str, **given: object) -> None:
    """Take segments that meet a condition from the list. Published copies may name them: the files stay for now."""
    con.execute(
        "insert into store.garbage select path, bytes, (select coalesce(max(number), 0) from store.runs), now()"
        f" from store.segments s where {where}",
        given or None,
    )
    con.execute(f"delete from store.segments s where {where}", given or None)
