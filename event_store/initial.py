"""A new store, with its segments in its own folder or elsewhere."""

import uuid
from pathlib import Path

from altergo_interface.errors import StoreError
from event_store.places import segment_files
from event_store.segment_files import SegmentFiles
from event_store.store import Store


def init_store(root: Path, uri: str | None = None) -> Store:
    """Make an empty store; `uri` is where its segments will lie, None: in its folder.

    Raises StoreError for a folder or a place that is in use, SettingsError for a URI that names no place, and
    InfrastructureError where nothing can be written there; then nothing was made.
    """
    if not Store.missing(root):
        raise StoreError(f"{root}: is a store already", "Choose another --store")
    files = segment_files(root.absolute(), uri)
    if files.uri is not None:
        _check(files)
    return Store.create(root, files.uri)


def _check(files: SegmentFiles) -> None:
    """A place serves one store: whatever the catalog of another does not name would be garbage to it."""
    if any(True for _ in files.list("")):
        raise StoreError(
            f"{files.uri}: is not empty", "Choose another prefix; `twins store restore` opens a store that lies there"
        )
    probe = f"{uuid.uuid4().hex}.probe"
    files.write(probe, lambda file: file.write(b"probe"))
    files.delete([probe])
