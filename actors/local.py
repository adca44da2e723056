"""Runs batches in the driver's own process: the same host, without Ray."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

from actors.host import TwinHost
from actors.work import BatchResult, HostConfig, WorkBatch


class LocalPool(AbstractContextManager["LocalPool"]):
    """One host, one batch after the other."""

    workers = 1

    def __init__(self, config: HostConfig) -> None:
        self._host = TwinHost(config)

    def run(self, batches: Iterable[WorkBatch]) -> Iterator[BatchResult]:
        """The results, in order."""
        return map(self._host.run, batches)

    def __exit__(self, *exc: object) -> None:
        return None
