"""Locks between processes. Each frees itself when its process dies."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from altergo_interface.errors import StoreBusy

CATALOG_WAIT_S = 120.0
"""Transactions are short: whoever waits this long has met a hanging process."""


@contextmanager
def exclusive(
    folder: Path, name: str, purpose: str, wait_s: float, give_up: Callable[[], bool] | None = None
) -> Iterator[None]:
    """Hold the lock `name`, waiting at most `wait_s` seconds, and no longer once `give_up` is true.

    A sidecar says who holds it and since when. Raises StoreBusy with that.
    """
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder / f"{name}.owner.json"
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=wait_s, cancel_check=give_up)
    except Timeout:
        raise StoreBusy(
            f"{folder.parent}: {_holder(owner)}", "Wait for it to end, or stop it: the lock frees itself"
        ) from None
    try:
        owner.write_text(json.dumps({"pid": os.getpid(), "purpose": purpose, "since": _now()}))
        yield
    finally:
        with suppress(FileNotFoundError):
            owner.unlink()
        lock.release()


def held(folder: Path) -> list[str]:
    """Who holds locks now, one line for each; a lock that a dead process has left is free."""
    return [_holder(path.with_suffix(".owner.json")) for path in sorted(folder.glob("*.lock")) if not _free(path)]


def _free(path: Path) -> bool:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _holder(owner: Path) -> str:
    try:
        who = json.loads(owner.read_text())
        return f"{who['purpose']} by process {who['pid']} has been running since {who['since']}"
    except (OSError, ValueError, KeyError):
        return "another process holds it"
