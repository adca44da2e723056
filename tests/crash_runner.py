"""Runs the command line in processes that kill themselves at the n-th step that touches the store.

Steps are what the interpreter's audit hook sees of the store's folder (opening a file to write, renaming, removing,
making a folder) and every begin and commit of a catalog transaction, before and after it.

The gateway `double` is a platform in the store's folder, so that what it writes are steps, too.

Reads trials from stdin, one JSON list a line, `[store, file for stderr, n, argument, …]`, and answers each with its
process id on a line, and when it has ended with `[exit code, steps]` on another. Each trial is a fork, so that the
imports are paid for once. With n = 0 it kills nothing itself.
"""

import json
import os
import signal
import sys
from pathlib import Path

import duckdb
from platform_double import FilePlatform

import actors.platform
import actors.ray_pool
import actors.uploading
from actors.cli import main as twins
from event_store.catalog import Catalog

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir"}


class Trap:
    """Counts the steps of one trial, and kills the process at one of them."""

    def __init__(self, store: str, at: int) -> None:
        self._store = os.path.abspath(store) + os.sep
        self._at = at
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self._at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in EVENTS or not isinstance(arguments[0], str | os.PathLike):
            return
        path = os.path.abspath(os.fspath(arguments[0]))
        if not path.startswith(self._store) or "/locks/" in path:
            return
        if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
            return
        self.step()


class Watched:
    """A connection whose transactions are steps."""

    def __init__(self, con: duckdb.DuckDBPyConnection, trap: Trap) -> None:
        self._con = con
        self._trap = trap

    def execute(self, query: str, *arguments: object) -> object:
        if query not in ("begin", "commit"):
            return self._con.execute(query, *arguments)
        self._trap.step()
        result = self._con.execute(query)
        self._trap.step()
        return result

    def __getattr__(self, name: str) -> object:
        return getattr(self._con, name)


def child(store: str, at: int, arguments: list[str], report: int) -> None:
    trap = Trap(store, at)
    connect = Catalog._connect
    Catalog._connect = lambda self: Watched(connect(self), trap)  # type: ignore[method-assign,assignment,return-value]
    actors.uploading.SETTLE_EVERY_S = 0.0  # the number of steps must not depend on the clock
    actors.platform.open_gateway = lambda *_: FilePlatform(Path(store, "platform"))  # type: ignore[attr-defined]
    sys.addaudithook(trap.hook)
    code = 0
    try:
        twins(["--store", store, *arguments])
    except SystemExit as done:
        code = int(done.code or 0)
    os.write(report, str(trap.steps).encode())
    os._exit(code)


def trial(store: str, err: str, at: int, *arguments: str) -> list[int]:
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        told = os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(told, 1)  # stdout belongs to the answers
        os.dup2(told, 2)
        child(store, at, list(arguments), writing)
    os.close(writing)
    answer(process)
    status = os.waitpid(process, 0)[1]
    # Not up to its end: what the command has started may hold it open for longer.
    os.set_blocking(reading, False)
    try:
        steps = int(os.read(reading, 32) or 0)
    except BlockingIOError:
        steps = 0
    os.close(reading)
    return [os.waitstatus_to_exitcode(status), steps]


def answer(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    answer(trial(*json.loads(line)))
