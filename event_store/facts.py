"""What the catalog knows, as the plan's value types."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb

from event_store.log import LogSegment
from event_store.parameters import read_parameters
from event_store.store import last_seq
from twins import AssetFacts, Fingerprint, Head
from twins.facts import Arrival, Mask, Rung

_Rows = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a plan needs, at one sequence."""

    seq: int
    assets: Mapping[str, AssetFacts]
    heads: Mapping[str, Mapping[str, Head]]
    settled: frozenset[str] = frozenset()


def read_facts(
    con: duckdb.DuckDBPyConnection,
    assets: str | Collection[str] | None = None,
    *,
    upto: int | None = None,
    ladders: bool = False,
    settled_by: Mapping[str, str] | None = None,
) -> Facts:
    """Facts of all assets, of some, or of one; with `upto`, as they were known at that sequence.

    Stored edges and masks are read of the assets for which something before a head has changed, or of all with
    `ladders`. `settled_by` are the fingerprints of all models by name: assets whose every pair was made with them,
    and for which nothing has come since, are only named; on most days that is most of a fleet.
    """
    seq = last_seq(con) if upto is None else upto
    con.execute(_ASKED, [[assets] if isinstance(assets, str) else None if assets is None else list(assets)])
    settled = _settle(con, seq, settled_by) if settled_by else frozenset()
    sensors = _sensors(con, seq)
    parameters = read_parameters(con, seq, "_asked")
    arrivals = _arrivals(con, seq)
    rows = con.execute(
        "select asset_id, bucket, epoch_us(first_ts), epoch_us(last_ts), events from store.assets"
        " join _asked using (asset_id) order by asset_id"
    ).fetchall()
    none: frozenset[str] = frozenset()
    assets = {
        name: AssetFacts(
            name, bucket, sensors.get(name, none), parameters.get(name, ()), arrivals.get(name, ()), *rest
        )
        for name, bucket, *rest in rows
    }
    return Facts(seq, assets, _heads(con, seq, ladders), settled)


_ASKED = """
create or replace temp table _asked as select asset_id from store.assets
where $1 is null or asset_id in (select unnest($1))"""


_SETTLED = """
create or replace temp table _settled as
with wanted as (select unnest($models) as model, unnest($values) as fingerprint),
     good as (select h.asset_id, count(*) as pairs, min(h.seq) as seq,
                     min(h.as_of) as earliest, max(h.as_of) as latest
              from store.heads h join wanted using (model, fingerprint)
              where h.status = 'ok' and h.consumed is null group by h.asset_id)
select a.asset_id from store.assets a join _asked using (asset_id) join good g using (asset_id)
where g.pairs = len($models) and a.last_ts = g.earliest and a.last_ts = g.latest
  and not exists (select 1 from store.arrivals n where n.asset_id = a.asset_id and n.seq > g.seq and n.seq <= $seq)
  and not exists (select 1 from store.parameters p where p.asset_id = a.asset_id and p.seq > g.seq and p.seq <= $seq)
"""


def _settle(con: duckdb.DuckDBPyConnection, seq: int, fingerprints: Mapping[str, str]) -> frozenset[str]:
    """Take the settled assets from those that are asked for; gives their names."""
    given = {"models": list(fingerprints), "values": list(fingerprints.values()), "seq": seq}
    con.execute(_SETTLED, given)
    con.execute("delete from _asked where asset_id in (select asset_id from _settled)")
    return frozenset(name for (name,) in con.execute("select asset_id from _settled").fetchall())


def _sensors(con: duckdb.DuckDBPyConnection, seq: int) -> dict[str, frozenset[str]]:
    """Sensor sets by asset; equal sets are one object, so that bindings can be shared."""
    query = """select names, list(asset_id) from (
        select asset_id, list(sensor order by sensor) as names from store.sensors join _asked using (asset_id)
        where first_seq <= ? and events > 0 group by asset_id) group by names"""
    sets: dict[str, frozenset[str]] = {}
    for names, assets in con.execute(query, [seq]).fetchall():
        shared = frozenset(names)
        sets.update(dict.fromkeys(assets, shared))
    return sets


def _arrivals(con: duckdb.DuckDBPyConnection, seq: int) -> dict[str, tuple[Arrival, ...]]:
    """What some pair of its asset has not seen yet."""
    query = """
        with seen as (select asset_id, min(seq) as seq from store.heads group by asset_id)
        select a.asset_id, a.seq, a.changed, epoch_us(a.changed_from), epoch_us(a.changed_to)
        from store.arrivals a join _asked using (asset_id) join seen s using (asset_id)
        where a.seq > s.seq and a.seq <= ? order by a.seq, a.changed_from"""
    found: dict[str, list[Arrival]] = defaultdict(list)
    for asset, *rest in con.execute(query, [seq]).fetchall():
        found[asset].append(Arrival(*rest))
    return {asset: tuple(rows) for asset, rows in found.items()}


_HEADS = """
select asset_id, model, epoch_us(head), epoch_us(through), epoch_us(as_of), seq, run, version, status, fingerprint,
       tried, tried_seq, choices, tried_choices, open_events, consumed
from store.heads join _asked using (asset_id)"""

_REWOUND = """
create or replace temp table _rewound as
select distinct h.asset_id from store.heads h join _asked using (asset_id)
where $ladders or h.consumed is not null
   or exists (select 1 from store.arrivals a
              where a.asset_id = h.asset_id and a.seq > h.seq and a.changed_from < h.head)
   or exists (select 1 from store.parameters p where p.asset_id = h.asset_id and p.seq > h.seq and p.seq <= $seq)
   or exists (select 1 from store.assets a
              where a.asset_id = h.asset_id and (a.last_ts is null or a.last_ts < h.head))
"""


def _heads(con: duckdb.DuckDBPyConnection, seq: int, ladders: bool) -> dict[str, dict[str, Head]]:
    con.execute(_REWOUND, {"seq": seq, "ladders": ladders})
    edges, masks = _edges(con), _masks(con)
    known = dict(con.execute("select fingerprint, parts from store.fingerprints").fetchall())
    made = {value: Fingerprint.from_json(parts) for value, parts in known.items()}
    parse = lru_cache(json.loads)
    found: dict[str, dict[str, Head]] = {}
    for row in con.execute(_HEADS).fetchall():
        asset, model, head, through, as_of, at, run, version, status, fingerprint, tried, *more = row
        tried_seq, choices, tried_choices, events, consumed = more
        found.setdefault(asset, {})[model] = Head(
            *(model, head, through, as_of, at, run, version, status),
            made.get(fingerprint),
            made[tried],
            tried_seq,
            parse(choices),
            parse(tried_choices),
            events,
            {} if consumed is None else parse(consumed),
            edges.get((asset, model), ()) if edges else (),
            masks.get((asset, model), ()) if masks else (),
        )
    return found


def _edges(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[Rung, ...]]:
    query = """select asset_id, model, epoch_us(as_of), digest, epoch_us(through), carry is not null
               from store.snapshots join _rewound using (asset_id) order by as_of"""
    found: dict[tuple[str, str], list[Rung]] = defaultdict(list)
    for asset, model, *rest in con.execute(query).fetchall():
        found[asset, model].append(Rung(*rest))
    return {pair: tuple(rows) for pair, rows in found.items()}


def _masks(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[Mask, ...]]:
    query = """select asset_id, model, if(isfinite(from_ts), epoch_us(from_ts), null), before_run
               from store.masks join _rewound using (asset_id)"""
    found: dict[tuple[str, str], list[Mask]] = defaultdict(list)
    for asset, model, *rest in con.execute(query).fetchall():
        found[asset, model].append(Mask(*rest))
    return {pair: tuple(rows) for pair, rows in found.items()}


def read_carries(
    con: duckdb.DuckDBPyConnection, wanted: Iterable[tuple[str, str, int]]
) -> dict[tuple[str, str, int], str]:
    """The stored carries at these (asset, model, edge µs UTC), by the same."""
    rows = sorted(set(wanted))
    if not rows:
        return {}
    assets, models, edges = (list(column) for column in zip(*rows, strict=True))
    found = con.execute(
        "with wanted as (select unnest(?) as asset_id, unnest(?) as model, unnest(?) as edge)"
        " select asset_id, model, edge, carry from store.snapshots s join wanted using (asset_id, model)"
        " where epoch_us(s.as_of) = edge and carry is not null",
        [assets, models, edges],
    ).fetchall()
    return {(asset, model, edge): carry for asset, model, edge, carry in found}


def sensor_names(con: duckdb.DuckDBPyConnection) -> list[str]:
    """All sensors of the fleet."""
    rows = con.execute("select distinct sensor from store.sensors where events > 0 order by sensor").fetchall()
    return [name for (name,) in rows]


def unchanged_before(con: duckdb.DuckDBPyConnection, asset: str, one: int, other: int) -> int:
    """The event time (µs UTC) before which an asset's log and parameters are the same at both sequences."""
    low, high = sorted((one, other))
    found = con.execute(
        "select least((select min(epoch_us(changed_from)) from store.arrivals"
        "              where asset_id = $1 and seq > $2 and seq <= $3),"
        "             (select min(coalesce(epoch_us(valid_from), $4)) from store.parameters"
        "              where asset_id = $1 and seq > $2 and seq <= $3))",
        [asset, low, high, -(2**63)],
    ).fetchone()
    return 2**63 - 1 if found is None or found[0] is None else int(found[0])


def sequence_at(con: duckdb.DuckDBPyConnection, t: int) -> int:
    """The newest sequence that was ingested at or before a time (µs UTC)."""
    rows = con.execute(
        "select coalesce(max(seq), 0) from store.batches where epoch_us(ingested_at) <= ?", [t]
    ).fetchall()
    return int(rows[0][0])


def read_log_segments(
    con: duckdb.DuckDBPyConnection, seq: int, buckets: Iterable[int]
) -> dict[int, tuple[LogSegment, ...]]:
    """The segments of some buckets as the log was at a sequence: bucket to segments in log order."""
    hidden = [
        batch
        for (batch,) in con.execute(
            "select seq from store.batches where retracted_by <= ? order by seq", [seq]
        ).fetchall()
    ]
    rows = con.execute(
        "select bucket, path, epoch_us(first_ts), epoch_us(last_ts), first_seq, seq, tombstones from store.segments"
        " where kind = 'event' and first_seq <= ? and bucket in (select unnest(?)) order by seq, path",
        [seq, list(buckets)],
    ).fetchall()
    found: dict[int, list[LogSegment]] = defaultdict(list)
    for bucket, path, first_ts, last_ts, first_seq, last, tombstones in rows:
        gone = tuple(batch for batch in hidden if first_seq <= batch <= last)
        if first_seq == last and gone:
            continue
        found[bucket].append(LogSegment(path, first_ts, last_ts, last, tombstones, gone, seq if last > seq else None))
    return {bucket: tuple(segments) for bucket, segments in found.items()}
