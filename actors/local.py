"""Runs batches in the driver's own process: the same host, without Ray."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from actors.host import TwinHost
from actors.work import BatchResult, HostConfig
from actors.work_source import WorkSource
from altergo_interface import InfrastructureError


class LocalPool(AbstractContextManager["LocalPool"]):
    """One host, one batch after the other."""

    workers = 1
    survives = False
    warnings: Sequence[str] = ()

    def __init__(self, config: HostConfig) -> None:
        self._host = TwinHost(config)
        reason = self._host.refusal()
        if reason:
            raise InfrastructureError(reason, "The models were changed meanwhile: run again")

    def run(self, source: WorkSource) -> Iterator[BatchResult]:
        """The results, in order."""
        while (batch := source.draw()) is not None:
            yield self._host.run(batch)

    def __exit__(self, *exc: object) -> None:
        return None
