"""A probe in the segment root: what a host must be able to read before it may work on this store."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from event_store.store import Store


@dataclass(frozen=True, slots=True)
class Probe:
    """A file that holds a token of one run."""

    path: Path
    token: str

    def readable(self) -> bool:
        """Whether the file is there and holds the token; another store may lie at its path."""
        try:
            return self.path.read_text(encoding="utf-8") == self.token
        except OSError:
            return False


@contextmanager
def probe_of(store: Store) -> Iterator[Probe]:
    """The probe of a run, for as long as it lasts."""
    token = uuid.uuid4().hex
    path = store.paths.segments / f"{token}.probe"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(token, encoding="utf-8")
    try:
        yield Probe(path, token)
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
