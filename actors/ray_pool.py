"""Runs batches on Ray: one host actor per CPU, two batches in flight each. With this file Ray begins and ends."""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

# Under `uv run` Ray would rebuild an environment in every worker.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")

import ray
from ray.exceptions import RayError

from actors.host import TwinHost
from actors.work import BatchResult, HostConfig, WorkBatch
from altergo_interface import InfrastructureError, TwinsError

IN_FLIGHT = 2
"""Per host: one being replayed, one waiting, so that no host idles while its result travels."""


class RayPool(AbstractContextManager["RayPool"]):
    """Hosted twin actors on a Ray cluster.

    Args:
        config: what hosts need.
        address: `auto` or a cluster's address; None starts Ray on this machine for the length of the run.
        workers: hosts; None: one per CPU of the cluster.
    """

    def __init__(self, config: HostConfig, address: str | None = None, workers: int | None = None) -> None:
        self._mine = not ray.is_initialized()
        try:
            if self._mine:
                _start(address, workers)
            self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
            host = ray.remote(max_restarts=0, max_task_retries=0, num_cpus=1)(TwinHost)
            self._hosts: list[Any] = [host.remote(config) for _ in range(self.workers)]
        except (RayError, ConnectionError, OSError, ValueError) as error:
            raise InfrastructureError(f"Ray could not be started: {_first_line(error)}", "Try --local") from error

    def run(self, batches: Iterable[WorkBatch]) -> Iterator[BatchResult]:
        """The results, as they come. Work is taken from `batches` only when a host has room for it."""
        waiting = iter(batches)
        flying: dict[Any, Any] = {}
        free = [host for _ in range(IN_FLIGHT) for host in self._hosts]
        while True:
            while free and (batch := next(waiting, None)) is not None:
                host = free.pop(0)
                flying[host.run.remote(batch)] = host
            if not flying:
                return
            done, _ = ray.wait(list(flying), num_returns=1)
            free.append(flying.pop(done[0]))
            yield _result(done[0])

    def __exit__(self, *exc: object) -> None:
        for host in self._hosts:
            ray.kill(host)
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
    try:
        result: BatchResult = ray.get(reference)
    except RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, TwinsError):
            raise cause from error
        raise InfrastructureError(
            f"a Ray host failed: {_first_line(error)}", "What was committed stays; run again to go on"
        ) from error
    return result


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
