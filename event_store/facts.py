"""What the catalog knows, as the plan's value types."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import duckdb

from event_store.log import LogSegment
from event_store.parameters import read_parameters
from event_store.store import last_seq
from twins import AssetFacts, Fingerprint, Head
from twins.plan import Arrival


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a plan needs, at one sequence."""

    seq: int
    assets: Mapping[str, AssetFacts]
    heads: Mapping[str, Mapping[str, Head]]


def read_facts(con: duckdb.DuckDBPyConnection, asset: str | None = None) -> Facts:
    """Facts of all assets, or of one."""
    where = "" if asset is None else " where asset_id = $asset"
    given = {} if asset is None else {"asset": asset}
    sensors = _sensors(con, where, given)
    parameters = read_parameters(con)
    arrivals = _arrivals(con, where, given)
    rows = con.execute(
        f"select asset_id, bucket, epoch_us(first_ts), epoch_us(last_ts), events from store.assets{where}"
        " order by asset_id",
        given,
    ).fetchall()
    assets = {
        name: AssetFacts(
            name,
            bucket,
            sensors.get(name, frozenset()),
            parameters.get(name, ()),
            tuple(arrivals.get(name, ())),
            first,
            last,
            events,
        )
        for name, bucket, first, last, events in rows
    }
    return Facts(last_seq(con), assets, _heads(con, where, given))


def _sensors(con: duckdb.DuckDBPyConnection, where: str, given: dict[str, str]) -> dict[str, frozenset[str]]:
    """Sensor sets by asset; equal sets are one object, so that bindings can be shared."""
    query = f"""select names, list(asset_id) from (
        select asset_id, list(sensor order by sensor) as names from store.sensors{where} group by asset_id
    ) group by names"""
    sets: dict[str, frozenset[str]] = {}
    for names, assets in con.execute(query, given).fetchall():
        shared = frozenset(names)
        sets.update(dict.fromkeys(assets, shared))
    return sets


def _arrivals(con: duckdb.DuckDBPyConnection, where: str, given: dict[str, str]) -> dict[str, list[Arrival]]:
    """Batches that some pair of their asset has not seen yet."""
    query = f"""
        with seen as (select asset_id, min(seq) as seq from store.heads group by asset_id),
             asked as (select * from store.arrivals{where})
        select a.asset_id, a.seq, a.changed, epoch_us(a.changed_from), epoch_us(a.last_ts)
        from asked a left join seen s using (asset_id) where a.seq > coalesce(s.seq, 0) order by a.seq"""
    found: dict[str, list[Arrival]] = defaultdict(list)
    for asset, *rest in con.execute(query, given).fetchall():
        found[asset].append(Arrival(*rest))
    return found


def _heads(con: duckdb.DuckDBPyConnection, where: str, given: dict[str, str]) -> dict[str, dict[str, Head]]:
    query = f"""select asset_id, model, epoch_us(head), seq, version, status, code, config, tried_code, tried_config,
                       tried_seq, choices, tried_choices, open_events from store.heads{where}"""
    found: dict[str, dict[str, Head]] = defaultdict(dict)
    parse = lru_cache(json.loads)
    for asset, model, head, seq, version, status, code, config, *rest in con.execute(query, given).fetchall():
        tried_code, tried_config, tried_seq, choices, tried_choices, rows = rest
        made = None if code is None else Fingerprint(code, config)
        tried = Fingerprint(tried_code, tried_config)
        chosen, tried_chosen = parse(choices), parse(tried_choices)
        found[asset][model] = Head(
            model, head, seq, version, status, made, tried, tried_seq, chosen, tried_chosen, rows
        )
    return found


def read_carries(con: duckdb.DuckDBPyConnection, pairs: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str], str]:
    """The stored carries of (asset, model, edge µs UTC)."""
    wanted = list(pairs)
    if not wanted:
        return {}
    con.execute("create temp table _wanted(asset_id varchar, model varchar, edge bigint)")
    assets, models, edges = (list(column) for column in zip(*wanted, strict=True))
    con.execute("insert into _wanted select unnest(?), unnest(?), unnest(?)", [assets, models, edges])
    rows = con.execute(
        "select asset_id, model, carry from store.snapshots s join _wanted w using (asset_id, model)"
        " where epoch_us(s.as_of) = w.edge"
    ).fetchall()
    con.execute("drop table _wanted")
    return {(asset, model): carry for asset, model, carry in rows}


def read_log_segments(
    con: duckdb.DuckDBPyConnection, seq: int, buckets: Iterable[int]
) -> dict[int, tuple[LogSegment, ...]]:
    """The segments of some buckets up to a sequence: bucket to segments in log order."""
    rows = con.execute(
        "select bucket, path, epoch_us(first_ts), epoch_us(last_ts), seq from store.segments"
        " where kind = 'event' and seq <= ? and bucket in (select unnest(?)) order by seq, path",
        [seq, list(buckets)],
    ).fetchall()
    found: dict[int, list[LogSegment]] = defaultdict(list)
    for bucket, *rest in rows:
        found[bucket].append(LogSegment(*rest))
    return {bucket: tuple(segments) for bucket, segments in found.items()}
