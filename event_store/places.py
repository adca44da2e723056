"""Which place a URI names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from altergo_interface.errors import SettingsError
from event_store.local_files import LocalFiles
from event_store.remote_files import RemoteFiles
from event_store.segment_files import SegmentFiles


def segment_files(root: Path, uri: str | None) -> SegmentFiles:
    """The files of a store in the folder `root`, whose segments lie at `uri` (None: there, too).

    Raises SettingsError for a URI that names no place; it may hold a secret by mistake, so it is not repeated.
    """
    if uri is None:
        return LocalFiles(root)
    if uri.startswith("s3://"):
        return RemoteFiles(uri)
    if uri.startswith("file:///"):
        folder = Path(unquote(urlsplit(uri).path))
        return LocalFiles(folder, folder.as_uri())
    raise SettingsError("the URI of the segments begins with neither s3:// nor file:///", "Name such a place")
