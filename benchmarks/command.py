"""Measures `twins` commands as an operator would run them: seconds and peak memory, of all their processes."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOOK_EVERY_S = 0.2
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
HOST = "ray::"  # how Ray calls its worker processes


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took.

    Attributes:
        wall, cpu: seconds; CPU seconds are those of the command and of every process below it.
        driver_cpu: those of the command itself.
        driver_mb, host_mb: peak resident memory of the command itself, and of the largest Ray host (0: none).
        answer: the document that the command printed; empty where it printed none.
    """

    wall: float
    cpu: float
    driver_cpu: float
    driver_mb: float
    host_mb: float
    answer: dict[str, Any]


@dataclass(slots=True)
class _Seen:
    """A process of the tree as it was last seen."""

    name: str
    cpu: float
    peak_mb: float


@dataclass(slots=True)
class _Watch:
    """Looks at a tree of processes in /proc: Ray's are not waited for, so the kernel does not add them up."""

    root: int
    seen: dict[int, _Seen] = field(default_factory=dict)

    def look(self) -> None:
        """Note CPU time and peak memory of every process below the root."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit() and (found := _stat(int(entry))) is not None:
                parents[int(entry)] = found
        below = {self.root}
        while more := {pid for pid, (parent, _) in parents.items() if parent in below} - below:
            below |= more
        for pid in below & parents.keys():
            name, peak = _name(pid), _peak_mb(pid)
            if peak:
                self.seen[pid] = _Seen(name, parents[pid][1], peak)


def measure(store: Path, *arguments: str, as_json: bool = True) -> Cost:
    """Run a `twins` command. Raises CalledProcessError where it fails."""
    form = ["--json"] if as_json else []
    command = [sys.executable, "-m", "actors.cli", "--store", str(store), *form, *arguments]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watch, over = _Watch(process.pid), threading.Event()

    def follow() -> None:
        while not over.wait(LOOK_EVERY_S):
            watch.look()

    watching = threading.Thread(target=follow, daemon=True)
    watching.start()
    out, errors, usage, code = _ended(process)
    over.set()
    watching.join()
    if code not in (0, 1):  # 1: done, but something was parked or quarantined
        raise subprocess.CalledProcessError(code, command, out, errors)
    wall = time.perf_counter() - began
    others = [seen for pid, seen in watch.seen.items() if pid != process.pid]
    hosts = [seen.peak_mb for seen in others if seen.name.startswith(HOST)]
    # Processes that the command has waited for are in its own figures, too; Ray's are not waited for.
    own = usage.ru_utime + usage.ru_stime
    driver = watch.seen.get(process.pid)  # the kernel's own figure would count what this process had before `exec`
    documents = [line for line in out.splitlines() if line.startswith("{")]
    answer = json.loads(documents[-1]) if documents else {}
    memory = (0.0 if driver is None else driver.peak_mb, max(hosts, default=0.0))
    return Cost(wall, own + sum(seen.cpu for seen in others), own, *memory, answer)


def _ended(process: "subprocess.Popen[str]") -> tuple[str, str, Any, int]:
    """What a process has printed, its use of resources, and its exit code."""
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))  # type: ignore[union-attr]
    reader.start()
    out = process.stdout.read()
    reader.join()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return out, errors[0], usage, process.returncode


def _stat(pid: int) -> tuple[int, float] | None:
    """A process's parent and CPU seconds; None: it has gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return int(fields[1]), (int(fields[11]) + int(fields[12])) * TICK_S


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return ""


def _peak_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)
