"""Segments in a folder of a local or shared disk: written in place and synced, read through a memory map."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow.parquet as pq

from event_store.durable import file_chunks, sync, write_durably
from event_store.segment_files import Found

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """The files below a folder. `uri` is set where that is not the store's own."""

    root: Path
    uri: str | None = None

    def __str__(self) -> str:
        return self.uri or str(self.root)

    def write(self, path: str, fill: Callable[[Any], None]) -> tuple[int, str]:
        """The file and its folder are synced before this returns."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        sync(target.parent)
        return target.stat().st_size, checksum(target)

    def read(self, path: str, use: Callable[[pq.ParquetFile], _T]) -> _T:
        """Read by a memory map: of what is not asked for nothing is loaded."""
        with pq.ParquetFile(self.root / path, memory_map=True) as file:
            return use(file)

    def size(self, path: str) -> int | None:
        """A file's bytes; None: there is none."""
        target = self.root / path
        return target.stat().st_size if target.is_file() else None

    def checksum(self, path: str) -> str:
        """The checksum of a file's bytes as they are now."""
        return checksum(self.root / path)

    def list(self, folder: str) -> Iterator[Found]:
        """All files below a folder; what is deleted meanwhile may be left out."""
        for path in (self.root / folder).rglob("*"):
            with suppress(FileNotFoundError):
                found = path.stat()
                if path.is_file():
                    yield Found(path.relative_to(self.root).as_posix(), found.st_size, found.st_mtime)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete files; one that is gone already is no error."""
        for path in paths:
            (self.root / path).unlink(missing_ok=True)

    def prune(self, folder: str) -> None:
        """Remove empty folders at and below this one, and then above it, up to the root of the segments."""
        top = self.root / "segments"
        below = [Path(name) for name, _, _ in os.walk(self.root / folder, topdown=False)]
        for path in below or [self.root / folder]:
            while path != top and path.is_dir() and not any(path.iterdir()):
                path.rmdir()
                path = path.parent

    def upload(self, source: Path, path: str) -> None:
        """Copy a file in, put in place in one step."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_durably(target, file_chunks(source))

    def download(self, path: str, target: Path) -> None:
        """Copy a file out, put in place in one step."""
        write_durably(target, file_chunks(self.root / path))

    def sql_path(self, path: str) -> str:
        """An absolute path."""
        return str(self.root / path)

    def serve(self, con: duckdb.DuckDBPyConnection) -> None:
        """DuckDB reads local files by itself."""


def checksum(path: Path) -> str:
    """The checksum of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
