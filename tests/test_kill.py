"""Law 3: kill -9 of a run or an ingest at any moment; the next one ends in the digest of an undisturbed run."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from histories import DAY_US, START, random_history, write_assets

from actors import Fleet

TRIALS = int(os.environ.get("TWINS_TRIALS", "0"))
"""How many trials of each random kind; 0: a few."""
ASSETS = tuple(f"EV-{n}" for n in range(24))
RUNNER = Path(__file__).with_name("crash_runner.py")


def trials(usual: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("trial", range(TRIALS or usual))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    """A store with two thirds of its history run and the rest ingested; the digest and duration of the next run."""
    root = tmp_path_factory.mktemp("prepared")
    history = random_history(11, ASSETS, 9)
    fleet = Fleet(root / "store")
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS))
    for number, (low, high) in enumerate([(0, 6), (6, 9)]):
        piece = history.between(START + low * DAY_US, START + high * DAY_US)
        fleet.ingest(piece.write(root / f"{number}.parquet"))
        if number == 0:
            fleet.run(local=True)
    shutil.copytree(root / "store", root / "undisturbed")
    began = time.monotonic()
    run(root / "undisturbed", "--local")
    return root / "store", Fleet(root / "undisturbed").digest(), time.monotonic() - began


def command(store: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "actors.cli", "--store", str(store), "run", "--compute-type", "full", *options]


def run(store: Path, *options: str) -> None:
    subprocess.run(command(store, *options), check=True, capture_output=True)


def finish(store: Path, digest: str) -> None:
    """The next run repairs what was left, and nothing is half there."""
    fleet = Fleet(store)
    fleet.run(local=True)
    assert fleet.digest() == digest
    assert fleet.plan().items == ()
    assert fleet.sql("select count(distinct (asset_id, model)) from twin_state where status = 'ok'").fetchall() == [
        (len(fleet.registry()) * len(ASSETS),)
    ]


@trials(10)
def test_a_local_run_killed_at_a_random_moment(prepared: tuple[Path, str, float], tmp_path: Path, trial: int) -> None:
    template, digest, seconds = prepared
    store = Path(shutil.copytree(template, tmp_path / "store"))
    process = subprocess.Popen(command(store, "--local"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # The moment is free: whatever it hits, the outcome must be the same.
        process.wait(timeout=seconds * random.Random(trial).uniform(0.2, 1.0))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finish(store, digest)


@pytest.mark.ray
@trials(3)
def test_a_run_on_ray_killed_at_a_random_moment(
    prepared: tuple[Path, str, float], tmp_path: Path, trial: int
) -> None:
    template, digest, _ = prepared
    store = Path(shutil.copytree(template, tmp_path / "store"))
    process = subprocess.Popen(command(store), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    hosts_started = store / "segments" / "output"
    known = set(hosts_started.rglob("*.parquet"))
    deadline = time.monotonic() + 60
    while not set(hosts_started.rglob("*.parquet")) - known and process.poll() is None:
        assert time.monotonic() < deadline, "the run wrote nothing"
        os.sched_yield()
    try:
        process.wait(timeout=random.Random(trial).uniform(0.0, 0.5))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    finish(store, digest)


class Crashes:
    """A process that runs the command line in forks of itself, killed at a given step."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(RUNNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, store: Path, at: int, *arguments: str) -> tuple[int, int]:
        """(exit code, steps done); `at` 0 kills nothing."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(store), at, *arguments]) + "\n")
        self._process.stdin.flush()
        code, steps = json.loads(self._process.stdout.readline())
        return code, steps

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@pytest.fixture
def crashes() -> Iterator[Crashes]:
    found = Crashes()
    yield found
    found.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A small store with one file still to be ingested, that file, and the digest after both are run."""
    root = tmp_path_factory.mktemp("small")
    history = random_history(12, ("A",), 5)
    fleet = Fleet(root / "store")
    fleet.import_assets(write_assets(root / "assets.csv", ("A",)))
    fleet.ingest(history.between(START, START + 3 * DAY_US).write(root / "0.parquet"))
    fleet.run(local=True)
    rest = history.between(START + 3 * DAY_US, START + 5 * DAY_US).write(root / "1.parquet")
    whole = Fleet(shutil.copytree(root / "store", root / "whole"))
    whole.ingest(rest)
    whole.run(local=True)
    return root / "store", rest, whole.digest()


def test_every_step_of_an_ingest_and_a_run_can_be_the_last(
    small: tuple[Path, Path, str], tmp_path: Path, crashes: Crashes
) -> None:
    template, rest, digest = small
    counting = Path(shutil.copytree(template, tmp_path / "counting"))
    code, ingest_steps = crashes.run(counting, 0, "ingest", str(rest))
    assert (code, ingest_steps >= 10) == (0, True)
    code, run_steps = crashes.run(counting, 0, "run", "--local")
    assert (code, run_steps >= 20) == (0, True)
    for at in range(1, ingest_steps + run_steps + 1):
        store = Path(shutil.copytree(template, tmp_path / f"store{at}"))
        fleet = Fleet(store)
        if at <= ingest_steps:
            assert crashes.run(store, at, "ingest", str(rest))[0] == -signal.SIGKILL
        fleet.ingest(rest)
        if at > ingest_steps:
            assert crashes.run(store, at - ingest_steps, "run", "--local")[0] == -signal.SIGKILL
        fleet.run(local=True)
        assert fleet.digest() == digest, f"killed at step {at}"
        assert fleet.sql("select count(*) from events").fetchall() == [(_events(template, rest),)]


def _events(template: Path, rest: Path) -> int:
    import pyarrow.parquet as pq

    before = Fleet(template).sql("select count(*) from events").fetchall()[0][0]
    return int(before) + pq.read_metadata(rest).num_rows
