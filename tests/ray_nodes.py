"""A Ray cluster of real `ray start` processes on this machine, beside whatever else runs here."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ray._private.utils import psutil  # Ray brings its own

MARK = "TWINS_TEST_NODE"
"""Names a node in the environment of all its processes: by it they are found and killed, and no others."""

TIMEOUT_S = 300.0

FAST_CHECKS = {
    # A dead node is to be noticed in a second, not in half a minute.
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "200",
    "RAY_health_check_failure_threshold": "3",
}


class Nodes:
    """A head without CPUs and with the job server; further nodes join and are killed. Nothing is left behind."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._count = 0
        self._folder = tempfile.mkdtemp(prefix="twr-", dir="/tmp")  # the path of a socket in it must be short
        self._path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        try:
            self._ray("head", "get-auth-token", "--generate")  # all nodes of this machine find it by themselves
            options = ("--port=0", "--dashboard-port=0", "--num-cpus=0")
            said = self._start("head", "--head", "--include-dashboard=true", *options)
            self.jobs = re.findall(r"http://[\d.]+:\d+", said)[0]
            self.address = Path(self._folder, "ray_current_cluster").read_text()
        except BaseException:
            self.__exit__()
            raise

    def add(self, cpus: int) -> str:
        """A node joins; gives its mark."""
        self._count += 1
        name = f"node-{self._count}"
        self._start(name, f"--address={self.address}", f"--num-cpus={cpus}")
        return self._mark(name)

    def submit(self, *command: str) -> subprocess.CompletedProcess[str]:
        """`ray job submit`, until the job has ended."""
        return self._ray("client", "job", "submit", "--address", self.jobs, "--", *command, check=False)

    def kill(self, mark: str) -> None:
        """Kill a node with all its processes, among them those that are forked meanwhile."""
        while found := _processes(mark):
            for process in found:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(found)

    def _start(self, name: str, *options: str) -> str:
        own = (f"--temp-dir={self._folder}", "--dashboard-agent-listen-port=0", "--disable-usage-stats")
        return self._ray(name, "start", *own, *options).stdout

    def _ray(self, name: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        own = {MARK: self._mark(name), "RAY_AUTH_MODE": "token", "PATH": self._path}
        environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
        done = subprocess.run(
            [sys.executable, "-m", "ray.scripts.scripts", *words],
            env=environment | FAST_CHECKS | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    def _mark(self, name: str) -> str:
        return f"{self._id}-{name}"

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.kill(self._id)
        shutil.rmtree(self._folder)


def _processes(mark: str) -> set[psutil.Process]:
    """The processes whose mark begins so, and what they have started: Ray's workers overwrite their environment."""
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it has gone, or is somebody else's
            if process.environ().get(MARK, "").startswith(mark):
                found |= {process, *process.children(recursive=True)}
    return found
