"""Asset parameters as sequenced facts: an import appends what has changed, and nothing else."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa

from event_store.catalog import insert
from event_store.paths import bucket_of
from event_store.segments import TS
from event_store.store import Store
from twins import ParameterFact

_SCHEMA = pa.schema(
    [
        ("asset_id", pa.string()),
        ("name", pa.string()),
        ("value", pa.string()),
        ("valid_from", TS),
        ("seq", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter as a registry file states it; `valid_from` in µs UTC, None for always."""

    asset_id: str
    name: str
    value: Any
    valid_from: int | None


def read_parameters(
    con: duckdb.DuckDBPyConnection, upto: int | None = None, asked: str = "store.assets"
) -> dict[str, tuple[ParameterFact, ...]]:
    """All parameter facts by asset, in the order of their sequence; with `upto`, those known then.

    `asked` is the table of the assets that are meant.
    """
    rows = con.execute(
        "select asset_id, name, value, epoch_us(valid_from), seq from store.parameters"
        f" where ($1 is null or seq <= $1) and asset_id in (select asset_id from {asked})"
        " order by asset_id, seq, name",
        [upto],
    ).fetchall()
    found: dict[str, list[ParameterFact]] = {}
    parse = lru_cache(65_536)(json.loads)  # most values occur again and again
    for asset, name, value, valid_from, seq in rows:
        found.setdefault(asset, []).append(ParameterFact(name, parse(value), valid_from, seq))
    return {asset: tuple(facts) for asset, facts in found.items()}


def append_parameters(store: Store, given: Iterable[Given], file: str) -> int:
    """Append those parameters that are new or different, as one batch; returns how many were.

    Assets that have no events yet are registered as well.
    """
    rows = list(given)
    with store.ingesting(), store.catalog.transaction("assets import") as con:
        known = {
            (asset, fact.name, fact.valid_from): fact.value
            for asset, facts in read_parameters(con).items()
            for fact in facts
        }
        new = [row for row in rows if known.get((row.asset_id, row.name, row.valid_from)) != row.value]
        _register(con, {row.asset_id for row in rows})
        if new:
            seq = store.next_seq(con)
            con.execute(
                "insert into store.batches values"
                " (?, ?, 'parameters', ?, '', now(), ?, ?, ?, 0, 0, null, null, null)",
                [seq, f"parameters-{seq}", file, len(rows), len(new), len(rows) - len(new)],
            )
            insert(con, "parameters", _table(new, seq))
        return len(new)


def _table(new: list[Given], seq: int) -> pa.Table:
    columns = {
        "asset_id": [row.asset_id for row in new],
        "name": [row.name for row in new],
        "value": [json.dumps(row.value) for row in new],
        "valid_from": pa.array([row.valid_from for row in new], TS),
        "seq": [seq] * len(new),
    }
    return pa.table(columns, schema=_SCHEMA)


def _register(con: duckdb.DuckDBPyConnection, assets: set[str]) -> None:
    names = sorted(assets)
    table = pa.table({"asset_id": names, "bucket": pa.array([bucket_of(name) for name in names], pa.int32())})
    con.register("_new", table)
    con.execute(
        "insert into store.assets select asset_id, bucket, null, null, 0 from _new n"
        " where not exists (select 1 from store.assets a where a.asset_id = n.asset_id)"
    )
    con.unregister("_new")
