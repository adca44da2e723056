"""Runs batches on Ray: one host actor per CPU, two batches in flight each. With this file Ray begins and ends."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
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

LOOK_AROUND_S = 2.0
"""How often a run looks for CPUs that have joined the cluster."""

NO_HOST_S = 900.0
"""So long a run waits without a single host: a cloud takes minutes to bring up a node."""

_DIED = (RayActorError, WorkerCrashedError, OutOfMemoryError)


@dataclass(slots=True, eq=False)
class _Host:
    """One host actor and the batches that are in flight to it. It gets none before it has answered `asked`, which
    takes as long as the cluster needs to find a CPU for it."""

    actor: Any
    asked: Any
    ready: bool = False
    batches: dict[Any, WorkBatch] = field(default_factory=dict)

    def takes(self, batch: WorkBatch, at_once: int) -> bool:
        """Whether it has room. A suspect is alone with its host."""
        if batch.alone or any(flying.alone for flying in self.batches.values()):
            return not self.batches
        return len(self.batches) < at_once


class RayPool(AbstractContextManager["RayPool"]):
    """Hosted twin actors on a Ray cluster.

    Hosts come and go with their nodes: a lost one is replaced, CPUs that join are used, and a host that cannot work
    for this driver is refused, with the reason in `warnings`.

    Args:
        config: what hosts need.
        address: `auto` or a cluster's address; None starts Ray on this machine for the length of the run.
        workers: hosts; None: one per CPU of the cluster.
        isolated: a fresh process for every batch.
    """

    host_class: type[TwinHost] = TwinHost
    host_options: Mapping[str, Any] = {"num_cpus": 1}

    def __init__(
        self, config: HostConfig, address: str | None = None, workers: int | None = None, *, isolated: bool = False
    ) -> None:
        self._mine = not ray.is_initialized()
        self._config = config
        self._isolated = isolated
        self._at_once = 1 if isolated else IN_FLIGHT
        self._asked_for = workers
        self._hosts: list[_Host] = []
        self._deaths = 0
        self._refused = 0
        self.warnings: list[str] = []
        try:
            if self._mine:
                _start(address, workers)
            self.workers = workers or max(1, _cpus())
            # A dead host is replaced by a new one, and its work is handed out anew by the run itself: Ray's own
            # retries would hand a model that kills its process from host to host.
            self._class = ray.remote(max_restarts=0, max_task_retries=0, **self.host_options)(self.host_class)
            self._hosts = [self._new_host() for _ in range(self.workers)]
        except (RayError, ConnectionError, OSError, ValueError) as error:
            raise InfrastructureError(f"Ray could not be started: {_first_line(error)}", _hint(address)) from error

    def _new_host(self) -> _Host:
        actor = self._class.remote(self._config)
        return _Host(actor, actor.refusal.remote())

    def run(self, source: WorkSource) -> Iterator[BatchResult | LostBatch]:
        """The results, as they come. Work is drawn only when a host has room for it."""
        held: WorkBatch | None = None
        since = time.monotonic()
        while True:
            held = self._hand_out(source, held)
            if any(host.ready for host in self._hosts):
                since = time.monotonic()
                if held is None and not any(host.batches for host in self._hosts):
                    return
            self._check_hosts(since)
            waiting = {reference: host for host in self._hosts for reference in host.batches}
            waiting |= {host.asked: host for host in self._hosts if not host.ready}
            done, _ = ray.wait(list(waiting), num_returns=1, timeout=LOOK_AROUND_S)
            if not done:
                self._grow()
                continue
            host = waiting[done[0]]
            if host.ready:
                yield from self._land(host, done[0])
            else:
                self._welcome(host)

    def _hand_out(self, source: WorkSource, held: WorkBatch | None) -> WorkBatch | None:
        """Give work to all hosts that have room; the batch that found none, or None where there is none to give."""
        while ready := [host for host in self._hosts if host.ready]:
            held = held or source.draw(ahead=self.workers * self._at_once)
            host = None if held is None else self._choose(ready, held)
            if held is None or host is None:
                break
            host.batches[host.actor.run.remote(held)] = held
            held = None
        return held

    def _choose(self, ready: Sequence[_Host], batch: WorkBatch) -> _Host | None:
        """Which of the hosts gets a batch; None: none has room."""
        host = min(ready, key=lambda host: len(host.batches))
        return host if host.takes(batch, self._at_once) else None

    def _welcome(self, host: _Host) -> None:
        """Hear a new host's answer: it works, it refuses, or it has died at once."""
        try:
            reason = ray.get(host.asked)
        except _DIED as error:
            self._replace(host, error)
            return
        except RayError as error:
            reason = _first_line(error)
        host.ready = not reason
        if reason:
            self._refused += 1
            self._hosts.remove(host)
            self._end(host)
            if (line := f"a host was refused: {reason}") not in self.warnings:
                self.warnings.append(line)

    def _check_hosts(self, since: float) -> None:
        if not self._hosts:
            raise InfrastructureError("; ".join(self.warnings), "No host is left to work")
        if time.monotonic() - since > NO_HOST_S:
            raise InfrastructureError(
                f"Ray has found no CPU for a host in {NO_HOST_S / 60:.0f} minutes", "See `ray status`"
            )

    def _grow(self) -> None:
        """Use CPUs that have joined, unless a number of hosts was asked for."""
        wanted = 0 if self._asked_for is not None else _cpus() - self._refused
        for _ in range(len(self._hosts), wanted):
            self._hosts.append(self._new_host())
        self.workers = max(self.workers, len(self._hosts))

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
        if self._isolated:
            self._end(host)
            self._hosts[self._hosts.index(host)] = self._new_host()
        yield result

    def _replace(self, host: _Host, error: Exception) -> None:
        self._deaths += 1
        if self._deaths > DEATHS_IN_A_ROW:
            raise InfrastructureError(
                f"hosts keep dying: {_first_line(error)}", "What was committed stays"
            ) from error
        self._hosts[self._hosts.index(host)] = self._new_host()

    def _end(self, host: _Host) -> None:
        ray.kill(host.actor)

    def __exit__(self, *exc: object) -> None:
        for host in self._hosts:
            self._end(host)
        if self._mine:
            ray.shutdown()


def _cpus() -> int:
    return int(ray.cluster_resources().get("CPU", 0))


def _start(address: str | None, workers: int | None) -> None:
    # Ray takes SIGTERM for itself, and would end the driver before it has committed what is in.
    handler = signal.getsignal(signal.SIGTERM)
    try:
        _init(address, workers)
    finally:
        if threading.current_thread() is threading.main_thread() and handler is not None:
            signal.signal(signal.SIGTERM, handler)


def _init(address: str | None, workers: int | None) -> None:
    options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    address = address or os.environ.get("RAY_ADDRESS")
    # "local" never attaches to a stranger's cluster that happens to run on this machine.
    ray.init(**{"address": address} if address else {"address": "local", "num_cpus": workers}, **options)


def _hint(address: str | None) -> str:
    """What to do where Ray could not be started. To a driver without its token a cluster does not answer."""
    if address or os.environ.get("RAY_ADDRESS"):
        return "Is it the head's? If that has a token: RAY_AUTH_MODE=token, and the same ~/.ray/auth_token"
    return "Try --local"


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
