"""Small questions to the catalog."""

import json
import time
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
    rows = _dicts(
        con,
        "select model, state, latest, status, error, as_of, seq from store.heads where asset_id = ? order by model",
        asset_id,
    )
    models: dict[str, Any] = {}
    for row in rows:
        state = None if row["state"] is None else json.loads(row["state"])
        outputs = {entry["output"]: entry["value"] for entry in row["latest"] or ()}
        models[row["model"]] = {"state": state, "outputs": outputs, "status": row["status"]}
        if row["error"]:
            models[row["model"]]["error"] = row["error"]
    for row in _dicts(con, "select model, missing from store.skipped where asset_id = ?", asset_id):
        skipped = {"state": None, "outputs": {}, "status": "skipped", "missing": row["missing"]}
        models.setdefault(row["model"], skipped)
    stamps = [row["as_of"] for row in rows if row["as_of"] is not None]
    seqs = [row["seq"] for row in rows]
    return {"asset_id": asset_id, "as_of": max(stamps, default=None), "seq": max(seqs, default=0), "models": models}
