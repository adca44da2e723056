"""Law 3: a kill -9 or SIGTERM of a run or an ingest at any moment; the next one ends in the digest of an undisturbed
run."""

import os
import random
import shutil
import signal
from pathlib import Path

import pytest
from faults import FULL_RUN, Commands, Prepared, prepare, steps, trials
from histories import DAY_US, START, random_history, write_assets

from actors import Fleet


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
@trials(5)
def test_a_local_run_ends_at_a_random_moment(
    prepared: Prepared, commands: Commands, tmp_path: Path, trial: int, signum: signal.Signals
) -> None:
    store = prepared.copy(tmp_path)
    pid = commands.start(store, *FULL_RUN, "--local")
    # The moment is free: whatever it hits, the outcome must be the same.
    if not commands.ends_within(prepared.seconds * random.Random(trial).uniform(0.0, 1.2)):
        os.kill(pid, signum)
    code, _ = commands.wait()
    assert code in (0, -signum, 130 if signum == signal.SIGTERM else 0), commands.err.read_text()
    assert "Traceback" not in commands.err.read_text()
    prepared.finish(store)


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


def test_any_step_of_an_ingest_and_a_run_can_be_the_last(
    small: tuple[Path, Path, str], tmp_path: Path, commands: Commands
) -> None:
    template, rest, digest = small
    counting = Path(shutil.copytree(template, tmp_path / "counting"))
    code, ingest_steps = commands.run(counting, "ingest", str(rest))
    assert (code, ingest_steps >= 10) == (0, True)
    code, run_steps = commands.run(counting, "run", "--local")
    assert (code, run_steps >= 20) == (0, True)
    for at in steps(ingest_steps + run_steps):
        store = Path(shutil.copytree(template, tmp_path / f"store{at}"))
        fleet = Fleet(store)
        if at <= ingest_steps:
            assert commands.run(store, "ingest", str(rest), at=at)[0] == -signal.SIGKILL
        fleet.ingest(rest)
        if at > ingest_steps:
            assert commands.run(store, "run", "--local", at=at - ingest_steps)[0] == -signal.SIGKILL
        fleet.run(local=True)
        assert fleet.digest() == digest, f"killed at step {at}"
        assert fleet.sql("select count(*) from events").fetchall() == [(_events(template, rest),)]


def _events(template: Path, rest: Path) -> int:
    import pyarrow.parquet as pq

    before = Fleet(template).sql("select count(*) from events").fetchall()[0][0]
    return int(before) + pq.read_metadata(rest).num_rows
