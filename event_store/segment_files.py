"""Where segments lie: what a place of files must be able to do, and which place a store has."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import duckdb
import pyarrow.parquet as pq

_T = TypeVar("_T")


class Found(NamedTuple):
    """A file that is there; `modified` in seconds since 1970, by the clock of the place."""

    path: str
    size: int
    modified: float


class SegmentFiles(Protocol):
    """Files that are written once, whole, and then read or deleted. Paths are relative, with slashes.

    It pickles, without any secret, and works in whichever process it arrives. On an object store each call is
    tried again for a while; one that fails for good raises InfrastructureError. Local ones raise OSError.
    """

    @property
    def uri(self) -> str | None:
        """Where it lies; None: in the store's own folder."""
        ...

    def write(self, path: str, fill: Callable[[Any], None]) -> tuple[int, str]:
        """Write what `fill` puts into a binary file. Returns (bytes, checksum): the file is complete, and stays."""
        ...

    def read(self, path: str, use: Callable[[pq.ParquetFile], _T]) -> _T:
        """What `use` makes of a Parquet file; it may be called again, and must not keep the file."""
        ...

    def size(self, path: str) -> int | None:
        """A file's bytes; None: there is none."""
        ...

    def checksum(self, path: str) -> str:
        """The checksum of a file's bytes as they are now."""
        ...

    def list(self, folder: str) -> Iterator[Found]:
        """All files below a folder, which need not exist."""
        ...

    def delete(self, paths: Iterable[str]) -> None:
        """Delete files; one that is gone already is no error."""
        ...

    def prune(self, folder: str) -> None:
        """Remove what is empty at and below a folder of segments, and then above it."""
        ...

    def upload(self, source: Path, path: str) -> None:
        """Copy a file from the local disk to a path at which there is none; it will be there whole, or not at all."""
        ...

    def download(self, path: str, target: Path) -> None:
        """Copy a file to the local disk."""
        ...

    def sql_path(self, path: str) -> str:
        """How SQL names a file or a folder."""
        ...

    def serve(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make the names that `sql_path` gives readable for a connection."""
        ...
