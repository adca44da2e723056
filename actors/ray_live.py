"""Long-lived twins on Ray: a run's pool whose hosts stay for the whole session, each with its share of the twins."""

from collections.abc import Collection, Sequence

from actors.hosting import Host
from actors.live_host import LiveHost
from actors.ray_pool import IN_FLIGHT, RayPool
from actors.work import WorkBatch
from event_store.paths import BUCKETS


class RayLivePool(RayPool):
    """Hosted long-lived twins on a Ray cluster; see RayPool."""

    host_class = LiveHost
    _keep = True

    def _new_host(self) -> Host:
        host = super()._new_host()
        host.actor.keep_twins.remote(self._keep)
        return host

    def _choose(self, ready: Sequence[Host], batch: WorkBatch) -> Host | None:
        """The host that remembers the batch's bucket, if it has room: any other would have to wake its twins."""
        home = ready[batch.bucket % len(ready)]
        return home if home.takes(batch, self._at_once) else super()._choose(ready, batch)

    def keep_twins(self, keep: bool) -> None:
        """Whether the twins of the batches to come stay awake."""
        # What has come since the last round is little, and can be handed out in one go. A backlog may be long.
        self._at_once = BUCKETS if keep else IN_FLIGHT
        self._keep = keep
        for host in self._hosts:
            host.actor.keep_twins.remote(keep)

    def drop(self, assets: Collection[str]) -> None:
        """Passivate twins."""
        for host in self._hosts:
            host.actor.drop.remote(assets)
