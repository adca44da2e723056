"""The digest: one hash of all winning outputs and records and of the state at the newest event.

Equal results have equal digests, however they came about: run ids, sequences, fingerprints, snapshots and wall
times do not count. Floats count by their bits, with one NaN.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator

import duckdb
import numpy as np
import pyarrow as pa

from event_store.object_store import own_errors
from event_store.store import Store
from event_store.views import newest_records, scan, visible

_OUTPUTS = """select asset_id::varchar as asset_id, model::varchar as model, "output"::varchar as name,
epoch_us(ts) as ts, value, label::varchar as label from ({rows}) order by asset_id, model, name, ts"""
_RECORDS = """select asset_id::varchar as asset_id, model::varchar as model, concat_ws('|', kind, cell,
epoch_us(started_at), coalesce(epoch_us(ended_at)::varchar, ''), coalesce(severity::varchar, ''), detail) as name,
epoch_us(started_at) as ts, value, null::varchar as label from ({rows}) order by asset_id, model, name, ts"""

_HEADS = """select asset_id, model, status, state from store.heads h
where not exists (select 1 from store.skipped s where s.asset_id = h.asset_id and s.model = h.model) order by all"""

_Pair = tuple[str, str]


def digest(store: Store, takes: Callable[[str, str], bool]) -> str:
    """The digest of the pairs (asset, model) that `takes` accepts; parked pairs count by name only."""
    with duckdb.connect() as con, own_errors():
        store.files.serve(con)
        con.execute("create schema store")
        heads, files = _copy_catalog(store, con)
        hashes: dict[_Pair, hashlib._Hash] = {}
        for asset, model, status, state in heads:
            if takes(asset, model):
                entry = hashes[asset, model] = hashlib.sha256(f"{status}\0".encode())
                entry.update((state or "").encode() if status == "ok" else b"")
        live = {(asset, model) for asset, model, status, _ in heads if status == "ok"}
        for bucket in sorted(files):
            for pair, content in _contents(con, files[bucket]):
                if pair in live and pair in hashes:
                    hashes[pair].update(content)
    total = hashlib.sha256()
    for (asset, model), entry in sorted(hashes.items()):
        total.update(f"{asset}\0{model}\0{entry.hexdigest()}\0".encode())
    return total.hexdigest()


def _copy_catalog(
    store: Store, con: duckdb.DuckDBPyConnection
) -> tuple[list[tuple[str, str, str, str | None]], dict[int, dict[str, list[str]]]]:
    """Heads and masks into `con`, and the segments that hold results: bucket to kind to files."""
    files: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    with store.catalog.session("digest") as catalog:
        for name, query in (
            ("heads", "select asset_id, model, run from store.heads"),
            ("masks", "select * from store.masks"),
        ):
            con.register(f"_{name}", catalog.sql(query).to_arrow_table())
            con.execute(f"create table store.{name} as select * from _{name}")
        heads = catalog.execute(_HEADS).fetchall()
        rows = catalog.execute("select bucket, kind, path from store.segments where kind <> 'event'").fetchall()
    for bucket, kind, path in rows:
        files[bucket][kind].append(store.files.sql_path(path))
    return heads, files


def _contents(con: duckdb.DuckDBPyConnection, files: dict[str, list[str]]) -> Iterator[tuple[_Pair, bytes]]:
    """(pair, canonical bytes) of every output and record of a bucket, in a fixed order for each pair."""
    outputs = visible(scan("output", files["output"]), scan("open_output", files["open_output"]))
    yield from _grouped(con.sql(_OUTPUTS.format(rows=outputs)).to_arrow_table())
    records = newest_records(scan("record", files["record"]), scan("open_record", files["open_record"]))
    yield from _grouped(con.sql(_RECORDS.format(rows=records)).to_arrow_table())


def _grouped(table: pa.Table) -> Iterator[tuple[_Pair, bytes]]:
    if table.num_rows == 0:
        return
    keys = [table.column(name).combine_chunks().dictionary_encode() for name in ("asset_id", "model", "name")]
    codes = np.stack([key.indices.to_numpy() for key in keys])
    edges = np.flatnonzero((codes[:, 1:] != codes[:, :-1]).any(axis=0)) + 1
    t = table.column("ts").to_numpy()
    x = table.column("value").to_numpy().copy()
    x[np.isnan(x)] = np.nan  # one NaN, whatever its bits were
    labels = table.column("label").combine_chunks()
    for low, high in zip([0, *edges], [*edges, table.num_rows], strict=True):
        asset, model, name = (
            key.dictionary[int(code)].as_py() for key, code in zip(keys, codes[:, low], strict=True)
        )
        # A pair's bytes depend on its own rows alone, and without labels there is nothing where they would be.
        rows = labels[low:high]
        said = repr(rows.to_pylist()) if rows.null_count < len(rows) else ""
        yield (asset, model), f"{name}\0{said}\0".encode() + t[low:high].tobytes() + x[low:high].tobytes()
