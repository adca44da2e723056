"""Merging segments of the upload's ledger: of each key only the newest row is needed."""

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from event_store.object_store import own_errors
from event_store.paths import new_segment
from event_store.segment_files import SegmentFiles
from event_store.segments import SENT_SCHEMA, Segment, write_segment
from event_store.views import scan

_SETTLED = """select platform, asset_id, model, settled from store.uploaded u join store.assets a using (asset_id)
where a.bucket = ?"""


def settled_pairs(catalog: duckdb.DuckDBPyConnection, bucket: int) -> pa.Table:
    """By which upload each pair of a bucket was settled; read in the session that lists the segments."""
    return catalog.sql(_SETTLED, params=[bucket]).to_arrow_table()


def merge_ledger(files: SegmentFiles, segments: Sequence[Segment], settled: pa.Table) -> Segment | None:
    """Write the rows of all segments of one place that still count; None where none does.

    What is withdrawn for certain can go, because no older row of its key lies elsewhere. A row in doubt stays, so
    that the next upload sends it again or withdraws it.
    """
    with duckdb.connect() as con, own_errors():
        files.serve(con)
        con.execute("set TimeZone = 'UTC'")
        con.register("settled", settled)
        rows = scan("sent", [files.sql_path(segment.path) for segment in segments])
        table = con.sql(
            f"""select n.* from (select * from {rows} qualify row_number() over (
                    partition by platform, asset_id, model, series, ts order by run desc) = 1) n
                left join settled s using (platform, asset_id, model)
                where held or run > s.settled order by asset_id, model, series, ts"""
        ).to_arrow_table()
    return _written(files, segments[0], table.cast(SENT_SCHEMA)) if len(table) else None


def _written(files: SegmentFiles, place: Segment, table: pa.Table) -> Segment:
    path = new_segment(place.kind, place.bucket, place.month)
    size, checksum = write_segment(files, path, place.kind, [table])
    stamps, runs = table.column("ts").to_numpy().view(np.int64), table.column("run").to_numpy()
    extent = (int(stamps.min()), int(stamps.max()), int(runs.min()), int(runs.max()))
    return Segment(path, place.kind, place.bucket, place.month, len(table), size, *extent, False, False, checksum)
