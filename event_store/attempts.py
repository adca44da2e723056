"""Attempts: recorded before execution, so that a model that kills its process is found, and parked in the end."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import duckdb
import pyarrow as pa

from event_store.catalog import insert

MAX_LOST = 3
"""A pair whose process died so often, the last time while it ran alone, is parked."""
UNKNOWN = "a crash, out of memory, a kill"

Pair = tuple[str, str]
"""Asset and model."""


class Attempt(NamedTuple):
    """A pair that is about to run."""

    asset_id: str
    model: str
    reasons: tuple[str, ...]
    fingerprint: str
    events: int


def begin_attempts(con: duckdb.DuckDBPyConnection, run_id: str, attempts: Sequence[Attempt]) -> None:
    """Record pairs as running; what commits them later says how they ended."""
    columns = list(zip(*attempts, strict=True)) or [()] * 5
    table = pa.table(
        {
            "asset_id": pa.array(columns[0], pa.string()),
            "model": pa.array(columns[1], pa.string()),
            "reasons": pa.array([list(reasons) for reasons in columns[2]], pa.list_(pa.string())),
            "fingerprint": pa.array(columns[3], pa.string()),
            "planned_events": pa.array(columns[4], pa.int64()),
        }
    )
    insert(con, "attempts", table, run_id="'" + run_id.replace("'", "''") + "'", status="'running'")


def end_attempts(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Forget what a run that ends in good order did not finish: nothing is wrong with these pairs."""
    con.execute("delete from store.attempts where run_id = ? and status = 'running'", [run_id])


def recover(con: duckdb.DuckDBPyConnection) -> None:
    """Settle the runs that died: the caller holds the run lock, so what still counts as running has been killed.

    All pairs that were running then are suspects. One that was alone is an attempt nearer to being parked.
    """
    con.execute("update store.runs set status = 'killed' where status = 'running'")
    rows = con.execute("select distinct asset_id, model from store.attempts where status = 'running'").fetchall()
    if rows:
        lose(con, rows, rows if len(rows) == 1 else ())


def lose(
    con: duckdb.DuckDBPyConnection, pairs: Sequence[Pair], blamed: Collection[Pair], why: str = ""
) -> list[tuple[str, str, str]]:
    """The process died in which these pairs (asset, model) were running: they are suspects, and those to be `blamed`
    have lost an attempt.

    Where some are, nothing is said against the others. Who has lost MAX_LOST in a row is parked; gives them,
    (asset, model, error).
    """
    names = {"asset_id": [asset for asset, _ in pairs], "model": [model for _, model in pairs]}
    con.register("_lost", pa.table(names | {"blamed": [pair in blamed for pair in pairs]}))
    con.execute(_COUNT_UP)
    con.execute(_COUNT_FIRST)
    con.execute(_SUSPECTED, [why or UNKNOWN, MAX_LOST])
    dead: list[tuple[str, str, str]] = con.execute("select asset_id, model, error from _dead").fetchall()
    con.execute(_SETTLE_LOST, [f"the process died ({why})" if why else "the process died"])
    for statement in _SETTLE:
        con.execute(statement)
    con.unregister("_lost")
    return dead


def suspects(con: duckdb.DuckDBPyConnection) -> dict[Pair, int]:
    """The pairs whose last attempt never ended, with the number of attempts that they have lost."""
    rows = con.execute("select asset_id, model, attempts from store.lost").fetchall()
    return {(asset, model): lost for asset, model, lost in rows}


_COUNT_UP = """
update store.lost l set attempts = attempts + 1 from _lost n
where n.blamed and l.asset_id = n.asset_id and l.model = n.model"""
_COUNT_FIRST = """
insert into store.lost select asset_id, model, 1 from _lost n where not exists (
    select 1 from store.lost l where l.asset_id = n.asset_id and l.model = n.model)"""
_SUSPECTED = """
create temp table _dead as
select a.asset_id, a.model, any_value(a.fingerprint) as tried, any_value(r.seq) as seq, any_value(a.run_id) as run_id,
       'the process died ' || any_value(l.attempts) || ' times while this model ran (' || ? || ')' as error
from store.attempts a join _lost using (asset_id, model) join store.lost l using (asset_id, model)
join store.runs r using (run_id)
where _lost.blamed and a.status = 'running' and l.attempts >= ? group by a.asset_id, a.model"""
_SETTLE_LOST = """
update store.attempts a set status = 'lost', error = ? from _lost n
where a.asset_id = n.asset_id and a.model = n.model and a.status = 'running'
  and (n.blamed or not exists (select 1 from _lost where blamed))"""
_SETTLE = (
    """delete from store.attempts a using _lost n
       where a.asset_id = n.asset_id and a.model = n.model and a.status = 'running'""",
    """update store.heads h set version = h.version + 1, status = 'parked', tried = d.tried, tried_seq = d.seq,
              tried_choices = '{}', error = d.error from _dead d
       where h.asset_id = d.asset_id and h.model = d.model""",
    """insert into store.heads by name
       select asset_id, model, 1 as version, 'parked' as status, error, tried, seq as tried_seq, '{}' as choices,
              '{}' as tried_choices, 0 as seq, 0 as run, run_id, 0 as open_events
       from _dead d where not exists (
           select 1 from store.heads h where h.asset_id = d.asset_id and h.model = d.model)""",
    "delete from store.lost l using _dead d where l.asset_id = d.asset_id and l.model = d.model",
    "drop table _dead",
)
