"""Merging segments of outputs and records: what no reader can see any more is left out, and what hid it can go."""

import json
from collections.abc import Iterator, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from event_store.catalog import one
from event_store.paths import new_segment
from event_store.segment_files import SegmentFiles
from event_store.segments import SCHEMAS, Segment, write_segment
from event_store.views import current, hides, scan, standing

CLOSED = ("output", "record")
_ORDER = {
    "output": 'asset_id, model, "output", ts, run',
    "record": "asset_id, model, kind, cell, started_at, ts, run",
}


class Visibility:
    """What decides which rows of a bucket's results stand: its pairs and their masks, as one session saw them.

    `con` is a database in memory that holds them as `store.heads` and `store.masks`.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, files: SegmentFiles) -> None:
        self._con = con
        self._files = files

    @classmethod
    def read(cls, catalog: duckdb.DuckDBPyConnection, files: SegmentFiles, bucket: int) -> "Visibility":
        """That of a bucket."""
        con = duckdb.connect()
        files.serve(con)
        con.execute("set TimeZone = 'UTC'; create schema store")
        for name, columns in (("heads", "t.asset_id, t.model, t.run, t.consumed"), ("masks", "t.*")):
            query = f"select {columns} from store.{name} t join store.assets a using (asset_id) where a.bucket = ?"
            _copy(con, name, catalog.sql(query, params=[bucket]).to_arrow_table())
        read = con.execute("select asset_id, consumed from store.heads where consumed is not null").fetchall()
        _copy(con, "read_runs", _read_runs(read))
        # An upload reads a pair as a fed model does: it, too, must see what was replaced since.
        query = "select asset_id, model, run from store.uploaded join store.assets using (asset_id) where bucket = ?"
        _copy(con, "_uploaded", catalog.sql(query, params=[bucket]).to_arrow_table())
        con.execute("insert into store.read_runs select asset_id, model, run from store._uploaded")
        return cls(con, files)

    def close(self) -> None:
        """Free the database in memory."""
        self._con.close()

    def merge(self, segments: Sequence[Segment]) -> Segment | None:
        """Write the rows of these segments, which share a place, that stand; None where none does."""
        first = segments[0]
        rows = scan(first.kind, [self._files.sql_path(s.path) for s in segments])
        chosen = standing(rows) if first.kind in CLOSED else current(rows)
        order = _ORDER[first.kind.removeprefix("open_")]
        table = self._con.sql(
            f"select * from ({chosen}) o semi join store.heads p on p.asset_id = o.asset_id and p.model = o.model"
            f" order by {order}"
        ).to_arrow_table()
        return self._written(first, table.cast(SCHEMAS[first.kind])) if len(table) else None

    def _written(self, place: Segment, table: pa.Table) -> Segment:
        path = new_segment(place.kind, place.bucket, place.month)
        size, checksum = write_segment(self._files, path, place.kind, [table])
        stamps, runs = table.column("ts").to_numpy().view(np.int64), table.column("run").to_numpy()
        return Segment(
            *(path, place.kind, place.bucket, place.month, len(table), size),
            *(int(stamps.min()), int(stamps.max()), int(runs.min()), int(runs.max())),
            *(False, False, checksum),
        )

    def unused_masks(self, others: Sequence[Segment]) -> pa.Table:
        """The masks that hide nothing any more, neither in `others`, which are all of the bucket's segments of closed
        slots that have not just been merged, nor from a plan or an upload: whatever was fed by the pair has read what
        replaced it.
        """
        newest = one(self._con, "select max(before_run) from store.masks")
        others = [s for s in others if newest is not None and s.first_seq < newest]
        hiding = " union all ".join(self._hiding(others)) or "select * from store.masks where false"
        return self._con.sql(
            f"""select * from store.masks m where not exists (
                    select 1 from store.read_runs r
                    where r.asset_id = m.asset_id and r.model = m.model and r.run < m.before_run)
                except ({hiding})"""
        ).to_arrow_table()

    def _hiding(self, others: Sequence[Segment]) -> Iterator[str]:
        for kind in CLOSED:
            files = [self._files.sql_path(s.path) for s in others if s.kind == kind]
            if files:
                yield f"(select distinct m.* from store.masks m join {scan(kind, files)} o on {hides('m', 'o')})"


def _read_runs(consumed: Sequence[tuple[str, str]]) -> pa.Table:
    """By asset and feeding model, the run that a fed pair has read."""
    rows = [(asset, model, run) for asset, text in consumed for model, run in json.loads(text).items()]
    columns = list(zip(*rows, strict=True)) or [()] * 3
    kinds = {"asset_id": pa.string(), "model": pa.string(), "run": pa.int64()}
    return pa.table({name: pa.array(c, kind) for (name, kind), c in zip(kinds.items(), columns, strict=True)})


def _copy(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    con.register("_copied", table)
    con.execute(f"create table store.{name} as select * from _copied")
    con.unregister("_copied")
