"""Purging an asset: the one way in which events leave the log. All or nothing, like every other change."""

import json
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from altergo_interface.errors import SelectionError
from event_store.backup import forget_backups
from event_store.catalog import one
from event_store.listing import listed, replace_listed
from event_store.nearest import asset_hint
from event_store.paths import bucket_folder, bucket_of, new_segment
from event_store.publish import publish
from event_store.segment_files import SegmentFiles
from event_store.segments import INDEX_KEY, SCHEMAS, Segment, write_segment
from event_store.store import Store

_RESULTS = ("heads", "snapshots", "masks", "skipped", "attempts", "lost", "uploaded")
_TABLES = ("assets", "sensors", "arrivals", "duplicates", "parameters", *_RESULTS)


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What was removed: rows of events and of results, and how many segments were written anew or dropped."""

    asset_id: str
    events: int
    results: int
    segments: int


def purge_asset(store: Store, asset_id: str) -> PurgeReport:
    """Remove every trace of an asset: events, results, parameters, quarantined rows that name it.

    Its segments are written anew without it, and the old files deleted once the published copy no longer names
    them. What a platform was sent stays there, and is no longer known here. Raises SelectionError for an unknown
    asset, StoreBusy during a run or an upload.
    """
    with store.running(), store.ingesting(), store.uploading():
        with store.catalog.session("purge") as con:
            if one(con, "select 1 from store.assets where asset_id = ?", asset_id) is None:
                raise SelectionError(f"no asset is called '{asset_id}'", asset_hint(con, asset_id))
            found = listed(con, "bucket = ?", bucket_of(asset_id))
        changed = [(old, *_without(store, old, asset_id)) for old in found if _holds(store, old, asset_id)]
        with store.catalog.transaction("purge") as con:
            _apply(con, asset_id, [old for old, _, _ in changed], [new for _, new, _ in changed if new is not None])
        store.catalog.rewrite()
        publish(store)
        _remove_unlisted(store, bucket_of(asset_id))
    events = sum(removed for old, _, removed in changed if old.kind == "event")
    results = sum(removed for old, _, removed in changed if old.kind != "event")
    return PurgeReport(asset_id, events, results, len(changed))


def _remove_unlisted(store: Store, bucket: int) -> None:
    """Delete whatever of a bucket is not listed (what was replaced now or earlier, orphans), and backups of the
    catalog: they may hold the asset. Both locks are held, so nobody is writing there."""
    with store.catalog.transaction("purge") as con:
        kept = {segment.path for segment in listed(con, "bucket = ?", bucket)}
        con.execute("delete from store.garbage where contains(path, ?)", [f"/{bucket_folder(bucket)}/"])
    folders = (f"segments/{kind}/{bucket_folder(bucket)}" for kind in SCHEMAS)
    store.files.delete([f.path for folder in folders for f in store.files.list(folder) if f.path not in kept])
    for path in store.paths.root.glob("catalog.v*.duckdb"):
        path.unlink()
    forget_backups(store, 1)


def _holds(store: Store, segment: Segment, asset_id: str) -> bool:
    column = store.files.read(segment.path, lambda file: file.read(columns=["asset_id"])).column(0)
    return bool(pc.any(pc.equal(pc.cast(column, pa.string()), asset_id)).as_py())


def _without(store: Store, segment: Segment, asset_id: str) -> tuple[Segment | None, int]:
    """The segment written anew without the asset (None where nothing else is in it), and the rows removed."""
    index = None
    if segment.kind == "event":
        groups, index = _event_groups(store.files, segment.path, asset_id)
    else:
        # As plain strings: a dictionary would keep the name of the asset although no row has it any more.
        plain = store.files.read(segment.path, pq.ParquetFile.read).cast(_plain(SCHEMAS[segment.kind]))
        kept = plain.filter(pc.not_equal(plain.column("asset_id"), asset_id))
        groups = [kept.cast(SCHEMAS[segment.kind])]
    rows = sum(group.num_rows for group in groups)
    if rows == 0:
        return None, segment.rows
    path = new_segment(segment.kind, segment.bucket, segment.month)
    size, checksum = write_segment(store.files, path, segment.kind, groups, index)
    stamps = np.concatenate([group.column("ts").to_numpy().view(np.int64) for group in groups])
    first, last = int(stamps.min()), int(stamps.max())
    written = replace(segment, path=path, rows=rows, bytes=size, checksum=checksum, first_ts=first, last_ts=last)
    return written, segment.rows - rows


def _plain(schema: pa.Schema) -> pa.Schema:
    return pa.schema([(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in schema])


def _event_groups(files: SegmentFiles, path: str, asset_id: str) -> tuple[list[pa.Table], object]:
    def use(file: pq.ParquetFile) -> tuple[list[pa.Table], object]:
        index = json.loads(file.schema_arrow.metadata[INDEX_KEY])
        kept = [number for number, (asset, _) in enumerate(index["assets"]) if asset != asset_id]
        groups = [file.read_row_group(number).replace_schema_metadata(None) for number in kept]
        return groups, {"sensors": index["sensors"], "assets": [index["assets"][number] for number in kept]}

    return files.read(path, use)


def _apply(con: duckdb.DuckDBPyConnection, asset_id: str, old: list[Segment], new: list[Segment]) -> None:
    replace_listed(con, old, new)
    for table in _TABLES:
        con.execute(f"delete from store.{table} where asset_id = ?", [asset_id])
    con.execute(
        "delete from store.quarantine where json_valid(raw) and list_contains(json_extract_string(raw, '$.*'), ?)",
        [asset_id],
    )
