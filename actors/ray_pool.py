"""Runs batches on Ray: one host actor per CPU, two batches in flight each. With this file Ray begins and ends."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

# Under `uv run` Ray would rebuild an environment in every worker.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")

import ray
from ray.exceptions import OutOfMemoryError, RayActorError, RayError, WorkerCrashedError

from actors.host import TwinHost
from actors.running import LostBatch
from actors.work import BatchResult, HostConfig, WorkBatch
from actors.work_source import WorkSource
from altergo_interface import InfrastructureError, TwinsError

IN_FLIGHT = 2
"""Per host: one being replayed, one waiting, so that no host idles while its result travels."""

DEATHS_IN_A_ROW = 50
"""So many hosts that die one after the other, with nothing done in between, are no model's fault."""

_DIED = (RayActorError, WorkerCrashedError, OutOfMemoryError)


@dataclass(slots=True, eq=False)
class _Host:
    """One host actor and the batches that are in flight to it."""

    actor: Any
    batches: dict[Any, WorkBatch] = field(default_factory=dict)

    def takes(self, batch: WorkBatch) -> bool:
        """Whether it has room. A suspect is alone with its host."""
        if batch.alone or any(flying.alone for flying in self.batches.values()):
            return not self.batches
        return len(self.batches) < IN_FLIGHT


class RayPool(AbstractContextManager["RayPool"]):
    """Hosted twin actors on a Ray cluster.

    Args:
        config: what hosts need.
        address: `auto` or a cluster's address; None starts Ray on this machine for the length of the run.
        workers: hosts; None: one per CPU of the cluster.
    """

    def __init__(self, config: HostConfig, address: str | None = None, workers: int | None = None) -> None:
        self._mine = not ray.is_initialized()
        self._config = config
        self._hosts: list[_Host] = []
        self._deaths = 0
        try:
            if self._mine:
                _start(address, workers)
            self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
            # A dead host is replaced by a new one, and its work is handed out anew by the run itself: Ray's own
            # retries would hand a model that kills its process from host to host.
            self._class = ray.remote(max_restarts=0, max_task_retries=0, num_cpus=1)(TwinHost)
            self._hosts = [self._new_host() for _ in range(self.workers)]
        except (RayError, ConnectionError, OSError, ValueError) as error:
            raise InfrastructureError(f"Ray could not be started: {_first_line(error)}", "Try --local") from error

    def _new_host(self) -> _Host:
        return _Host(self._class.remote(self._config))

    def run(self, source: WorkSource) -> Iterator[BatchResult | LostBatch]:
        """The results, as they come. Work is drawn only when a host has room for it."""
        held: WorkBatch | None = None
        while True:
            while True:
                held = held or source.draw(ahead=self.workers * IN_FLIGHT)
                host = min(self._hosts, key=lambda host: len(host.batches))
                if held is None or not host.takes(held):
                    break
                host.batches[host.actor.run.remote(held)] = held
                held = None
            flying = {reference: host for host in self._hosts for reference in host.batches}
            if not flying:
                return
            done, _ = ray.wait(list(flying), num_returns=1)
            yield from self._land(flying[done[0]], done[0])

    def _land(self, host: _Host, reference: Any) -> Iterator[BatchResult | LostBatch]:
        """One result; or, where its host has died, all that was in flight to it."""
        try:
            result = _result(reference)
        except _DIED as error:
            self._replace(host, error)
            yield from (LostBatch(batch) for batch in host.batches.values())
            return
        del host.batches[reference]
        self._deaths = 0
        yield result

    def _replace(self, host: _Host, error: Exception) -> None:
        self._deaths += 1
        if self._deaths > DEATHS_IN_A_ROW:
            raise InfrastructureError(
                f"hosts keep dying: {_first_line(error)}", "What was committed stays"
            ) from error
        self._hosts[self._hosts.index(host)] = self._new_host()

    def __exit__(self, *exc: object) -> None:
        for host in self._hosts:
            ray.kill(host.actor)
        if self._mine:
            ray.shutdown()


def _start(address: str | None, workers: int | None) -> None:
    options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        ray.init(address=address, **options)
    else:
        # "local" never attaches to a stranger's cluster that happens to run on this machine.
        ray.init(address="local", num_cpus=workers, **options)


def _result(reference: Any) -> BatchResult:
    """A batch's result. Raises what the host raised, and Ray's own error where the host has died."""
    try:
        result: BatchResult = ray.get(reference)
    except RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, TwinsError):
            raise cause from error
        if isinstance(error, _DIED) and "creation task" not in str(error):
            raise
        raise InfrastructureError(
            f"a Ray host failed: {_first_line(error)}", "What was committed stays; run again to go on"
        ) from error
    return result


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
