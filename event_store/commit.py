"""Committing results: one transaction makes segments, snapshots, heads and records of a group visible together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from event_store.catalog import insert
from event_store.segments import TS, Segment, segment_table

HEAD_SCHEMA = pa.schema(
    [
        ("asset_id", pa.string()),
        ("model", pa.string()),
        ("version", pa.int64()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("fingerprint", pa.string()),
        ("seq", pa.int64()),
        ("choices", pa.string()),
        ("consumed", pa.string()),
        ("from_ts", TS),
        ("until_ts", TS),
        ("restated", pa.bool_()),
        ("mask_from", TS),
        ("mask_to", TS),
        ("head", TS),
        ("through", TS),
        ("as_of", TS),
        ("open_events", pa.int64()),
        ("state", pa.string()),
        (
            "latest",
            pa.list_(
                pa.struct([("output", pa.string()), ("ts", TS), ("value", pa.float64()), ("label", pa.string())])
            ),
        ),
        ("reasons", pa.list_(pa.string())),
        ("seconds", pa.float64()),
        ("planned_events", pa.int64()),
        ("events", pa.int64()),
    ]
)
"""One row per pair: its new head. `version` is the one it started from; `status` is `ok`, `parked`, `blocked`, or
`gone` where nothing is left of the asset's log. `from_ts` is the edge where the replay began (null: genesis),
`until_ts` the one where it met what is stored (null: it went to the end): snapshots in between are replaced. If it
was `restated`, rows with stamps from `mask_from` to `mask_to` (null: no bound) are void."""

SNAPSHOT_SCHEMA = pa.schema(
    [
        ("asset_id", pa.string()),
        ("model", pa.string()),
        ("as_of", TS),
        ("through", TS),
        ("digest", pa.string()),
        ("carry", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class RunRef:
    """A run: its id, and its number, which orders runs and marks their output rows."""

    run_id: str
    number: int


@dataclass(frozen=True, slots=True)
class GroupResult:
    """What a batch of work yields: heads (HEAD_SCHEMA), snapshots (SNAPSHOT_SCHEMA) and written segments."""

    heads: pa.Table
    snapshots: pa.Table
    segments: Sequence[Segment]


def commit_group(con: duckdb.DuckDBPyConnection, run: RunRef, results: Sequence[GroupResult]) -> int:
    """Apply results inside the caller's transaction; returns how many batches were stale and left out.

    A batch is stale when the head of any of its pairs has moved since its work was handed out: the head's version
    fences off a zombie, and makes a batch that is applied twice harmless. Its segments stay orphans.
    """
    stale = _stale(con, results)
    group = [result for number, result in enumerate(results) if number not in stale]
    if not group:
        return len(results)
    con.register("_results", pa.concat_tables([result.heads for result in group]))
    con.register("_snapshots", pa.concat_tables([result.snapshots for result in group]))
    con.execute(_FRESH)
    parameters = {"number": run.number, "run_id": run.run_id}
    for statement in _STATEMENTS:
        con.execute(statement, {k: v for k, v in parameters.items() if f"${k}" in statement} or None)
    insert(con, "segments", segment_table(segment for result in group for segment in result.segments))
    con.execute("drop table _fresh")
    for name in ("_results", "_snapshots"):
        con.unregister(name)
    return len(results) - len(group)


def _stale(con: duckdb.DuckDBPyConnection, results: Sequence[GroupResult]) -> set[int]:
    """Which results have a pair whose head has moved."""
    handed = [
        result.heads.select(["asset_id", "model", "version"]).append_column(
            "number", pa.array(np.full(len(result.heads), number))
        )
        for number, result in enumerate(results)
    ]
    con.register("_handed", pa.concat_tables(handed))
    moved = con.execute(
        "select distinct number from _handed r left join store.heads h on h.asset_id = r.asset_id"
        " and h.model = r.model where coalesce(h.version, 0) <> r.version"
    ).fetchall()
    con.unregister("_handed")
    return {number for (number,) in moved}


_FRESH = """
create temp table _fresh as select r.*, h.asset_id is not null as known from _results r
left join store.heads h on h.asset_id = r.asset_id and h.model = r.model
"""

_THIN = """
with rungs as (
    select s.rowid as id, f.head - s.as_of as age,
           row_number() over (partition by s.asset_id, s.model order by s.as_of desc) as newest,
           row_number() over (partition by s.asset_id, s.model, date_trunc('month', s.as_of - interval 1 microsecond)
                              order by s.as_of desc) as of_month,
           row_number() over (partition by s.asset_id, s.model, date_trunc('week', s.as_of - interval 1 microsecond)
                              order by s.as_of desc) as of_week
    from store.snapshots s join _fresh f on s.asset_id = f.asset_id and s.model = f.model and f.status = 'ok'
    where s.carry is not null)
select id from rungs where newest > 2 and of_month > 1 and age >= interval 7 day
   and (of_week > 1 or age >= interval 56 day)
"""

_STATEMENTS = (
    """delete from store.attempts a using _fresh f
       where a.run_id = $run_id and a.asset_id = f.asset_id and a.model = f.model""",
    """insert into store.attempts
       select $run_id, asset_id, model, status, reasons, error, seconds, planned_events, events, fingerprint
       from _fresh""",
    "delete from store.lost l using _fresh f where l.asset_id = f.asset_id and l.model = f.model",
    # A pair that is parked or blocked keeps its last good state, outputs and snapshots.
    """update store.heads h set version = h.version + 1, status = f.status, error = f.error
       from _fresh f where f.status in ('parked', 'blocked') and h.asset_id = f.asset_id and h.model = f.model""",
    """update store.heads h set tried = f.fingerprint, tried_seq = f.seq, tried_choices = f.choices
       from _fresh f where f.status = 'parked' and h.asset_id = f.asset_id and h.model = f.model""",
    """insert into store.heads by name
       select asset_id, model, 1 as version, status, error, fingerprint as tried, seq as tried_seq, choices,
              choices as tried_choices, 0 as seq, 0 as run, $run_id as run_id, 0 as open_events
       from _fresh where status in ('parked', 'blocked') and not known""",
    """delete from store.snapshots s using _fresh f
       where f.status in ('ok', 'gone') and s.asset_id = f.asset_id and s.model = f.model
         and (f.from_ts is null or s.as_of > f.from_ts) and (f.until_ts is null or s.as_of <= f.until_ts)""",
    """delete from store.snapshots s using _snapshots n
       where s.asset_id = n.asset_id and s.model = n.model and s.as_of = n.as_of""",
    """insert into store.snapshots
       select n.asset_id, n.model, n.as_of, n.through, f.seq, $run_id, n.digest, n.carry
       from _snapshots n join _fresh f using (asset_id, model)""",
    """create temp table _masked as
       select asset_id, model, coalesce(mask_from, '-infinity'::timestamptz) as from_ts,
              coalesce(mask_to, 'infinity'::timestamptz) as to_ts
       from _fresh where known and status in ('ok', 'gone') and (restated or mask_from < from_ts)""",
    """delete from store.masks m using _masked n
       where m.asset_id = n.asset_id and m.model = n.model and m.from_ts >= n.from_ts and m.to_ts <= n.to_ts""",
    "insert into store.masks select *, $number from _masked",
    "drop table _masked",
    """delete from store.heads h using _fresh f
       where f.status in ('ok', 'gone') and h.asset_id = f.asset_id and h.model = f.model""",
    """insert into store.heads by name
       select asset_id, model, version + 1 as version, status, null as error, fingerprint, fingerprint as tried,
              seq as tried_seq, choices, choices as tried_choices, consumed, head, through, as_of, seq,
              $number as run, $run_id as run_id, open_events, state, state::json::variant as state_variant, latest
       from _fresh where status = 'ok'""",
    f"update store.snapshots set carry = null where rowid in ({_THIN})",
    """delete from store.snapshots s using _fresh f
       where s.asset_id = f.asset_id and s.model = f.model and s.carry is null
         and f.head - s.as_of > interval 35 day""",
)
"""The last two keep the ladder, see `twins.ladder`: what is no rung loses its carry, and later its hash."""


def replace_skipped(
    con: duckdb.DuckDBPyConnection, skipped: Sequence[tuple[str, str, str]], covers: Callable[[str, str], bool]
) -> None:
    """Replace the list of pairs that cannot run, (asset, model, what is missing), as far as the run `covers` them."""
    known = con.execute("select asset_id, model, missing from store.skipped").fetchall()
    rows = sorted({*(row for row in known if not covers(row[0], row[1])), *skipped})
    if rows == sorted(known):
        return
    con.execute("delete from store.skipped")
    insert(con, "skipped", _text_table(("asset_id", "model", "missing"), rows))


def block(con: duckdb.DuckDBPyConnection, run_id: str, blocked: Sequence[tuple[str, str, str, str]]) -> None:
    """Mark pairs, (asset, model, what for, fingerprint), as waiting for a parked one; they keep what they have."""
    if not blocked:
        return
    con.register("_blocked", _text_table(("asset_id", "model", "error", "tried"), blocked))
    con.execute(
        "update store.heads h set version = h.version + 1, status = 'blocked', error = b.error from _blocked b"
        " where h.asset_id = b.asset_id and h.model = b.model"
    )
    con.execute(
        "insert into store.heads by name select asset_id, model, 1 as version, 'blocked' as status, error, tried,"
        " 0 as tried_seq, '{}' as choices, '{}' as tried_choices, 0 as seq, 0 as run, ? as run_id, 0 as open_events"
        " from _blocked b where not exists (select 1 from store.heads h"
        " where h.asset_id = b.asset_id and h.model = b.model)",
        [run_id],
    )
    con.unregister("_blocked")


def add_fingerprints(con: duckdb.DuckDBPyConnection, parts: Sequence[tuple[str, str]]) -> None:
    """Remember what fingerprints, (value, parts as JSON), were made of."""
    con.register("_made", _text_table(("fingerprint", "parts"), parts))
    con.execute(
        "insert into store.fingerprints select * from _made m"
        " where not exists (select 1 from store.fingerprints f where f.fingerprint = m.fingerprint)"
    )
    con.unregister("_made")


def replace_sensor_rules(
    con: duckdb.DuckDBPyConnection, rules: Sequence[tuple[str, float | None, float | None, float]]
) -> None:
    """Replace the sensors' declarations by those in force: (sensor, low, high, longest interval in s)."""
    con.execute("delete from store.sensor_rules")
    columns = list(zip(*rules, strict=True)) or [()] * 4
    types = (("sensor", pa.string()), ("low", pa.float64()), ("high", pa.float64()), ("max_interval_s", pa.float64()))
    arrays = {name: pa.array(column, kind) for (name, kind), column in zip(types, columns, strict=True)}
    insert(con, "sensor_rules", pa.table(arrays))


def _text_table(names: Sequence[str], rows: Sequence[tuple[str, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table({name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)})
