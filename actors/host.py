"""The host: activates twin actors for a batch of work, one after the other, and passivates them once written."""

import platform

from actors.memory import keep_freed_memory, uncollected
from actors.sink import Sink
from actors.twin_actor import TwinActor
from actors.work import BatchResult, HostConfig, Note, WorkBatch, no_note
from altergo_interface import TwinsError
from altergo_interface.models import Registry, discover
from event_store.log import read_assets
from twins.graph import checked_order, fingerprints
from twins.grid import UTC_DAYS


class TwinHost:
    """Replays batches. One per CPU on Ray, one in the driver's own process with `--local`."""

    def __init__(self, config: HostConfig) -> None:
        keep_freed_memory()
        self._config = config
        self._registry = Registry()

    def refusal(self) -> str:
        """Why this host cannot work for its driver, naming the machine; empty where it can.

        It must reach the driver's store, and its models must be the driver's. It is asked once, before any work.
        """
        try:
            self._registry = discover(self._config.models_dirs)
            reason = self._differs() or self._out_of_reach()
        except (TwinsError, OSError) as error:
            reason = f"{type(error).__name__}: {error}"
        return reason and f"{platform.node()}: {reason}"

    def _differs(self) -> str:
        """Which model's fingerprint is not the driver's."""
        made = self._config.fingerprints
        missing = [name for name in made if name not in self._registry]
        if missing:
            return f"has no model '{missing[0]}': deploy the same code and model folders on every node"
        specs = {name: self._registry[name] for name in made}
        order = checked_order(specs, self._registry, self._config.settings)
        for name, found in fingerprints(order, specs, self._config.settings, UTC_DAYS).items():
            if found.value != made[name]:
                return f"its model '{name}' differs from the driver's: deploy the same code on every node"
        return ""

    def _out_of_reach(self) -> str:
        """Whether the driver's probe cannot be read in the store: another disk may be mounted at its path."""
        if self._config.probe.readable():
            return ""
        return f"{self._config.files} is not the driver's store: share it at the same path on every node"

    def run(self, batch: WorkBatch, note: Note = no_note) -> BatchResult:
        """Read the batch's events, replay every asset, write the segments."""
        with uncollected():
            return self._run(batch, note)

    def _run(self, batch: WorkBatch, note: Note) -> BatchResult:
        sink = Sink(self._config.files, batch)
        log = read_assets(self._config.files, batch.segments, {work.asset_id: work.start for work in batch.assets})
        for work in batch.assets:
            series = log.pop(work.asset_id, None)
            actor = TwinActor(work, self._registry, self._config.settings)
            actor.load(series)
            sink.add(work, series, actor.replay(note))
        return sink.close()
