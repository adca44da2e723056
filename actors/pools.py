"""Where a run's batches are executed: on Ray, in this process, or nowhere because there is nothing to do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from actors.local import LocalPool
from actors.running import Pool
from actors.work import HostConfig
from altergo_interface import SettingsError
from altergo_interface.errors import did_you_mean


class NoPool:
    """Nothing to do: no hosts are started."""

    workers = 0
    survives = True
    warnings: Sequence[str] = ()

    def run(self, source: object) -> Iterator[Any]:
        """Nothing."""
        del source
        return iter(())


def isolated_by(isolation: str, local: bool) -> bool:
    """Whether each asset gets a process of its own. Raises SettingsError for an unknown isolation, or without Ray."""
    known = ("hosted", "process")
    if isolation not in known:
        raise SettingsError(f"isolation cannot be '{isolation}'", did_you_mean(isolation, known))
    if isolation == "process" and local:
        raise SettingsError("a process for each asset needs Ray", "Drop --local")
    return isolation == "process"


@contextmanager
def open_pool(
    config: HostConfig, local: bool, address: str | None, workers: int | None, *, isolated: bool = False
) -> Iterator[Pool]:
    """Hosts in this process (`local`), or on Ray, for the length of a run. `isolated`: a process for each batch."""
    if local:
        with LocalPool(config) as pool:
            yield pool
        return
    from actors.ray_pool import RayPool  # Ray takes seconds to import: only a run that asks for it does

    with RayPool(config, address, workers, isolated=isolated) as pool:
        yield pool
