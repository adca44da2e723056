"""What the tests of kills and other faults share: a store to be disturbed, commands to be killed, the verdict."""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from histories import DAY_US, START, random_history, write_assets

from actors import Fleet

TRIALS = int(os.environ.get("TWINS_TRIALS", "0"))
"""How many trials of each random kind; 0: a few."""
ASSETS = tuple(f"EV-{n}" for n in range(8))
FULL_RUN = ("run", "--compute-type", "full")


def steps(count: int) -> range:
    """The steps of a command at which to kill it: all of them in long trials, else every third."""
    return range(1, count + 1, 1 if TRIALS else 3)


def trials(usual: int) -> pytest.MarkDecorator:
    """So many trials in the test suite, fifty by `make trials`."""
    return pytest.mark.parametrize("trial", range(TRIALS or usual))


@dataclass(frozen=True)
class Prepared:
    """A store to be copied, the digest of the next full run, and how long that takes in-process."""

    template: Path
    digest: str
    seconds: float

    def copy(self, folder: Path) -> Path:
        return Path(shutil.copytree(self.template, folder / "store"))

    def finish(self, store: Path) -> None:
        """The next run repairs what was left, and nothing is half there."""
        fleet = Fleet(store)
        fleet.run(local=True)
        assert fleet.digest() == self.digest
        assert fleet.plan().items == ()
        good = "select count(distinct (asset_id, model)) from twin_state where status = 'ok'"
        assert fleet.sql(good).fetchall() == [(len(fleet.registry()) * len(ASSETS),)]


def prepare(root: Path) -> Prepared:
    """Two thirds of the history are run, and the rest is ingested."""
    history = random_history(11, ASSETS, 5)
    fleet = Fleet(root / "store")
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS))
    for number, (low, high) in enumerate([(0, 3), (3, 5)]):
        piece = history.between(START + low * DAY_US, START + high * DAY_US)
        fleet.ingest(piece.write(root / f"{number}.parquet"))
        if number == 0:
            fleet.run(local=True)
    undisturbed = Fleet(shutil.copytree(root / "store", root / "undisturbed"))
    began = time.monotonic()
    undisturbed.run(compute_type="full", local=True)
    return Prepared(root / "store", undisturbed.digest(), time.monotonic() - began)


class Commands:
    """Runs the command line, one command after the other, in forks of a process that has paid for the imports."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("crash_runner.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self.err = Path()

    def start(self, store: Path, *arguments: str, at: int = 0) -> int:
        """Start a command that kills itself at a step (0: at none); its process id."""
        self.err = Path("stderr").absolute()
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps([str(store), str(self.err), at, *arguments]) + "\n").encode())
        return int(self._answer())

    def ends_within(self, seconds: float) -> bool:
        """Wait for so long, or until the command has ended."""
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def wait(self) -> tuple[int, int]:
        """(exit code, steps done), when it has ended."""
        code, steps = json.loads(self._answer())
        return code, steps

    def run(self, store: Path, *arguments: str, at: int = 0) -> tuple[int, int]:
        """Start it and wait for its end."""
        self.start(store, *arguments, at=at)
        return self.wait()

    def _answer(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
