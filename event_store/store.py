"""A store on disk: created, opened, locked. Everything else takes a Store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from altergo_interface.display import Displayed, Summary
from altergo_interface.errors import StoreError
from event_store.catalog import Catalog, one
from event_store.locks import exclusive
from event_store.paths import StorePaths
from event_store.places import segment_files
from event_store.segment_files import SegmentFiles

INGEST_WAIT_S = 3600.0
"""One ingest at a time: the next one waits for it, because it must be compared with what came before."""


@dataclass(frozen=True, slots=True, repr=False)
class Store(Displayed):
    """An opened store."""

    paths: StorePaths
    catalog: Catalog
    files: SegmentFiles

    def _summary(self) -> Summary:
        """Where it lies."""
        return Summary(f"Store {self.paths.root}", [f"segments in {self.files}"])

    @classmethod
    def open(cls, root: Path) -> "Store":
        """Open a store. Raises StoreError where there is none; its version is checked by whatever it is asked for."""
        paths = StorePaths(root.absolute())
        if not paths.catalog.is_file():
            raise StoreError(f"{root}: not a store (no catalog.duckdb)", "Ingest a file first, or check --store")
        catalog = Catalog(paths)
        return cls(paths, catalog, segment_files(paths.root, catalog.meta("segments")))

    @classmethod
    def create(cls, root: Path, segments: str | None = None) -> "Store":
        """Open a store, or make an empty one in a folder that is new, empty, or left by an interrupted creation.

        `segments`: the URI at which those of a new store will lie, instead of in the folder. Raises StoreError for a
        folder that holds something else.
        """
        paths = StorePaths(root.absolute())
        if cls.missing(root):
            paths.root.mkdir(parents=True, exist_ok=True)
            Catalog(paths).create({} if segments is None else {"segments": segments})
        return cls.open(root)

    @staticmethod
    def missing(root: Path) -> bool:
        """Whether there is no store yet, but could be one. Raises StoreError for a folder of something else."""
        if StorePaths(root).catalog.is_file():
            return False
        if root.exists() and (not root.is_dir() or any(entry.name not in _OWN for entry in root.iterdir())):
            raise StoreError(f"{root}: exists and is not a store", "Choose another --store")
        return True

    @contextmanager
    def ingesting(self, wait_s: float = INGEST_WAIT_S) -> Iterator[None]:
        """Hold the ingest lock, waiting for another ingest to end. Raises StoreBusy where that takes longer."""
        with exclusive(self.paths.locks, "ingest", "an ingest", wait_s):
            yield

    @contextmanager
    def running(self, purpose: str = "a run") -> Iterator[None]:
        """Hold the run lock. Raises StoreBusy at once, saying who holds it since when."""
        with exclusive(self.paths.locks, "run", purpose, 0):
            yield

    @contextmanager
    def uploading(self) -> Iterator[None]:
        """Hold the upload lock. Raises StoreBusy at once, saying who holds it since when."""
        with exclusive(self.paths.locks, "upload", "an upload", 0):
            yield

    def knows_batch(self, batch: str) -> bool:
        """Whether a batch of this id has been ingested and stands."""
        with self.catalog.session("ingest") as con:
            return one(con, "select 1 from store.batches where batch = ? and retracted_by is null", batch) is not None

    @staticmethod
    def next_seq(con: duckdb.DuckDBPyConnection) -> int:
        """The sequence that the next batch will get; only under the ingest lock."""
        return last_seq(con) + 1


_OWN = frozenset({"locks", "segments", "catalog.draft", "catalog.draft.wal"})


def last_seq(con: duckdb.DuckDBPyConnection) -> int:
    """The newest sequence of the log."""
    return int(one(con, "select coalesce(max(seq), 0) from store.batches"))
