"""One publication of a store, held open: whatever is read of it is of one moment, also while a run goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from event_store.facts import Facts, read_facts, read_log_segments
from event_store.log import read_assets
from event_store.paths import StorePaths
from event_store.places import segment_files
from event_store.publish import read_published
from event_store.published import published_meta
from event_store.segment_files import SegmentFiles
from twins import AssetSeries


@dataclass(frozen=True, slots=True)
class Pinned:
    """A read-only view of a publication."""

    con: duckdb.DuckDBPyConnection
    files: SegmentFiles

    def rows(self, query: str, **given: Any) -> list[dict[str, Any]]:
        """The rows of a query over the views, by column; `$name` stands for what is given."""
        found = self.con.execute(query, given)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def columns(self, query: str, **given: Any) -> dict[str, Any]:
        """The columns of a query as NumPy arrays."""
        return dict(self.con.execute(query, given).fetchnumpy())

    def facts(self, asset_id: str) -> Facts:
        """What a plan would know of an asset; without it where there is none."""
        return read_facts(self.con, asset_id)

    def series(self, asset_id: str, facts: Facts) -> AssetSeries | None:
        """The winning events of an asset, as delivered; None where there are none."""
        bucket = facts.assets[asset_id].bucket
        segments = read_log_segments(self.con, facts.seq, [bucket]).get(bucket, ())
        return read_assets(self.files, segments, {asset_id: None}).get(asset_id)


@contextmanager
def pinned(paths: StorePaths) -> Iterator[Pinned]:
    """The store's publication as it is now."""
    files = segment_files(paths.root.absolute(), published_meta(paths).get("segments"))
    con = read_published(paths)
    try:
        yield Pinned(con, files)
    finally:
        con.close()
