"""Publication: a copy of the catalog with the users' views, put in place in one atomic step."""

import os
from contextlib import suppress
from pathlib import Path

import duckdb

from event_store.catalog import one
from event_store.durable import sync
from event_store.locks import CATALOG_WAIT_S, exclusive
from event_store.paths import StorePaths
from event_store.quality import UNSEEN
from event_store.store import Store
from event_store.views import quoted, view_statements

_PARAMETERS = """
select name, bool_and(json_type(value) in ('DOUBLE', 'BIGINT', 'UBIGINT')) from store.parameters
group by name order by name
"""


_SEGMENTS = "select path, kind, bucket, month, first_seq, seq, collides from store.segments order by seq, path"
_RETRACTED = "select seq from store.batches where retracted_by is not null order by seq"


def publish(store: Store) -> None:
    """Replace `fleet.duckdb` by a copy of the catalog as it is now.

    Readers keep the file they have open; whoever opens it next sees the new one, and never a mixture.
    """
    with exclusive(store.paths.locks, "publish", "a publication", CATALOG_WAIT_S):
        _publish(store)


def published_root(paths: StorePaths) -> Path | None:
    """Where the store lay when its copy was published: the views name segments by that. None without a copy."""
    if not paths.published.is_file():
        return None
    with duckdb.connect() as con:
        con.execute(f"attach {quoted(str(paths.published))} as fleet (read_only)")
        found = one(con, "select value from fleet.store.meta where key = 'root'")
    return None if found is None else Path(found)


def _publish(store: Store) -> None:
    target = store.paths.published
    draft = target.with_name(f"fleet.{os.getpid()}.draft")
    try:
        store.catalog.copy_to(draft)
        with duckdb.connect(str(draft)) as con:
            segments = con.execute(_SEGMENTS).fetchall()
            gone = [seq for (seq,) in con.execute(_RETRACTED).fetchall()]
            parameters = con.execute(_PARAMETERS).fetchall()
            unseen = [bucket for (bucket,) in con.execute(UNSEEN).fetchall()]
            con.execute(view_statements(store.paths.root, segments, parameters, gone, unseen))
            con.execute("insert into store.meta values ('root', ?)", [str(store.paths.root)])
            con.execute("checkpoint")
        sync(draft)
        os.replace(draft, target)
        sync(target.parent)
    finally:
        for leftover in (draft, draft.with_name(draft.name + ".wal")):
            with suppress(FileNotFoundError):
                leftover.unlink()


def read_published(paths: StorePaths) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the published copy, and to nothing else.

    Attached, because connecting to a path again would give the copy that an older relation still holds; and confined
    to it, because whatever else a query opened could be written.
    """
    con = duckdb.connect()
    con.execute(f"attach {quoted(str(paths.published.absolute()))} as fleet (read_only); use fleet")
    con.execute("set TimeZone = 'UTC'")
    con.execute(f"set allowed_directories = [{quoted(str(paths.segments.absolute()))}]")
    con.execute("set enable_external_access = false")
    return con
