"""Runs batches on Ray: one host actor per CPU, two batches in flight each. With this file Ray begins and ends."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any

# Under `uv run` Ray would rebuild an environment in every worker.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")

import ray
from ray.exceptions import OutOfMemoryError, RayActorError, RayError, WorkerCrashedError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.host import TwinHost
from actors.hosting import Deaths, Host, Witness, cause_of, first_line, hint_of
from actors.running import LostBatch
from actors.work import BatchResult, HostConfig, Pair, WorkBatch
from actors.work_source import WorkSource
from altergo_interface import InfrastructureError, TwinsError

IN_FLIGHT = 2
"""Per host: one being replayed, one waiting, so that no host idles while its result travels."""

LOOK_AROUND_S = 2.0
"""How often a run looks for CPUs that have joined the cluster."""

NO_HOST_S = 900.0
"""So long a run waits without a single host: a cloud takes minutes to bring up a node."""

_DIED = (RayActorError, WorkerCrashedError, OutOfMemoryError)


@dataclass(frozen=True, slots=True)
class _Note:
    """Tells the witness. It waits until it was heard: the next thing that happens may be the end of its process."""

    witness: Any
    number: int

    def __call__(self, asset: str, model: str) -> None:
        with suppress(RayError):  # without a witness the batch is halved until the guilty is found
            ray.get(self.witness.note.remote(self.number, asset, model))


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
    survives = True

    def __init__(
        self, config: HostConfig, address: str | None = None, workers: int | None = None, *, isolated: bool = False
    ) -> None:
        self._mine = not ray.is_initialized()
        self._config = config
        self._isolated = isolated
        self._at_once = 1 if isolated else IN_FLIGHT
        self._asked_for = workers
        self._hosts: list[Host] = []
        self._deaths = Deaths()
        self._witness: Any = None
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
            raise InfrastructureError(f"Ray could not be started: {first_line(error)}", hint_of(address)) from error

    def _new_host(self) -> Host:
        actor = self._class.remote(self._config)
        return Host(actor, actor.refusal.remote())

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
            note = (self._note(held),) if held.suspect else ()
            host.batches[host.actor.run.remote(held, *note)] = held
            held = None
        return held

    def _note(self, batch: WorkBatch) -> _Note:
        if self._witness is None:
            here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
            options = {
                "num_cpus": 0,
                "max_restarts": 0,
                "scheduling_strategy": here,
            }  # it lives as long as the driver
            self._witness = ray.remote(**options)(Witness).remote()
        return _Note(self._witness, batch.number)

    def _choose(self, ready: Sequence[Host], batch: WorkBatch) -> Host | None:
        """Which of the hosts gets a batch; None: none has room."""
        host = min(ready, key=lambda host: len(host.batches))
        return host if host.takes(batch, self._at_once) else None

    def _welcome(self, host: Host) -> None:
        """Hear a new host's answer: it works, it refuses, or it has died at once."""
        try:
            reason = ray.get(host.asked)
        except _DIED as error:
            self._replace(host, error)
            return
        except RayError as error:
            reason = first_line(error)
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

    def _land(self, host: Host, reference: Any) -> Iterator[BatchResult | LostBatch]:
        """One result; or, where its host has died, all that was in flight to it."""
        try:
            result = _result(reference)
        except _DIED as error:
            self._replace(host, error)
            yield from (LostBatch(batch, self._last(batch), cause_of(error)) for batch in host.batches.values())
            return
        self._deaths.survived(host.batches.pop(reference))
        if self._isolated:
            self._renew(host)
        yield result

    def _last(self, batch: WorkBatch) -> Pair | None:
        """The pair that a lost batch of suspects had come to."""
        found: Pair | None = None
        with suppress(RayError):
            found = self._witness and ray.get(self._witness.last.remote(batch.number))
        return found

    def _replace(self, host: Host, error: Exception) -> None:
        self._deaths.died(host.batches.values(), first_line(error))
        self._renew(host)

    def _renew(self, host: Host) -> None:
        self._end(host)  # one that is only out of reach would keep its CPU
        self._hosts[self._hosts.index(host)] = self._new_host()

    def _end(self, host: Host) -> None:
        ray.kill(host.actor)

    def __exit__(self, *exc: object) -> None:
        for host in self._hosts:
            self._end(host)
        if self._mine:
            ray.shutdown()


def _cpus() -> int:
    return int(ray.cluster_resources().get("CPU", 0))


def trial(address: str | None) -> int:
    """Start Ray, or reach the cluster at the address, and run a task there; the CPUs that it offers.

    Raises InfrastructureError where that fails.
    """
    try:
        _start(address, None)
        try:
            return int(ray.get(ray.remote(_cpus).remote(), timeout=NO_HOST_S))
        finally:
            ray.shutdown()
    except (RayError, OSError, RuntimeError, ValueError) as error:
        raise InfrastructureError(f"Ray runs no task: {first_line(error)}", hint_of(address)) from error


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
        hint = "What was committed stays; run again to go on"
        raise InfrastructureError(f"a Ray host failed: {first_line(error)}", hint) from error
    return result
