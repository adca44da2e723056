"""Writing Parquet segments: complete and on disk before anything names them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from event_store.segment_files import SegmentFiles

INDEX_KEY = b"twins.index"
TS = pa.timestamp("us", tz="UTC")
NAME = pa.dictionary(pa.int32(), pa.string())

EVENT_SCHEMA = pa.schema(
    [
        ("asset_id", NAME),
        ("sensor", NAME),
        ("ts", TS),
        ("value", pa.float64()),
        ("seq", pa.int64()),
        ("row", pa.int64()),
    ]
)
OUTPUT_SCHEMA = pa.schema(
    [
        ("asset_id", NAME),
        ("model", NAME),
        ("output", NAME),
        ("ts", TS),
        ("value", pa.float64()),
        ("label", NAME),
        ("run", pa.int64()),
    ]
)
RECORD_SCHEMA = pa.schema(
    [
        ("asset_id", NAME),
        ("model", NAME),
        ("kind", NAME),
        ("cell", pa.string()),
        ("started_at", TS),
        ("ts", TS),
        ("ended_at", TS),
        ("severity", pa.int32()),
        ("value", pa.float64()),
        ("detail", pa.string()),
        ("run", pa.int64()),
    ]
)
SENT_SCHEMA = pa.schema(
    [
        ("asset_id", NAME),
        ("platform", NAME),
        ("model", NAME),
        ("series", NAME),
        ("ts", TS),
        ("value", pa.float64()),
        ("label", NAME),
        ("held", pa.bool_()),
        ("run", pa.int64()),
    ]
)
"""The upload's ledger: what was sent, and (not `held`) what was withdrawn, with the number of the upload as `run`."""
SCHEMAS = {
    "event": EVENT_SCHEMA,
    "output": OUTPUT_SCHEMA,
    "open_output": OUTPUT_SCHEMA,
    "record": RECORD_SCHEMA,
    "open_record": RECORD_SCHEMA,
    "sent": SENT_SCHEMA,
}
_DELTA = ("ts", "row", "started_at")
_OUTPUT_GROUP_ROWS = 262_144


@dataclass(frozen=True, slots=True)
class Segment:
    """A written segment. `path` is relative to where the segments lie; stamps µs UTC; `seq` is the newest batch,
    run or upload in it, and `first_seq` the oldest. `collides`: keys may repeat in its bucket and month.
    `tombstones`: rows that delete."""

    path: str
    kind: str
    bucket: int
    month: str
    rows: int
    bytes: int
    first_ts: int
    last_ts: int
    first_seq: int
    seq: int
    collides: bool
    tombstones: bool
    checksum: str


SEGMENT_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("kind", pa.string()),
        ("bucket", pa.int32()),
        ("month", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("first_ts", TS),
        ("last_ts", TS),
        ("first_seq", pa.int64()),
        ("seq", pa.int64()),
        ("collides", pa.bool_()),
        ("tombstones", pa.bool_()),
        ("checksum", pa.string()),
    ]
)


def segment_table(segments: Iterable[Segment]) -> pa.Table:
    """Segments as an Arrow table, for the catalog."""
    rows = list(segments)
    columns = {f.name: pa.array([getattr(s, f.name) for s in rows], f.type) for f in SEGMENT_SCHEMA}
    return pa.table(columns, schema=SEGMENT_SCHEMA)


def write_segment(
    files: SegmentFiles, path: str, kind: str, groups: Iterable[pa.Table], index: Any = None
) -> tuple[int, str]:
    """Write tables as one segment; of events, each table is one row group. Returns (bytes, checksum).

    The file is complete and stays before this returns; until the catalog names it, it is an orphan.
    """
    schema = SCHEMAS[kind]
    if index is not None:
        schema = schema.with_metadata({INDEX_KEY: json.dumps(index, separators=(",", ":"))})
    # Output values repeat too little for a dictionary to pay: 11.7 against 7.2 M rows/s written, and smaller.
    plain = _DELTA if kind == "event" else (*_DELTA, "value")
    dictionaries = [f.name for f in schema if f.name not in plain]
    encodings = {f.name: "DELTA_BINARY_PACKED" for f in schema if f.name in _DELTA}

    def fill(file: Any) -> None:
        with pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=dictionaries,
            column_encoding=encodings,
            write_statistics=["asset_id", "ts"],  # what readers skip by; of the others they cost 30 % of writing
            store_schema=True,
        ) as writer:
            for table in groups:
                writer.write_table(table, row_group_size=table.num_rows if kind == "event" else _OUTPUT_GROUP_ROWS)

    return files.write(path, fill)
