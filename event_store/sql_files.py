"""How DuckDB reads an object store without its httpfs extension: through the files that Python reads."""

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa

from event_store.object_store import patiently

if TYPE_CHECKING:
    from event_store.remote_files import RemoteFiles


class SqlFiles(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """The objects of a store as DuckDB asks for them. Segments never change, so each is opened once."""

    protocol = "s3"
    cachable = False

    def __init__(self, files: "RemoteFiles") -> None:
        super().__init__()
        self._files = files
        self._opened: dict[str, pa.NativeFile] = {}

    def _relative(self, path: str) -> str:
        return path.removeprefix(self._files.sql_path(""))

    def _native(self, path: str) -> pa.NativeFile:
        if path not in self._opened:
            self._opened[path] = self._files.open(self._relative(path))
        return self._opened[path]

    def open(self, path: str, mode: str = "rb", **_: Any) -> "_Ranges":
        """A file to read from."""
        if mode != "rb":
            raise PermissionError("segments are read only")
        return _Ranges(path, self._native(path))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What DuckDB needs to know: the size. It asks for files, too, that it is about to write: `open` refuses."""
        opened = self._opened.get(path)
        size = self._files.size(self._relative(path)) if opened is None else opened.size()
        return {"name": path, "type": "file", "size": size or 0}

    def modified(self, path: str) -> datetime:
        """Always the same: a segment never changes."""
        del path
        return datetime.fromtimestamp(0, UTC)

    def exists(self, path: str, **_: Any) -> bool:
        """The catalog names what is there; a request each would be wasted."""
        del path
        return True

    def glob(self, path: str, **_: Any) -> list[str]:
        """Views name every segment in full."""
        return [path]


class _Ranges:
    """A file that is read by ranges.

    Every thread has a position of its own: DuckDB's threads share a file, and each seeks before it reads.
    """

    def __init__(self, path: str, native: pa.NativeFile) -> None:
        self._path = path
        self._native = native
        self._position = threading.local()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Where this thread reads next."""
        self._position.at = offset + {0: 0, 1: self.tell(), 2: self._native.size()}[whence]
        return self.tell()

    def tell(self) -> int:
        """Where this thread reads next."""
        return int(getattr(self._position, "at", 0))

    def read(self, size: int = -1) -> bytes:
        """The next bytes for this thread."""
        at = self.tell()
        count = self._native.size() - at if size < 0 else size
        found: bytes = patiently(self._path, lambda: self._native.read_at(count, at))
        self._position.at = at + len(found)
        return found

    def close(self) -> None:
        """Others may read it still: it ends with its connection."""
