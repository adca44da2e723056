"""The host: activates twin actors for a batch of work, one after the other, and passivates them once written."""

from actors.memory import keep_freed_memory
from actors.sink import Sink
from actors.twin_actor import TwinActor
from actors.work import BatchResult, HostConfig, WorkBatch
from altergo_interface import InfrastructureError
from altergo_interface.models import discover
from event_store.log import read_assets
from twins import fingerprint
from twins.grid import UTC_DAYS


class TwinHost:
    """Replays batches. One per CPU on Ray, one in the driver's own process with `--local`."""

    def __init__(self, config: HostConfig) -> None:
        keep_freed_memory()
        self._config = config
        self._registry = discover(config.models_dirs)
        for name, expected in config.fingerprints.items():
            if fingerprint(self._registry[name], config.settings, UTC_DAYS) != expected:
                raise InfrastructureError(
                    f"model '{name}' differs between this host and the driver", "Deploy the same code on every node"
                )

    def run(self, batch: WorkBatch) -> BatchResult:
        """Read the batch's events, replay every asset, write the segments."""
        sink = Sink(self._config.root, batch)
        log = read_assets(self._config.root, batch.segments, {work.asset_id: work.start for work in batch.assets})
        events = 0
        for work in batch.assets:
            series = log.pop(work.asset_id, None)
            if series is None:
                continue  # its only events are before the start of what was asked for
            events += len(series)
            actor = TwinActor(work, self._registry, self._config.settings)
            actor.load(series)
            for outcome in actor.replay():
                sink.add(work, series, outcome)
        return sink.close(events)
