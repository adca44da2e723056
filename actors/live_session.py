"""Long-lived twins from beginning to end: the lock, what a dead run has left, the hosts, and who may ask."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from actors.live import Live, LiveHooks, LivePool
from actors.live_awake import IDLE_S
from actors.live_local import LocalLivePool
from actors.live_socket import answering
from actors.selection import Selection
from actors.work import HostConfig
from altergo_interface.config import Settings
from altergo_interface.models import Registry
from event_store.attempts import recover
from event_store.probe import probe_of
from event_store.store import Store

PURPOSE = "a live session"


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Which twins, where they live (`local`: in this process; `isolated`: each in one of its own), and for how long
    they stay awake without events."""

    selection: Selection
    local: bool = False
    address: str | None = None
    workers: int | None = None
    idle_s: float = IDLE_S
    isolated: bool = False


def keep_alive(
    store: Store,
    registry: Registry,
    settings: Settings,
    models_dirs: tuple[Path, ...],
    options: LiveOptions,
    hooks: LiveHooks,
    stop: threading.Event,
) -> None:
    """Follow the log until `stop` is set. The caller holds the run lock.

    Raises InfrastructureError where the hosts fail; what was committed until then stays.
    """
    with store.catalog.transaction("live") as con:
        recover(con)
    live = Live(store, registry, settings, options.selection, options.idle_s, hooks, isolated=options.isolated)
    made = {name: fingerprint.value for name, fingerprint in live.models.fingerprints.items()}
    with probe_of(store) as probe:
        config = HostConfig(store.files, settings, models_dirs, made, probe)
        with _open_pool(config, options) as pool, answering(store.paths, live.awake.state):
            live.follow(pool, stop)


@contextmanager
def _open_pool(config: HostConfig, options: LiveOptions) -> Iterator[LivePool]:
    if options.local:
        with LocalLivePool(config) as local:
            yield local
        return
    from actors.ray_live import RayLivePool  # Ray takes seconds to import: only a session that asks for it does
    from actors.ray_twins import RayTwinPool

    pool = (RayTwinPool if options.isolated else RayLivePool)(config, options.address, options.workers)
    with pool:
        yield pool
