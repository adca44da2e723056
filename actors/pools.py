"""Where a run's batches are executed: on Ray, in this process, or nowhere because there is nothing to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from actors.local import LocalPool
from actors.running import Pool
from actors.work import HostConfig


class NoPool:
    """Nothing to do: no hosts are started."""

    workers = 0

    def run(self, source: object) -> Iterator[Any]:
        """Nothing."""
        del source
        return iter(())


@contextmanager
def open_pool(config: HostConfig, local: bool, address: str | None, workers: int | None) -> Iterator[Pool]:
    """Hosts in this process (`local`), or on Ray, for the length of a run."""
    if local:
        with LocalPool(config) as pool:
            yield pool
        return
    from actors.ray_pool import RayPool  # Ray takes seconds to import: only a run that asks for it does

    with RayPool(config, address, workers) as pool:
        yield pool
