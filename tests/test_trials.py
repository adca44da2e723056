"""Law 3 in random trials: hosts or everything killed, SIGTERM, a full disk; the digest is always the same.

`make trials` runs fifty of each kind, the test suite a few.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from test_kill import command, finish, prepared, trials

from actors import Fleet

__all__ = ["prepared"]

Prepared = tuple[Path, str, float]

MB = 1 << 20


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def started(store: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(store, *options), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


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


def hosts_of(pid: int) -> list[int]:
    """The host processes of a run."""
    found = []
    for child in family(pid):
        try:
            title = (Path("/proc") / str(child) / "cmdline").read_text()
        except OSError:
            continue
        if title.startswith("ray::TwinHost"):
            found.append(child)
    return found


def wait_for_hosts(process: "subprocess.Popen[str]") -> list[int]:
    deadline = time.monotonic() + 60
    while process.poll() is None:
        found = hosts_of(process.pid)
        if found:
            return found
        assert time.monotonic() < deadline, "the run has started no host"
        os.sched_yield()
    return []


@trials(5)
def test_sigterm_at_a_random_moment(prepared: Prepared, tmp_path: Path, trial: int) -> None:
    template, digest, seconds = prepared
    store = Path(shutil.copytree(template, tmp_path / "store"))
    process = started(store, "--local")
    try:
        process.wait(timeout=seconds * random.Random(trial).uniform(0.4, 1.0))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode in (0, 130, -signal.SIGTERM), err  # the last: before the command had begun
    assert "Traceback" not in err
    finish(store, digest)


@pytest.mark.ray
@trials(2)
def test_a_host_is_killed_at_a_random_moment(prepared: Prepared, tmp_path: Path, trial: int) -> None:
    """The run itself gets over it."""
    template, digest, _ = prepared
    store = Path(shutil.copytree(template, tmp_path / "store"))
    process = started(store)
    wait_for_hosts(process)
    try:
        process.wait(timeout=random.Random(trial).uniform(0.0, 1.0) if trial else 0.0)
    except subprocess.TimeoutExpired:
        for host in hosts_of(process.pid)[:1]:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(host, signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert Fleet(store).digest() == digest


@pytest.mark.ray
@trials(2)
def test_everything_is_killed_at_a_random_moment(prepared: Prepared, tmp_path: Path, trial: int) -> None:
    template, digest, _ = prepared
    store = Path(shutil.copytree(template, tmp_path / "store"))
    process = started(store)
    wait_for_hosts(process)
    try:
        process.wait(timeout=random.Random(trial).uniform(0.0, 2.0))
    except subprocess.TimeoutExpired:
        for member in [process.pid, *family(process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
    process.communicate()
    finish(store, digest)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, to be made smaller and larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


@trials(5)
def test_the_disk_is_full_at_a_random_moment(
    prepared: Prepared, small_disk: Path, tmp_path: Path, trial: int
) -> None:
    """Within a segment, within a commit, or within the publication, by how much room is left."""
    template, digest, _ = prepared
    store = Path(shutil.copytree(template, small_disk / "store"))
    used = shutil.disk_usage(small_disk).used
    room = random.Random(trial).uniform(0.01, 3.0) if trial else 0.0
    resize(small_disk, used + int(room * MB))
    process = started(store, "--local")
    _, err = process.communicate()
    assert process.returncode in ((0, 2, 3) if trial else (2, 3)), err
    assert "Traceback" not in err
    resize(small_disk, 200 * MB)
    finish(store, digest)
