"""Segments in an object store: one PUT each, read by ranges, every call tried again while that may help."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from altergo_interface.errors import InfrastructureError
from event_store.durable import file_chunks, write_durably
from event_store.object_store import bucket_and_prefix, connect, patiently
from event_store.segment_files import Found

CHUNK = 8 << 20
_T = TypeVar("_T")


class RemoteFiles:
    """The objects below an `s3://` URI. Only the URI pickles: a process has its credentials from its environment."""

    def __init__(self, uri: str) -> None:
        self._prefix = bucket_and_prefix(uri)
        self.uri = f"s3://{self._prefix}"

    def __str__(self) -> str:
        return self.uri

    def __reduce__(self) -> tuple[type["RemoteFiles"], tuple[str]]:
        return RemoteFiles, (self.uri,)

    @cached_property
    def _fs(self) -> fs.FileSystem:
        return connect()

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}"

    def _patiently(self, path: str, call: Callable[[], _T]) -> _T:
        return patiently(self.sql_path(path).rstrip("/"), call)

    def write(self, path: str, fill: Callable[[Any], None]) -> tuple[int, str]:
        """Encoded in memory first, so that it can be sent again; there is no object before all of it has come."""
        buffer = pa.BufferOutputStream()
        fill(buffer)
        content = buffer.getvalue()
        self._put(path, lambda: [content])
        return content.size, hashlib.blake2b(content).hexdigest()[:32]

    def _put(self, path: str, chunks: Callable[[], Iterable[Any]]) -> None:
        def send() -> None:
            with self._fs.open_output_stream(self._key(path)) as stream:
                for chunk in chunks():
                    stream.write(chunk)

        self._patiently(path, send)

    def read(self, path: str, use: Callable[[pq.ParquetFile], _T]) -> _T:
        """Only the footer and what `use` asks for is fetched, in few ranges."""

        def attempt() -> _T:
            with self._fs.open_input_file(self._key(path)) as source, pq.ParquetFile(source, pre_buffer=True) as file:
                return use(file)

        return self._patiently(path, attempt)

    def open(self, path: str) -> pa.NativeFile:
        """A file whose ranges can be read; its calls are not tried again."""
        return self._patiently(path, lambda: self._fs.open_input_file(self._key(path)))

    def size(self, path: str) -> int | None:
        """A file's bytes; None: there is none."""
        found = self._patiently(path, lambda: self._fs.get_file_info(self._key(path)))
        return found.size if found.is_file else None

    def checksum(self, path: str) -> str:
        """The checksum of an object's bytes as they are now."""

        def attempt() -> str:
            digest = hashlib.blake2b()
            for chunk in self._chunks(path):
                digest.update(chunk)
            return digest.hexdigest()[:32]

        return self._patiently(path, attempt)

    def _chunks(self, path: str) -> Iterator[bytes]:
        with self._fs.open_input_file(self._key(path)) as source:
            while chunk := source.read(CHUNK):
                yield chunk

    def list(self, folder: str) -> Iterator[Found]:
        """All objects below a prefix; `modified` is when the store had them."""
        selector = fs.FileSelector(self._key(folder).rstrip("/"), recursive=True, allow_not_found=True)
        for info in self._patiently(folder, lambda: self._fs.get_file_info(selector)):
            if info.is_file:
                yield Found(info.path.removeprefix(f"{self._prefix}/"), info.size, info.mtime_ns / 1e9)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete objects; one that is gone already is no error."""
        for path in paths:
            self._patiently(path, lambda path=path: self._delete(path))  # type: ignore[misc]

    def _delete(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._fs.delete_file(self._key(path))

    def prune(self, folder: str) -> None:
        """An object store has no folders."""

    def upload(self, source: Path, path: str) -> None:
        """Send a local file in parts; there is no object before all of it has come."""
        try:
            self._put(path, lambda: file_chunks(source))
        except BaseException:
            # To leave an open stream ends the object where it is, for instance at Ctrl-C.
            with suppress(InfrastructureError):
                self.delete([path])
            raise

    def download(self, path: str, target: Path) -> None:
        """Fetch an object; the target is put in place once it is complete and on the disk."""
        self._patiently(path, lambda: write_durably(target, self._chunks(path)))

    def sql_path(self, path: str) -> str:
        """Its URI, which DuckDB's own httpfs understands, too."""
        return f"{self.uri}/{path}"

    def serve(self, con: duckdb.DuckDBPyConnection) -> None:
        """DuckDB's wheel reads no object store: this database instance reads `s3://` through this object from now on,
        whatever it was served by before."""
        from event_store.sql_files import SqlFiles

        if SqlFiles.protocol in con.list_filesystems():
            con.unregister_filesystem(SqlFiles.protocol)
        con.register_filesystem(SqlFiles(self))
