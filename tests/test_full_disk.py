"""Law 3 on a disk that is full within a segment, or within a commit or a publication: nothing committed is lost.

A small file system takes root; elsewhere each trial runs in a name space of its own, where the kernel allows that.
"""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from faults import FULL_RUN, Commands, Prepared, prepare, trials

MB = 1 << 20
WHERE = {"segments": 0.5, "catalog": 3.0}
"""What lies on the small disk, and up to how many MB are left there."""
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


@cache
def may_mount(*within: str) -> bool:
    mounts = 'd=$(mktemp -d) && mount -t tmpfs tmpfs "$d" && umount "$d"; code=$?; rmdir "$d"; exit $code'
    return (
        shutil.which((*within, "sh")[0]) is not None
        and not subprocess.run([*within, "sh", "-c", mounts], capture_output=True).returncode
    )


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared | None:
    return prepare(tmp_path_factory.mktemp("prepared")) if may_mount() else None


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands | None]:
    found = Commands() if may_mount() else None
    yield found
    if found is not None:
        found.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of its own, to be made smaller and larger; None where this process may make none."""
    if not may_mount():
        yield None
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def run_in_namespace(test: str) -> None:
    if not may_mount(*NAMESPACE):
        pytest.skip("a small disk takes root, or a kernel that lets users have name spaces")
    root = Path(__file__).parents[1]
    words = [*NAMESPACE, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"{__file__}::{test}"]
    done = subprocess.run(
        words, cwd=root, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("where", WHERE)
@trials(3)
def test_the_disk_is_full(
    prepared: Prepared | None,
    commands: Commands | None,
    small_disk: Path | None,
    tmp_path: Path,
    where: str,
    trial: int,
    request: pytest.FixtureRequest,
) -> None:
    if prepared is None or commands is None or small_disk is None:
        run_in_namespace(request.node.name)
        return
    store = prepared.copy(tmp_path if where == "segments" else small_disk)
    moved = shutil.move(store / "segments", (small_disk if where == "segments" else tmp_path) / "moved")
    (store / "segments").symlink_to(moved)
    room = random.Random(trial).uniform(0.005, WHERE[where]) if trial else 0.0
    resize(small_disk, shutil.disk_usage(small_disk).used + int(room * MB))
    code, _ = commands.run(store, *FULL_RUN, "--local")
    err = commands.err.read_text()
    assert code in ((0, 2, 3) if trial else (2, 3)), err
    assert "Traceback" not in err
    resize(small_disk, 200 * MB)
    prepared.finish(store)
