"""A process for each twin that is awake: a pool of long-lived hosts that share nothing."""

from collections.abc import Collection, Sequence
from types import MappingProxyType
from typing import Any

from actors.hosting import DEATHS_IN_A_ROW, Host
from actors.ray_live import RayLivePool
from actors.ray_pool import _cpus
from actors.work import HostConfig, WorkBatch
from altergo_interface import InfrastructureError


class RayTwinPool(RayLivePool):
    """Dedicated long-lived twins on a Ray cluster. A batch is of one asset, and each asset has a process of its own.

    As many replay at a time as there are CPUs, or `workers`. As many processes more wait for a twin to wake, so that
    it need not wait for its process. While twins do not stay awake, a process ends with its batch.
    """

    # Ray's default: a CPU for the choice of a node, and none while it lives. Most of the time a twin waits.
    host_options = MappingProxyType({})

    def __init__(self, config: HostConfig, address: str | None = None, workers: int | None = None) -> None:
        self._homes: dict[str, Host] = {}
        super().__init__(config, address, workers, isolated=True)

    def keep_twins(self, keep: bool) -> None:
        """Whether the twins of the batches to come stay awake, and with them their processes."""
        super().keep_twins(keep)
        self._isolated = not keep

    def _choose(self, ready: Sequence[Host], batch: WorkBatch) -> Host | None:
        """The asset's own process, or else one that waits; None: none is free, or enough replay already."""
        if sum(bool(host.batches) for host in self._hosts) >= self.workers:
            return None
        (asset,) = (work.asset_id for work in batch.assets)
        home = self._homes.get(asset)
        if home is None or home not in self._hosts:  # it has died
            waiting = self._waiting()
            home = next((host for host in ready if host in waiting), None)
            if self._keep:
                self._fill(len(waiting) - (home is not None))
        if home is None or home.batches:
            return None
        self._homes[asset] = home
        return home

    def _waiting(self) -> list[Host]:
        """The processes that no twin lives in."""
        taken = {id(host) for host in self._homes.values()}
        return [host for host in self._hosts if id(host) not in taken]

    def _fill(self, waiting: int) -> None:
        """Start processes until as many wait as may replay at a time."""
        self._hosts += [self._new_host() for _ in range(waiting, self.workers)]

    def _welcome(self, host: Host) -> None:
        super()._welcome(host)
        if host.ready:
            self._refused = 0
        elif self._refused > DEATHS_IN_A_ROW:  # a refused one is replaced as soon as a twin wakes
            raise InfrastructureError("; ".join(self.warnings), "No new host is left to work")

    def _grow(self) -> None:
        """Use CPUs that have joined, unless a number was asked for."""
        self.workers = self._asked_for or max(1, _cpus())

    def drop(self, assets: Collection[str]) -> None:
        """Passivate twins: their processes end."""
        for asset in assets:
            home: Any = self._homes.pop(asset, None)
            if home in self._hosts:
                self._hosts.remove(home)
                self._end(home)
