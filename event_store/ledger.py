"""The upload's ledger: which pairs have moved since a platform was sent them, and what was sent.

Of each pair it knows up to which run the platform has it; the points lie in segments of the kind `sent`, one row for
each that was sent or withdrawn, the newest upload's row of a key counts. Rows are written before the call that sends
them, so that nothing which may have reached a platform is forgotten; until the pair is settled they are in doubt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from event_store.catalog import insert, one
from event_store.paths import BUCKETS, bucket_of, month_of, new_segment
from event_store.segments import SENT_SCHEMA, TS, Segment, segment_table, write_segment
from event_store.store import Store


class PairMark(NamedTuple):
    """A pair as an upload found it: its run (None: nothing is left of it), its series, its first provisional row."""

    asset_id: str
    model: str
    run: int | None
    naming: str | None
    open_from: int | None


class PairWork(NamedTuple):
    """A pair of an asset that has work. `moved`: it has to be looked at; `gone`: nothing is left of it; `run`: up to
    which the platform has it (None: it has nothing); `held`: the naming of its series there."""

    model: str
    moved: bool
    gone: bool
    run: int | None
    held: str | None


@dataclass(frozen=True, slots=True)
class AssetWork:
    """An asset of which at least one pair has moved, with all its pairs."""

    asset_id: str
    bucket: int
    pairs: Sequence[PairWork]


_PAIRS = """
select asset_id, model, h.asset_id is null as gone, u.run, u.naming as held,
       n.model is not null as known, h.run is distinct from u.run or u.tried > u.settled as news,
       u.naming is distinct from n.naming as renamed
from (select asset_id, model, run from store.heads where run > 0) h
full join (select * from store.uploaded where platform = $platform) u using (asset_id, model)
left join _namings n using (model)"""

_MOVED = "gone or (known and (news or renamed))"


def moved_assets(
    con: duckdb.DuckDBPyConnection, platform: str, namings: Mapping[str, str]
) -> tuple[list[AssetWork], dict[str, int]]:
    """The assets with work, and by name the models with news that are in none of the `namings`, with their pairs."""
    _register_namings(con, namings)
    pair = f"{{'model': model, 'moved': {_MOVED}, 'gone': gone, 'run': run, 'held': held}}"
    query = f"""with pairs as materialized ({_PAIRS})
                select asset_id, list({pair} order by model) from pairs
                where asset_id in (select asset_id from pairs where {_MOVED}) group by asset_id order by asset_id"""
    found = con.execute(query, {"platform": platform}).fetchall()
    strange = f"select model, count(*) from ({_PAIRS}) where not known and not gone and news group by model"
    unknown = dict(con.execute(strange, {"platform": platform}).fetchall())
    con.unregister("_namings")
    work = [AssetWork(asset, bucket_of(asset), [PairWork(**pair) for pair in pairs]) for asset, pairs in found]
    return work, unknown


def output_rows(con: duckdb.DuckDBPyConnection) -> tuple[dict[int, list[tuple[int, int]]], dict[int, int]]:
    """By bucket, the newest run and the rows of each segment of outputs; and its number of assets."""
    found: dict[int, list[tuple[int, int]]] = {}
    query = """select bucket, seq, "rows" from store.segments where kind = 'output'"""
    for bucket, seq, rows in con.execute(query).fetchall():
        found.setdefault(bucket, []).append((seq, rows))
    return found, dict(con.execute("select bucket, count(*) from store.assets group by bucket").fetchall())


def _register_namings(con: duckdb.DuckDBPyConnection, namings: Mapping[str, str]) -> None:
    columns = {"model": pa.array(list(namings), pa.string()), "naming": pa.array(list(namings.values()), pa.string())}
    con.register("_namings", pa.table(columns))


def begin_upload(con: duckdb.DuckDBPyConnection, platform: str, now: datetime) -> int:
    """Note an upload; returns its number. The caller holds the upload lock, so that others which run are dead."""
    con.execute("update store.uploads set status = 'killed' where status = 'running'")
    number = int(one(con, 'select coalesce(max("number"), 0) + 1 from store.uploads'))
    con.execute("insert into store.uploads values (?, ?, ?, null, 'running', 0, 0, 0, 0, 0)", [number, platform, now])
    return number


def end_upload(
    con: duckdb.DuckDBPyConnection, number: int, status: str, now: datetime, counts: Mapping[str, int]
) -> None:
    """Note what an upload came to: assets, series, points, withdrawn, failed."""
    columns = ", ".join(f"{name} = ${name}" for name in counts)
    con.execute(
        f'update store.uploads set ended_at = $now, status = $status, {columns} where "number" = $number',
        {"number": number, "status": status, "now": now, **counts},
    )


def write_sent(store: Store, number: int, rows: pa.Table, buckets: NDArray[np.int64]) -> list[Segment]:
    """Write rows (see `sent_table`), which lie in these buckets, as segments, one for each bucket and month; nothing
    names them yet."""
    stamps = rows.column("ts").to_numpy().view("M8[us]")
    months = stamps.astype("M8[M]").astype(np.int64)
    places = months * BUCKETS + buckets
    segments = []
    for where in np.unique(places).tolist():
        chosen = places == where
        # Encoded only now: a dictionary would keep names of assets that lie elsewhere, also after they are purged.
        part, t = rows.filter(pa.array(chosen)).cast(SENT_SCHEMA), stamps[chosen].astype(np.int64)
        name, bucket = month_of(int(t[0])), where % BUCKETS
        path = new_segment("sent", bucket, name)
        size, checksum = write_segment(store.files, path, "sent", [part])
        extent = (int(t.min()), int(t.max()))
        place = (path, "sent", bucket, name, len(part), size, *extent)
        segments.append(Segment(*place, number, number, False, False, checksum))
    return segments


def intend(
    con: duckdb.DuckDBPyConnection, platform: str, number: int, segments: Sequence[Segment], pairs: Sequence[PairMark]
) -> None:
    """Note what is about to be sent of some pairs; until they are settled, these rows are in doubt."""
    insert(con, "segments", segment_table(segments))
    given = {"platform": platform, "number": number}
    _register_pairs(con, pairs)
    con.execute(f"update store.uploaded u set tried = $number from _pairs p where {_SAME}", given)
    con.execute(
        "insert into store.uploaded select $platform, asset_id, model, null, $number - 1, $number, null, null"
        f" from _pairs p where not exists (select 1 from store.uploaded u where {_SAME})",
        given,
    )
    con.unregister("_pairs")


def settle(con: duckdb.DuckDBPyConnection, platform: str, number: int, pairs: Sequence[PairMark]) -> None:
    """Note that the platform has these pairs as they were found; what is gone is forgotten."""
    _register_pairs(con, pairs)
    con.execute(f"delete from store.uploaded u using _pairs p where {_SAME}", {"platform": platform})
    con.execute(
        "insert into store.uploaded select $platform, asset_id, model, run, $number, $number, naming, open_from"
        " from _pairs where run is not null",
        {"platform": platform, "number": number},
    )
    con.unregister("_pairs")


_SAME = "u.platform = $platform and u.asset_id = p.asset_id and u.model = p.model"
_MARKS = pa.schema(
    [
        ("asset_id", pa.string()),
        ("model", pa.string()),
        ("run", pa.int64()),
        ("naming", pa.string()),
        ("open_from", TS),
    ]
)


def _register_pairs(con: duckdb.DuckDBPyConnection, pairs: Sequence[PairMark]) -> None:
    columns = list(zip(*pairs, strict=True)) or [()] * len(_MARKS)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _MARKS, strict=True)]
    con.register("_pairs", pa.table(arrays, schema=_MARKS))


def sent_table(columns: Mapping[str, Any]) -> pa.Table:
    """Rows of the ledger, from columns by name; stamps as integers, µs UTC. Names are not encoded yet."""
    arrays = {name: columns[name] for name in SENT_SCHEMA.names}
    arrays["ts"] = pa.array(columns["ts"], pa.int64()).view(TS)
    return pa.table(arrays)
