"""Live sessions for tests: in a thread of the test's process, or as a process of their own."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actors import Fleet
from actors.live import LiveHooks
from event_store.records import Version

DEADLINE_S = 60.0


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """The condition's value once it is true; fails after a minute."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
    return found


def caught_up(fleet: Fleet) -> bool:
    return fleet.plan().items == ()


@contextmanager
def following(
    fleet: Fleet, on_record: Callable[[Version], None] | None = None, **options: Any
) -> Iterator[threading.Event]:
    """A live session in a thread; the event that is given ends it, and so does the block."""
    ready, stop, errors = threading.Event(), threading.Event(), []

    def follow() -> None:
        try:
            hooks = LiveHooks(on_ready=lambda _: ready.set(), on_record=on_record)
            fleet.live(stop=stop, hooks=hooks, **{"local": True} | options)
        except BaseException as error:
            errors.append(error)
            ready.set()

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        assert ready.wait(DEADLINE_S)
        if not errors:
            yield stop
    finally:
        stop.set()
        thread.join(DEADLINE_S)
    if errors:
        raise errors[0]
    assert not thread.is_alive()


class LiveProcess:
    """`twins live` as a process; its lines can be waited for."""

    def __init__(self, store: Path, *options: str, before: tuple[str, ...] = ()) -> None:
        words = [sys.executable, "-m", "actors.cli", "--store", str(store), *before, "live", *options]
        self.process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Shells start what runs in the background deaf to Ctrl-C, and the test may run there.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=self._read_out), threading.Thread(target=self._read_err)]
        for thread in self._threads:
            thread.start()

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def _read_err(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def wait_until_it_follows(self) -> "LiveProcess":
        wait_for(
            lambda: any("following the log" in line for line in self.errors) or self._ended(), "the live session"
        )
        return self

    def _ended(self) -> bool:
        assert self.process.poll() is None, self.errors
        return False

    def record(self) -> dict[str, Any]:
        """The next line of `--follow --json`."""
        found: dict[str, Any] = json.loads(self.lines.get(timeout=DEADLINE_S))
        return found

    def end(self, signum: int) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(signum)
        code = self.process.wait(DEADLINE_S)
        for thread in self._threads:
            thread.join()
        return code

    def __enter__(self) -> "LiveProcess":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
