"""Small questions to the catalog."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from event_store.catalog import one
from event_store.store import Store


def _dicts(con: duckdb.DuckDBPyConnection, query: str, *given: object) -> list[dict[str, Any]]:
    found = con.execute(query, list(given))
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def last_settings(store: Store) -> str | None:
    """The settings file of the newest run; None before the first."""
    with store.catalog.session("settings") as con:
        found = one(con, "select settings from store.runs order by number desc limit 1")
    return None if found is None else str(found)


def batches(store: Store) -> list[dict[str, Any]]:
    """The ingest batches, in the order of their sequence."""
    with store.catalog.session("batches") as con:
        return _dicts(con, "select * exclude (options) from store.batches order by seq")


def sensor_stats(store: Store) -> list[dict[str, Any]]:
    """Per sensor name: assets, events, range and extent over the fleet."""
    query = """
        select sensor, count(*) as assets, sum(events)::bigint as events, min(min_value) as min_value,
               max(max_value) as max_value, min(first_ts) as first_ts, max(last_ts) as last_ts
        from store.sensors where events > 0 group by sensor order by sensor"""
    with store.catalog.session("sensors") as con:
        return _dicts(con, query)


def newest_stamps(store: Store, assets: Collection[str]) -> dict[str, dict[str, int]]:
    """The newest stamp (µs UTC) of every sensor of these assets: asset to sensor to stamp."""
    query = """select asset_id, map_from_entries(list((sensor, epoch_us(last_ts)))) from store.sensors
               where events > 0 and asset_id in (select unnest(?)) group by asset_id"""
    with store.catalog.session("fetch") as con:
        return dict(con.execute(query, [list(assets)]).fetchall())


def asset_list(store: Store) -> list[dict[str, Any]]:
    """The registered assets with their parameters as JSON values."""
    query = """
        select asset_id, first_ts, last_ts, events,
               (select coalesce(json_group_object(name, value::json), '{}') from (
                    select name, arg_max(value, (coalesce(valid_from, '-infinity'::timestamptz), seq)) as value
                    from store.parameters p where p.asset_id = a.asset_id group by name order by name)) as parameters
        from store.assets a order by asset_id"""
    with store.catalog.session("assets") as con:
        rows = _dicts(con, query)
    return [row | {"parameters": json.loads(row["parameters"])} for row in rows]


def status(store: Store) -> dict[str, Any]:
    """Counts, the earliest head, the largest lag of a twin behind its asset's log, and the last run."""
    query = """
        select (select count(*) from store.assets) as assets,
               (select coalesce(sum(events), 0)::bigint from store.assets) as events,
               (select min(head) from store.heads where status = 'ok') as head,
               (select coalesce(max(epoch(a.last_ts) - epoch(coalesce(h.as_of, a.first_ts))), 0)
                from store.assets a left join store.heads h using (asset_id)
                where a.last_ts is not null and (h.asset_id is not null
                      or not exists (select 1 from store.skipped s where s.asset_id = a.asset_id))) as lag_s,
               (select count(*) from store.heads where status = 'parked') as parked,
               (select count(*) from store.heads where status = 'blocked') as blocked"""
    last = "select * exclude (number, environment) from store.runs order by number desc limit 1"
    parked = "select asset_id, model, error from store.heads where status = 'parked' order by all limit 100"
    with store.catalog.session("status") as con:
        found = _dicts(con, query)[0]
        runs = _dicts(con, last)
        found["parked_pairs"] = _dicts(con, parked)
    found["last_run"] = runs[0] if runs else None
    found["published_age_s"] = _age(store.paths.published)
    return found


def _age(path: Path) -> float | None:
    return round(max(0.0, time.time() - path.stat().st_mtime), 3) if path.is_file() else None


def asset_state(con: duckdb.DuckDBPyConnection, asset_id: str) -> dict[str, Any] | None:
    """An asset's twins: state, latest outputs and status per model; None for an unknown asset."""
    if one(con, "select 1 from store.assets where asset_id = ?", asset_id) is None:
        return None
    return asset_states(con, [asset_id])[asset_id]


def asset_states(con: duckdb.DuckDBPyConnection, assets: Collection[str]) -> dict[str, dict[str, Any]]:
    """The same of several assets that are known, by asset."""
    states = {asset: _State(asset) for asset in assets}
    heads = (
        "select asset_id, model, state, latest, status, error, as_of, seq from store.heads"
        " where asset_id in (select unnest(?)) order by asset_id, model"
    )
    for row in _dicts(con, heads, list(assets)):
        states[row["asset_id"]].add_head(row)
    skipped = "select asset_id, model, missing from store.skipped where asset_id in (select unnest(?)) order by all"
    for row in _dicts(con, skipped, list(assets)):
        entry = {"state": None, "outputs": {}, "status": "skipped", "missing": row["missing"]}
        states[row["asset_id"]].models.setdefault(row["model"], entry)
    return {asset: state.document() for asset, state in states.items()}


@dataclass(slots=True)
class _State:
    """What the catalog's rows say of one asset, gathered."""

    asset_id: str
    as_of: Any = None
    seq: int = 0
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add_head(self, row: dict[str, Any]) -> None:
        """Take in one pair."""
        state = None if row["state"] is None else json.loads(row["state"])
        latest = row["latest"] or ()
        outputs = {e["output"]: e["value"] if e["label"] is None else e["label"] for e in latest}
        found = {"state": state, "outputs": outputs, "status": row["status"]}
        self.models[row["model"]] = found | ({"error": row["error"]} if row["error"] else {})
        self.seq = max(self.seq, row["seq"])
        if row["as_of"] is not None:
            self.as_of = row["as_of"] if self.as_of is None else max(self.as_of, row["as_of"])

    def document(self) -> dict[str, Any]:
        return {"asset_id": self.asset_id, "as_of": self.as_of, "seq": self.seq, "models": self.models}
