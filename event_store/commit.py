"""Committing results: one transaction makes segments, snapshots, heads and records of a group visible together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from event_store.catalog import insert, one
from event_store.segments import TS, Segment, segment_table

HEAD_SCHEMA = pa.schema(
    [
        ("asset_id", pa.string()),
        ("model", pa.string()),
        ("version", pa.int64()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("code", pa.string()),
        ("config", pa.string()),
        ("seq", pa.int64()),
        ("choices", pa.string()),
        ("from_ts", TS),
        ("head", TS),
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
    ]
)
"""One row per pair: its new head. `version` is the one it started from; `from_ts` is where the replay began
(null: genesis), so outputs from there on are replaced; `status` is `ok` or `parked`."""

SNAPSHOT_SCHEMA = pa.schema(
    [("asset_id", pa.string()), ("model", pa.string()), ("as_of", TS), ("carry", pa.string())]
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
    group = [result for result in results if not _stale(con, result)]
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


def _stale(con: duckdb.DuckDBPyConnection, result: GroupResult) -> bool:
    con.register("_handed", result.heads)
    moved = one(
        con,
        "select count(*) from _handed r left join store.heads h on h.asset_id = r.asset_id and h.model = r.model"
        " where coalesce(h.version, 0) <> r.version",
    )
    con.unregister("_handed")
    return bool(moved)


_FRESH = """
create temp table _fresh as select r.*, h.asset_id is not null as known from _results r
left join store.heads h on h.asset_id = r.asset_id and h.model = r.model
"""

_STATEMENTS = (
    """insert into store.attempts
       select $run_id, asset_id, model, status, reasons, error, seconds from _fresh""",
    # A pair that was parked keeps its last good state, outputs and snapshots.
    """update store.heads h set version = h.version + 1, status = 'parked', error = f.error,
              tried_code = f.code, tried_config = f.config, tried_seq = f.seq, tried_choices = f.choices
       from _fresh f where f.status = 'parked' and h.asset_id = f.asset_id and h.model = f.model""",
    """insert into store.heads by name
       select asset_id, model, 1 as version, 'parked' as status, error, code as tried_code, config as tried_config,
              seq as tried_seq, choices, choices as tried_choices,
              0 as seq, 0 as run, $run_id as run_id, 0 as open_events
       from _fresh where status = 'parked' and not known""",
    """delete from store.snapshots s using _fresh f
       where f.status = 'ok' and s.asset_id = f.asset_id and s.model = f.model
         and (f.from_ts is null or s.as_of > f.from_ts)""",
    """insert into store.snapshots
       select s.asset_id, s.model, s.as_of, f.seq, $run_id, s.carry
       from _snapshots s join _fresh f using (asset_id, model)
       where f.status = 'ok' and (f.from_ts is null or s.as_of > f.from_ts)""",
    """delete from store.masks m using _fresh f
       where f.status = 'ok' and f.from_ts is null and m.asset_id = f.asset_id and m.model = f.model""",
    """insert into store.masks
       select asset_id, model, '-infinity'::timestamptz, $number from _fresh
       where status = 'ok' and from_ts is null and known""",
    """delete from store.heads h using _fresh f
       where f.status = 'ok' and h.asset_id = f.asset_id and h.model = f.model""",
    """insert into store.heads by name
       select asset_id, model, version + 1 as version, status, null as error, code, config, code as tried_code,
              config as tried_config, seq as tried_seq,
              choices, choices as tried_choices, head, as_of, seq, $number as run, $run_id as run_id,
              open_events, state, state::json::variant as state_variant, latest
       from _fresh where status = 'ok'""",
)


def replace_skipped(
    con: duckdb.DuckDBPyConnection, skipped: Sequence[tuple[str, str, str]], covers: Callable[[str, str], bool]
) -> None:
    """Replace the list of pairs that cannot run, (asset, model, what is missing), as far as the run `covers` them."""
    known = con.execute("select asset_id, model, missing from store.skipped").fetchall()
    con.execute("delete from store.skipped")
    rows = [*(row for row in known if not covers(row[0], row[1])), *skipped]
    columns = list(zip(*rows, strict=True)) or [()] * 3
    names = ("asset_id", "model", "missing")
    insert(con, "skipped", pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)}))


def replace_sensor_rules(
    con: duckdb.DuckDBPyConnection, rules: Sequence[tuple[str, float | None, float | None, float]]
) -> None:
    """Replace the sensors' declarations by those in force: (sensor, low, high, longest interval in s)."""
    con.execute("delete from store.sensor_rules")
    columns = list(zip(*rules, strict=True)) or [()] * 4
    types = (("sensor", pa.string()), ("low", pa.float64()), ("high", pa.float64()), ("max_interval_s", pa.float64()))
    arrays = {name: pa.array(column, kind) for (name, kind), column in zip(types, columns, strict=True)}
    insert(con, "sensor_rules", pa.table(arrays))
