"""Runs the command line in a process that kills itself at the n-th step that touches the store.

Steps are what the interpreter's audit hook sees of the store's folder (opening a file to write, renaming, removing,
making a folder) and every begin and commit of a catalog transaction, before and after it. Usage:

    python crash_runner.py STORE N -- ARGUMENTS…

With N = 0 nothing is killed, and the number of steps is printed on stderr as `steps=K`.
"""

import os
import signal
import sys

import duckdb

STORE = os.path.abspath(sys.argv[1])
AT = int(sys.argv[2])
steps = 0

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir"}


def step() -> None:
    global steps
    steps += 1
    if steps == AT:
        os.kill(os.getpid(), signal.SIGKILL)


def hook(event: str, arguments: tuple[object, ...]) -> None:
    if event not in EVENTS or not isinstance(arguments[0], str | os.PathLike):
        return
    path = os.fspath(arguments[0])
    if not os.path.abspath(path).startswith(STORE + os.sep) or "/locks/" in path:
        return
    if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
        return
    step()


class Watched:
    """A connection whose transactions are steps."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def execute(self, query: str, *arguments: object) -> object:
        if query not in ("begin", "commit"):
            return self._con.execute(query, *arguments)
        step()
        result = self._con.execute(query)
        step()
        return result

    def __getattr__(self, name: str) -> object:
        return getattr(self._con, name)


def main() -> None:
    from actors.cli import main as twins
    from event_store.catalog import Catalog

    connect = Catalog._connect
    Catalog._connect = lambda self: Watched(connect(self))  # type: ignore[method-assign,assignment,return-value]
    sys.addaudithook(hook)
    try:
        twins(sys.argv[4:])
    finally:
        sys.stderr.write(f"steps={steps}\n")


main()
