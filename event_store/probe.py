"""A probe among the segments: what a host must be able to read before it may work on this store."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from altergo_interface.errors import InfrastructureError
from event_store.segment_files import SegmentFiles
from event_store.store import Store


@dataclass(frozen=True, slots=True)
class Probe:
    """A file that holds a token of one run."""

    files: SegmentFiles
    path: str
    checksum: str

    def readable(self) -> bool:
        """Whether the file is there and holds the token; another store may lie at its path.

        Raises InfrastructureError where an object store cannot be asked.
        """
        return self.files.size(self.path) is not None and self.files.checksum(self.path) == self.checksum


@contextmanager
def probe_of(store: Store) -> Iterator[Probe]:
    """The probe of a run, for as long as it lasts."""
    token = uuid.uuid4().hex
    path = f"segments/{token}.probe"
    _, checksum = store.files.write(path, lambda file: file.write(token.encode()))
    try:
        yield Probe(store.files, path, checksum)
    finally:
        with suppress(InfrastructureError):  # it may be why the run ends; the probe is an orphan then
            store.files.delete([path])
