"""One contract for the places in which segments can lie: a folder, and an object store."""

import pickle
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from altergo_interface import SettingsError
from event_store import object_store
from event_store.places import segment_files
from event_store.segment_files import SegmentFiles

PATH = "segments/output/b=0001/2026-01/a.parquet"
OTHER = "segments/event/b=0002/2026-02/b.parquet"
TABLE = pa.table({"n": range(1000), "x": [n / 7 for n in range(1000)]})

Write = Callable[[Any], None]


@pytest.fixture(params=["own folder", "file", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> SegmentFiles:
    """A place in which nothing lies yet."""
    if request.param == "s3":
        return segment_files(tmp_path, request.getfixturevalue("s3") + "/a/fleet")
    return segment_files(tmp_path, (tmp_path / "else where").as_uri() if request.param == "file" else None)


def table(file: Any) -> None:
    """As a segment of ten row groups."""
    pq.write_table(TABLE, file, row_group_size=100)


def test_what_was_written_is_read(files: SegmentFiles) -> None:
    size, checksum = files.write(PATH, table)
    assert files.read(PATH, pq.ParquetFile.read) == TABLE
    assert files.read(PATH, lambda file: file.read_row_groups([3, 4], ["x"])) == TABLE.select(["x"])[300:500]
    assert (files.size(PATH), files.checksum(PATH)) == (size, checksum)


def test_the_same_bytes_have_the_same_checksum_everywhere(files: SegmentFiles, tmp_path: Path) -> None:
    assert segment_files(tmp_path / "other", None).write(PATH, table) == files.write(PATH, table)


def test_a_write_replaces(files: SegmentFiles) -> None:
    files.write(PATH, lambda file: file.write(b"first and longer"))
    files.write(PATH, lambda file: file.write(b"second"))
    assert files.size(PATH) == 6


def test_a_file_of_many_parts(files: SegmentFiles) -> None:
    content = bytes(range(256)) * 100_000
    files.write(PATH, lambda file: file.write(content))
    assert files.size(PATH) == len(content)
    assert files.checksum(PATH) == files.write(OTHER, lambda file: file.write(content))[1]


def test_what_is_not_there_has_no_size(files: SegmentFiles) -> None:
    assert files.size(PATH) is None
    files.write(PATH, table)
    assert files.size("segments/output") is None


def test_what_cannot_be_encoded_is_not_there(files: SegmentFiles) -> None:
    def fail(file: Any) -> None:
        raise ValueError("no such column")

    with pytest.raises(ValueError, match="no such column"):
        files.write("segments/output/fails.parquet", fail)
    if files.uri is not None and files.uri.startswith("s3"):
        assert list(files.list("segments")) == []


def test_listing(files: SegmentFiles) -> None:
    assert list(files.list("segments")) == []
    before = time.time()
    sizes = {path: files.write(path, table)[0] for path in (PATH, OTHER)}
    files.write("catalog/1", lambda file: file.write(b"1"))
    found = {file.path: file for file in files.list("segments")}
    assert {path: file.size for path, file in found.items()} == sizes
    assert all(before - 2 < file.modified < time.time() + 2 for file in found.values())
    assert [file.path for file in files.list("segments/event/b=0002")] == [OTHER]
    assert {file.path for file in files.list("")} == {PATH, OTHER, "catalog/1"}


def test_deleting_twice(files: SegmentFiles) -> None:
    for path in (PATH, OTHER):
        files.write(path, table)
    files.delete([PATH, PATH, "segments/absent.parquet"])
    assert [file.path for file in files.list("segments")] == [OTHER]


def test_pruning_removes_only_what_is_empty(files: SegmentFiles) -> None:
    for path in (PATH, OTHER):
        files.write(path, table)
    files.prune("segments")
    files.delete([PATH])
    files.prune("segments/output/b=0001/2026-01")
    files.prune("segments/output/b=0001/2026-01")
    assert [file.path for file in files.list("segments")] == [OTHER]
    files.write(PATH, table)
    assert files.read(PATH, pq.ParquetFile.read) == TABLE


def test_copies_go_in_and_out(files: SegmentFiles, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"catalog" * 1_500_000)
    files.upload(source, "catalog/1.duckdb")
    files.download("catalog/1.duckdb", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    assert not list(tmp_path.rglob("*.draft"))


def test_an_interrupted_copy_is_not_there(
    files: SegmentFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chunks(source: Path) -> Iterator[bytes]:
        yield bytes(12 << 20)
        raise KeyboardInterrupt

    for module in ("local_files", "remote_files"):
        monkeypatch.setattr(f"event_store.{module}.file_chunks", chunks)
    with pytest.raises(KeyboardInterrupt):
        files.upload(tmp_path / "source", "catalog/1.duckdb")
    assert list(files.list("catalog")) == []


def test_sql_reads_what_was_written(files: SegmentFiles) -> None:
    for path in (PATH, OTHER):
        files.write(path, table)
    with duckdb.connect() as con:
        for _ in range(2):
            files.serve(con.cursor())  # all connections of an instance share what serves them
        named = ", ".join(f"'{files.sql_path(path)}'" for path in (PATH, OTHER))
        query = f"select count(*), sum(n), max(x) from read_parquet([{named}], hive_partitioning = false)"
        for _ in range(2):
            assert con.execute(f"{query} where n >= 500").fetchall() == [(1000, 749_500, 999 / 7)]
            files.serve(con)


def test_of_a_remote_file_only_what_is_asked_for_is_fetched(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []

    class Counting:
        """A client that counts the bytes that it reads."""

        def __init__(self) -> None:
            self._client = object_store.connect()

        def open_output_stream(self, key: str) -> Any:
            return self._client.open_output_stream(key)

        def open_input_file(self, key: str) -> Any:
            return pa.PythonFile(Counted(self._client.open_input_file(key)), mode="r")

    class Counted:
        """A file of it."""

        def __init__(self, file: Any) -> None:
            self._file = file

        def read(self, size: int = -1) -> bytes:
            found: bytes = self._file.read(size)
            fetched.append(len(found))
            return found

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    monkeypatch.setattr("event_store.remote_files.connect", Counting)
    files = segment_files(tmp_path, f"{s3}/fleet")
    noise = pa.table({name: np.random.default_rng(0).random(500_000) for name in ("x", "y")})
    size, _ = files.write(PATH, lambda file: pq.write_table(noise, file, row_group_size=10_000))
    assert files.read(PATH, lambda file: file.read_row_group(7, ["x"])).equals(noise.select(["x"])[70_000:80_000])
    assert sum(fetched) < size / 20
    assert len(fetched) <= 4


def test_it_pickles_without_a_secret(files: SegmentFiles) -> None:
    files.write(PATH, table)
    message = pickle.dumps(files)
    assert b"nobody-must-read-this" not in message
    assert b"AKIATESTONLY" not in message
    again: SegmentFiles = pickle.loads(message)
    assert again.read(PATH, pq.ParquetFile.read) == TABLE
    assert (again.uri, str(again)) == (files.uri, str(files))


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "gs://bucket/fleet",
            "bucket/fleet",
            "s3://",
            "s3:///fleet",
            "s3://b",
            "s3://Bucket/fleet",
            "file://host/x",
        ),
        *(
            "s3://KEY:SECRET@bucket/fleet",
            "s3://bucket/fleet?secret_key=SECRET",
            "s3://bucket/a/../b",
            "s3://bucket//a",
        ),
        *("s3://bucket/a'b", "s3://bucket/a b", "s3://bucket/a*"),
    ],
)
def test_a_uri_that_names_no_place(uri: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        segment_files(tmp_path, uri)
    assert "SECRET" not in str(error.value)
    assert "s3://" in str(error.value)
