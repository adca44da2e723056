"""Asking a live twin for its state from another process: one JSON line there, one back, over a local socket."""

import json
import os
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from event_store.paths import StorePaths

LONGEST = 100
"""Bytes that a Unix socket's path may have on every system (104 on some), with a little to spare."""
PATIENCE_S = 2.0
"""Whoever gets no answer for so long asks the catalog instead."""

State = dict[str, Any]


def ask(paths: StorePaths, asset_id: str) -> State | None:
    """The state of a live twin as of its last event; None where no live process answers, or the twin is not awake."""
    try:
        address = _note(paths).read_text(encoding="utf-8")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(PATIENCE_S)
            line.connect(address)
            # A copy of a store names the original's socket, too.
            line.sendall(json.dumps({"store": str(paths.root.absolute()), "state": asset_id}).encode() + b"\n")
            with line.makefile("rb") as answer:
                found: State | None = json.loads(answer.readline())
    except (OSError, ValueError):  # there is none, it has been killed, or it is just ending
        return None
    if found is not None and found["as_of"] is not None:
        found["as_of"] = datetime.fromisoformat(found["as_of"])
    return found


@contextmanager
def answering(paths: StorePaths, state: Callable[[str], State | None]) -> Iterator[None]:
    """Answer questions from a thread of its own. The caller holds the run lock: a socket that is there is stale."""
    note = _note(paths)
    _remove(note)
    place = note.with_name("live.sock")
    if len(os.fsencode(place)) > LONGEST:
        place = Path(tempfile.mkdtemp(prefix="twins-")) / "live.sock"
    with _listening(place, str(paths.root.absolute()), state) as server:
        note.write_text(str(place), encoding="utf-8")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            _remove(note)


def _note(paths: StorePaths) -> Path:
    """The file that names the socket: the store's own path may be too long for one."""
    return paths.locks / "live.address"


def _remove(note: Path) -> None:
    """Remove the socket that a note names, its folder if it was made for it, and the note."""
    with suppress(FileNotFoundError):
        place = Path(note.read_text(encoding="utf-8"))
        note.unlink()
        place.unlink()
        if place.parent != note.parent:
            place.parent.rmdir()


class _Question(socketserver.StreamRequestHandler):
    timeout = PATIENCE_S

    def handle(self) -> None:
        """Answer one line."""
        with suppress(OSError, ValueError, KeyError):  # a broken question is that of a process that has gone
            asked = json.loads(self.rfile.readline())
            assert isinstance(self.server, _Server)
            found = self.server.state(asked["state"]) if asked["store"] == self.server.store else None
            self.wfile.write(json.dumps(found, default=datetime.isoformat).encode() + b"\n")


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, place: Path, store: str, state: Callable[[str], State | None]) -> None:
        self.store = store
        self.state = state
        super().__init__(str(place), _Question)


@contextmanager
def _listening(place: Path, store: str, state: Callable[[str], State | None]) -> Iterator[_Server]:
    """A server whose socket this user alone may open, from its first moment on."""
    before = os.umask(0o177)
    try:
        server = _Server(place, store, state)
    finally:
        os.umask(before)
    with server:
        yield server
