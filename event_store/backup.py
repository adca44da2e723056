"""Backups of the catalog beside segments that lie elsewhere: they bring a store back whose own disk is lost."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from altergo_interface.errors import SettingsError, StoreError
from event_store.locks import CATALOG_WAIT_S, exclusive
from event_store.paths import StorePaths
from event_store.places import segment_files
from event_store.published import published_meta
from event_store.segment_files import SegmentFiles
from event_store.store import Store

FOLDER = "catalog"
KEPT = 5


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """The backup that was taken, how many segments it names, and which of them are not there as they were."""

    backup: str
    segments: int
    missing: tuple[str, ...]


def back_up(store: Store) -> None:
    """Put a copy of the catalog beside the segments, and drop all but the newest few.

    Files are only ever deleted after a backup that does not name them. Nothing is done for a store whose segments lie
    in its own folder: whoever copies that has both.
    """
    if store.files.uri is None:
        return
    with exclusive(store.paths.locks, "backup", "a backup", CATALOG_WAIT_S):
        draft = store.paths.root / f"backup.{os.getpid()}.draft"
        try:
            store.catalog.copy_to(draft)
            number = max((int(Path(path).stem) for path in backups(store.files)), default=0) + 1
            store.files.upload(draft, f"{FOLDER}/{number:010d}.duckdb")
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
        forget_backups(store, KEPT)


def backups(files: SegmentFiles) -> list[str]:
    """The backups that are there, the newest last."""
    found = (file.path for file in files.list(FOLDER))
    return sorted(path for path in found if path.endswith(".duckdb") and Path(path).stem.isdigit())


def forget_backups(store: Store, keep: int) -> None:
    """Delete all but the newest backups."""
    if store.files.uri is not None:
        store.files.delete(backups(store.files)[:-keep])


def restore_store(root: Path, uri: str | None = None) -> RestoreReport:
    """Make a store of the newest backup at `uri`; None: where the published copy in the folder says.

    What came after the backup is not in it: it can be ingested and run again. The store is made even where segments
    are missing. Raises StoreError where there is a catalog already, or no backup.
    """
    paths = StorePaths(root.absolute())
    files = _place(paths, uri)
    found = backups(files)
    if not found:
        raise StoreError(f"{files}: there is no backup of a catalog", "Check the URI")
    paths.root.mkdir(parents=True, exist_ok=True)
    with exclusive(paths.locks, "catalog", "restore", CATALOG_WAIT_S):
        _refuse_catalog(paths)
        named = _fetch(paths, files, found[-1])
    there = {file.path: file.size for file in files.list("segments")}
    missing = tuple(path for path, size in named.items() if there.get(path) != size)
    return RestoreReport(found[-1], len(named), missing)


def _place(paths: StorePaths, uri: str | None) -> SegmentFiles:
    _refuse_catalog(paths)
    known = uri or published_meta(paths).get("segments")
    if known is None:
        raise SettingsError(f"{paths.root}: nothing says where the segments lie", "Name it with --segments URI")
    return segment_files(paths.root, known)


def _refuse_catalog(paths: StorePaths) -> None:
    """A log of changes without its catalog would be applied to the next one."""
    for path in (paths.catalog, paths.catalog.with_name(paths.catalog.name + ".wal")):
        if path.exists():
            raise StoreError(f"{path}: is there already", "Move it away, or choose another --store")


def _fetch(paths: StorePaths, files: SegmentFiles, backup: str) -> dict[str, int]:
    """Put a backup in the catalog's place. Returns the segments that it names, with their sizes."""
    draft = paths.root / f"restore.{os.getpid()}.draft"
    try:
        files.download(backup, draft)
        named = _adopt(draft, files)
        os.replace(draft, paths.catalog)
    except duckdb.Error as error:
        raise StoreError(f"{files.sql_path(backup)}: not a readable catalog", "Delete it there") from error
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    return named


def _adopt(draft: Path, files: SegmentFiles) -> dict[str, int]:
    """Note where the segments lie now, which may be a copy of where they were. Returns those that are named."""
    with duckdb.connect(str(draft)) as con:
        con.execute("update store.meta set value = ? where key = 'segments'", [files.uri])
        return dict(con.execute("select path, bytes from store.segments order by path").fetchall())
