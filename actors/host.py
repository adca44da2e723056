"""The host: activates twin actors for a batch of work, one after the other, and passivates them once written."""

from actors.memory import keep_freed_memory
from actors.sink import Sink
from actors.twin_actor import TwinActor
from actors.work import BatchResult, HostConfig, WorkBatch
from altergo_interface import InfrastructureError
from altergo_interface.models import discover
from event_store.log import read_assets
from twins.graph import checked_order, fingerprints
from twins.grid import UTC_DAYS


class TwinHost:
    """Replays batches. One per CPU on Ray, one in the driver's own process with `--local`."""

    def __init__(self, config: HostConfig) -> None:
        keep_freed_memory()
        self._config = config
        self._registry = discover(config.models_dirs)
        specs = {name: self._registry[name] for name in config.fingerprints}
        order = checked_order(specs, self._registry, config.settings)
        for name, found in fingerprints(order, specs, config.settings, UTC_DAYS).items():
            if found.value != config.fingerprints[name]:
                raise InfrastructureError(
                    f"model '{name}' differs between this host and the driver", "Deploy the same code on every node"
                )

    def run(self, batch: WorkBatch) -> BatchResult:
        """Read the batch's events, replay every asset, write the segments."""
        sink = Sink(self._config.root, batch)
        log = read_assets(self._config.root, batch.segments, {work.asset_id: work.start for work in batch.assets})
        for work in batch.assets:
            series = log.pop(work.asset_id, None)
            actor = TwinActor(work, self._registry, self._config.settings)
            actor.load(series)
            sink.add(work, series, actor.replay())
        return sink.close()
