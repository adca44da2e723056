"""What makes a write survive a power cut."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def sync(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(target: Path, chunks: Iterable[bytes]) -> None:
    """Write a file in one step: the target is what it was, or complete and on the disk."""
    draft = target.with_name(f"{target.name}.{os.getpid()}.draft")
    try:
        with open(draft, "wb") as file:
            file.writelines(chunks)
        sync(draft)
        os.replace(draft, target)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    sync(target.parent)


def file_chunks(source: Path, size: int = 8 << 20) -> Iterable[bytes]:
    """A file's bytes, piece by piece."""
    with open(source, "rb") as file:
        while chunk := file.read(size):
            yield chunk
