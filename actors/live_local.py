"""Long-lived twins in the driver's own process."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager

from actors.live_host import LiveHost, LiveResult
from actors.work import HostConfig
from actors.work_source import WorkSource
from altergo_interface import InfrastructureError
from event_store.paths import BUCKETS


class LocalLivePool(AbstractContextManager["LocalLivePool"]):
    """One host, one batch after the other."""

    workers = 1
    survives = False
    warnings: Sequence[str] = ()

    def __init__(self, config: HostConfig) -> None:
        self._ahead = BUCKETS
        self._host = LiveHost(config)
        reason = self._host.refusal()
        if reason:
            raise InfrastructureError(reason, "The models were changed meanwhile: start again")

    def run(self, source: WorkSource) -> Iterator[LiveResult]:
        """The results, in order."""
        while (batch := source.draw(self._ahead)) is not None:
            yield self._host.run(batch)

    def keep_twins(self, keep: bool) -> None:
        """Whether the twins of the batches to come stay awake."""
        self._host.keep_twins(keep)
        # What has come since the last round is little: it is prepared in one go. A backlog may be long.
        self._ahead = BUCKETS if keep else 1

    def drop(self, assets: Collection[str]) -> None:
        """Passivate twins."""
        self._host.drop(assets)

    def __exit__(self, *exc: object) -> None:
        return None
