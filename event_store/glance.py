"""A store at a glance: the published copy's own figures, for whoever looks at a fleet in a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from altergo_interface.display import counted
from event_store.paths import StorePaths
from event_store.views import quoted

STATUSES = ("ok", "parked", "blocked")
_EXTENT = """
select count(*), coalesce(sum(events), 0)::bigint, strftime(max(last_ts) at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ')
from fleet.store.assets"""
_PAIRS = f"""
select model, {", ".join(f"count(*) filter (status = '{status}')" for status in STATUSES)},
       strftime(max(as_of) at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ')
from fleet.store.heads group by model order by model"""


@dataclass(frozen=True, slots=True)
class Glance:
    """What was published last: the fleet in words, and a row per model."""

    facts: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def glance(paths: StorePaths) -> Glance | None:
    """Look at the published copy; None where there is none, or none that can be read: a look never fails."""
    if not paths.published.is_file():
        return None
    try:
        with duckdb.connect() as con:
            con.execute(f"attach {quoted(str(paths.published.absolute()))} as fleet (read_only)")
            assets, events, newest = con.execute(_EXTENT).fetchall()[0]
            rows = con.execute(_PAIRS).fetchall()
    except duckdb.Error:
        return None
    facts = [counted(assets, "asset"), counted(events, "event"), *([f"newest {newest}"] if newest else [])]
    return Glance(facts, ("model", *STATUSES, "newest event"), rows)
