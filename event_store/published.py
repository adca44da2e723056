"""The description that the published copy carries."""

import duckdb

from event_store.paths import StorePaths
from event_store.views import quoted


def published_meta(paths: StorePaths) -> dict[str, str]:
    """The description of the store when its copy was published; empty without a copy.

    `root` is where it lay: the views name segments by that. `segments` is their URI where they lie elsewhere.
    """
    if not paths.published.is_file():
        return {}
    with duckdb.connect() as con:
        con.execute(f"attach {quoted(str(paths.published))} as fleet (read_only)")
        return dict(con.execute("select key, value from fleet.store.meta").fetchall())
