"""Opening the published copy, and the description that it carries."""

import duckdb

from event_store.paths import StorePaths
from event_store.views import quoted

ATTEMPTS = 5


def published_meta(paths: StorePaths) -> dict[str, str]:
    """The description of the store when its copy was published; empty without a copy.

    `root` is where it lay: the views name segments by that. `segments` is their URI where they lie elsewhere.
    """
    if not paths.published.is_file():
        return {}
    with duckdb.connect() as con:
        attach_published(con, paths)
        return dict(con.execute("select key, value from fleet.store.meta").fetchall())


def attach_published(con: duckdb.DuckDBPyConnection, paths: StorePaths) -> None:
    """Attach the published copy as `fleet`, read-only.

    DuckDB opens a file once for its header and again for its blocks. Where a publication has put another one in its
    place between the two, some 40 µs, they do not fit each other, which DuckDB notices: then it is tried again.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            con.execute(f"attach {quoted(str(paths.published.absolute()))} as fleet (read_only)")
            return
        except duckdb.Error:
            if not left:
                raise
