"""Publication: a copy of the catalog with the users' views, put in place in one atomic step."""

import os
from contextlib import suppress

import duckdb

from event_store.backup import back_up
from event_store.durable import sync
from event_store.locks import CATALOG_WAIT_S, exclusive
from event_store.object_store import own_errors
from event_store.paths import StorePaths
from event_store.places import segment_files
from event_store.published import attach_published, published_meta
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

    Readers keep the file they have open; whoever opens it next sees the new one, and never a mixture. A store whose
    segments lie elsewhere gets a backup, too.
    """
    with exclusive(store.paths.locks, "publish", "a publication", CATALOG_WAIT_S):
        _publish(store)
    back_up(store)


def _publish(store: Store) -> None:
    target = store.paths.published
    draft = target.with_name(f"fleet.{os.getpid()}.draft")
    try:
        store.catalog.copy_to(draft)
        with duckdb.connect(str(draft)) as con, own_errors():
            store.files.serve(con)
            segments = con.execute(_SEGMENTS).fetchall()
            gone = [seq for (seq,) in con.execute(_RETRACTED).fetchall()]
            parameters = con.execute(_PARAMETERS).fetchall()
            unseen = [bucket for (bucket,) in con.execute(UNSEEN).fetchall()]
            con.execute(view_statements(store.files.sql_path, segments, parameters, gone, unseen))
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
    """A read-only connection to the published copy and its segments, and to nothing else.

    Attached, because connecting to a path again would give the copy that an older relation still holds; and confined
    to it, because whatever else a query opened could be written.
    """
    files = segment_files(paths.root.absolute(), published_meta(paths).get("segments"))
    con = duckdb.connect()
    files.serve(con)
    attach_published(con, paths)
    con.execute("use fleet")
    con.execute("set TimeZone = 'UTC'")
    con.execute(f"set allowed_directories = [{quoted(files.sql_path('segments'))}]")
    con.execute("set enable_external_access = false")
    return con
