"""Law 3 on a cluster: a host, the driver, a node, or everything is killed at a random moment.

The run gets over the death of hosts and nodes by itself; after the others the next one ends in the same digest. `make
trials` runs fifty of each kind, the test suite a few.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from faults import FULL_RUN, Commands, Prepared, prepare, trials
from ray.cluster_utils import Cluster

from actors import Fleet

pytestmark = pytest.mark.ray
SPREAD_S = 1.5
"""How long after the first host has come the kill may come: about as long as the run then takes."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """A head without CPUs, and two nodes with one each."""
    # A dead node is to be noticed in a second, not in half a minute.
    checks = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 200, "health_check_failure_threshold": 3}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": checks})
    cluster.add_node(num_cpus=1)
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


def family(pid: int) -> list[int]:
    """A process and all that have come from it, the youngest first."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue  # it has gone meanwhile
            parents.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += parents.get(found[-1], ())
    return found[::-1]


def hosts_below(pid: int) -> set[int]:
    """The host processes that have come from a process."""
    found = set()
    for child in family(pid):
        with suppress(OSError):
            if (Path("/proc") / str(child) / "cmdline").read_text().startswith("ray::TwinHost"):
                found.add(child)
    return found


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(pid, signal.SIGKILL)


def kill_node(nodes: Cluster, chance: random.Random) -> None:
    nodes.remove_node(chance.choice(sorted(nodes.worker_nodes, key=lambda node: node.node_id)), allow_graceful=False)
    nodes.add_node(num_cpus=1)


def wait_for_hosts(commands: Commands, new: Callable[[], set[int]]) -> set[int]:
    """The hosts of a command, when it has some; none: it has ended."""
    deadline = time.monotonic() + 60
    while not (found := new()) and not commands.ends_within(0.05):
        assert time.monotonic() < deadline, "the run has started no host"
    return found


@pytest.mark.parametrize("victim", ["host", "driver", "node", "everything"])
@trials(2)
def test_it_is_killed_at_a_random_moment(
    prepared: Prepared, commands: Commands, nodes: Cluster, tmp_path: Path, victim: str, trial: int
) -> None:
    store, chance = prepared.copy(tmp_path), random.Random(trial)
    of_others = hosts_below(os.getpid())  # they end soon: their driver was killed
    pid = commands.start(store, *FULL_RUN, *(() if victim == "everything" else ("--address", nodes.address)))
    wait_for_hosts(commands, lambda: hosts_below(os.getpid()) - of_others)
    # The moment is free: whatever it hits, the outcome must be the same.
    if not commands.ends_within(chance.uniform(0.0, SPREAD_S)):
        if victim == "node":
            kill_node(nodes, chance)
        elif victim == "host":
            kill(sorted(hosts_below(os.getpid()) - of_others)[:1])
        else:
            kill([pid, *family(pid)] if victim == "everything" else [pid])
    code, _ = commands.wait()
    survives = victim in ("host", "node")
    assert code in (0, 0 if survives else -signal.SIGKILL), commands.err.read_text()
    if survives:
        assert Fleet(store).digest() == prepared.digest
    prepared.finish(store)
