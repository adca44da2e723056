"""The catalog: one DuckDB file, opened for moments under a lock, changed in all-or-nothing transactions."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from altergo_interface.errors import StoreError
from event_store.durable import sync
from event_store.interruption import undisturbed
from event_store.locks import CATALOG_WAIT_S, exclusive
from event_store.paths import StorePaths
from event_store.schema import SCHEMA_VERSION, TABLES
from event_store.views import quoted

STORAGE_VERSION = "v1.5.0"
"""Readable by DuckDB 1.5 and later; keeps VARIANT. The default of DuckDB 2.0 is unreadable by 1.5."""

ROW_GROUP_ROWS = 16_384
"""Many small commits leave small row groups, which a checkpoint merges into whole ones, in memory. With DuckDB's
122,880 rows, states among them, that took 3.2 GB and twenty seconds at a time; with so many 0.6 GB and no pause."""


def create_database(path: os.PathLike[str], statements: str) -> None:
    """Create a DuckDB file that every client since 1.5 can open, with these tables in the schema `store`."""
    with duckdb.connect() as con:
        name = str(path).replace("'", "''")
        con.execute(f"attach '{name}' as fresh (storage_version '{STORAGE_VERSION}')")
        con.execute("use fresh; create schema store")
        con.execute(statements)
        con.execute("use memory; detach fresh")


class Catalog:
    """Access to the catalog. Nobody keeps it open: an ingest waits for moments, not for a run.

    DuckDB lets one process at a time open a file that it writes, so every opener takes the lock first. The file
    is only ever copied while it is closed: closing any other descriptor of it would drop DuckDB's own lock.
    """

    def __init__(self, paths: StorePaths) -> None:
        self._paths = paths
        # Several stores may be open at once in one process.
        self._alias = "catalog_" + hashlib.blake2b(str(paths.root).encode(), digest_size=8).hexdigest()

    def create(self, meta: Mapping[str, str] | None = None) -> None:
        """Make an empty catalog, all or nothing, with further entries in its description."""
        with self._locked("init"):
            if self._paths.catalog.exists():
                return
            draft = self._fresh_draft()
            described = {"schema_version": str(SCHEMA_VERSION), **(meta or {})}
            rows = ", ".join(f"({quoted(key)}, {quoted(value)})" for key, value in described.items())
            create_database(draft, TABLES + f"insert into store.meta values {rows};")
            os.replace(draft, self._paths.catalog)

    @contextmanager
    def session(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for a few short statements; all other processes wait meanwhile."""
        with self._locked(purpose):
            con = self._connect()
            try:
                yield con
            finally:
                self._close(con)

    @contextmanager
    def transaction(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection whose statements take effect together when the block ends, or not at all."""
        with self.session(purpose) as con:
            con.execute("begin")
            yield con
            con.execute("commit")

    def meta(self, key: str) -> str | None:
        """An entry of the file's description, whichever version it is of."""
        with self._locked("meta"):
            con, _ = self._open()
            try:
                found = one(con, "select value from store.meta where key = ?", key)
            finally:
                self._close(con)
        return None if found is None else str(found)

    def version(self) -> int:
        """The schema version of the file, whichever it is."""
        with self._locked("version"):
            con, version = self._open()
            self._close(con)
            return version

    @contextmanager
    def migration(self, backup: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction on a file of whichever version; a copy of it is made before."""
        with self._locked("upgrade"):
            self._close(self._open()[0])  # folds a write-ahead log that a killed process may have left
            draft = backup.with_suffix(".draft")
            shutil.copyfile(self._paths.catalog, draft)
            sync(draft)
            os.replace(draft, backup)
            con, _ = self._open()
            try:
                con.execute("begin")
                yield con
                con.execute("commit")
            finally:
                self._close(con)

    def rewrite(self) -> None:
        """Write the file anew: what was deleted leaves the disk, too."""
        with self._locked("rewrite"):
            self._close(self._connect())
            draft = self._fresh_draft()
            create_database(draft, "")
            with duckdb.connect() as con:
                names = [str(path).replace("'", "''") for path in (self._paths.catalog, draft)]
                con.execute(f"attach '{names[0]}' as old (read_only); attach '{names[1]}' as fresh")
                con.execute("drop schema fresh.store; copy from database old to fresh")
            os.replace(draft, self._paths.catalog)

    def _fresh_draft(self) -> Path:
        draft = self._paths.catalog.with_suffix(".draft")
        for leftover in (draft, draft.with_name(draft.name + ".wal")):
            with suppress(FileNotFoundError):
                leftover.unlink()
        return draft

    def copy_to(self, target: os.PathLike[str]) -> None:
        """Copy the closed file; a fully checkpointed one, because closing checkpoints."""
        with self._locked("publish"):
            self._close(self._connect())  # folds a write-ahead log that a killed process may have left
            shutil.copyfile(self._paths.catalog, target)

    @contextmanager
    def _locked(self, purpose: str) -> Iterator[None]:
        """Interruptions wait as long as the lock is held: only moments, by design."""
        with (
            undisturbed() as interrupted,
            exclusive(self._paths.locks, "catalog", purpose, CATALOG_WAIT_S, interrupted),
        ):
            yield

    def _connect(self) -> duckdb.DuckDBPyConnection:
        con, found = self._open()
        if found != SCHEMA_VERSION:
            self._close(con)
            older = found < SCHEMA_VERSION
            raise StoreError(
                f"{self._paths.catalog}: schema version {found}, this engine reads {SCHEMA_VERSION}",
                "Run: twins store upgrade" if older else "Use the engine version that wrote it",
            )
        return con

    def _open(self) -> tuple[duckdb.DuckDBPyConnection, int]:
        """A connection, and the schema version of the file."""
        con = _instance(os.getpid()).cursor()
        name = str(self._paths.catalog).replace("'", "''")
        try:
            con.execute(f"attach '{name}' as {self._alias} (row_group_size {ROW_GROUP_ROWS})")
            con.execute(f"use {self._alias}; set TimeZone = 'UTC'")
            return con, int(one(con, "select value from store.meta where key = 'schema_version'") or 0)
        except duckdb.Error as error:
            self._close(con)
            what = f"{self._paths.catalog}: not a readable catalog ({_first_line(error)})"
            raise StoreError(what, "Restore it from a backup, or choose another --store") from error

    def _close(self, con: duckdb.DuckDBPyConnection) -> None:
        """End a session: what is not committed is undone, and the file is closed and checkpointed."""
        con.close()
        _instance(os.getpid()).execute(f"detach database if exists {self._alias}")


@cache
def _instance(pid: int) -> duckdb.DuckDBPyConnection:
    """This process's DuckDB, to which catalogs are attached for the length of a session.

    To start one takes 14 ms, to attach a file 1 ms, and a run has a dozen sessions. It does not survive a fork.
    """
    del pid
    return duckdb.connect()


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, **expressions: str) -> None:
    """Append an Arrow table to a catalog table by column name; `expressions` compute columns in SQL."""
    columns = {name: f'"{name}"' for name in rows.column_names} | expressions
    con.register("_rows", rows)
    names = ", ".join(f'"{name}"' for name in columns)
    con.execute(f"insert into store.{table} ({names}) select {', '.join(columns.values())} from _rows")
    con.unregister("_rows")


def one(con: duckdb.DuckDBPyConnection, query: str, *given: object) -> Any:
    """The first column of a query's first row; None where it has no row."""
    rows = con.execute(query, list(given)).fetchall()
    return rows[0][0] if rows else None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
