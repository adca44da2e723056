"""Several processes on one store: an ingest during a run, a second run, and an interrupted one."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from histories import DAY_US, START, random_history

from actors import Fleet
from actors.cli.main import main
from altergo_interface import StoreBusy

ASSETS = ("A", "B", "C")
MODEL = """
from altergo_interface import Model, ModelState, Samples, register_model

@register_model("waits")
class Waits(Model):
    class State(ModelState):
        n: int = 0

    def advance(self, state, data):
        current = data.series("current")
        if data["stops"] > 0 and state.n == 0:
            open(self.config["gate"]).read()  # a FIFO: blocks until the test opens its other end
        return self.State(n=state.n + len(current) - current.lead), {"n": Samples(current.t[-1:], current.x[-1:])}
"""
MANIFEST = {
    "inputs": {"current": {"unit": "A"}, "stops": {"type": "float"}},
    "outputs": {"n": {}},
    "configuration": {"gate": {"type": "str"}},
}


def _hear_ctrl_c() -> None:
    """Shells start what runs in the background deaf to it, and the test may run there."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Setup:
    """A store whose asset C stops in the middle of its replay until `release`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.gate = root / "gate"
        os.mkfifo(self.gate)
        folder = root / "models" / "waits"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(MODEL)
        (folder / "model.json").write_text(json.dumps(MANIFEST))
        settings = {
            "execution": {"enabled_models": "waits"},
            "models": {"waits": {"configuration": {"gate": str(self.gate)}}},
        }
        (root / "settings.json").write_text(json.dumps({"parameters": settings}))
        self.fleet = Fleet(root / "store", root / "settings.json", [root / "models"])
        (root / "assets.csv").write_text("asset_id,stops\nA,0\nB,0\nC,1\n")
        self.fleet.import_assets(root / "assets.csv")
        history = random_history(3, ASSETS, 3)
        self.fleet.ingest(history.between(START, START + 2 * DAY_US).write(root / "0.parquet"))
        self.rest = history.between(START + 2 * DAY_US, START + 3 * DAY_US).write(root / "1.parquet")

    def run(self, *options: str) -> "subprocess.Popen[str]":
        words = ["--store", str(self.root / "store"), "--settings", str(self.root / "settings.json")]
        words += ["--models-dir", str(self.root / "models"), "run", *options]
        return subprocess.Popen(
            [sys.executable, "-m", "actors.cli", *words],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_hear_ctrl_c,
        )

    def wait_until_it_stops(self) -> int:
        """Returns once the model has opened the gate to read; the write end."""
        return os.open(self.gate, os.O_WRONLY)


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    monkeypatch.chdir(tmp_path)
    return Setup(tmp_path)


def test_an_ingest_does_not_wait_for_a_run(setup: Setup) -> None:
    process = setup.run("--local")
    gate = setup.wait_until_it_stops()
    report = setup.fleet.ingest(setup.rest)  # returns although the run stands still
    setup.fleet.publish()
    assert report.appended > 0
    assert process.poll() is None
    os.close(gate)
    assert process.wait() == 0
    assert {item.reasons for item in setup.fleet.plan().items} == {("new_events",)}


def test_a_second_run_is_refused_and_told_who_runs(setup: Setup) -> None:
    process = setup.run("--local")
    gate = setup.wait_until_it_stops()
    with pytest.raises(StoreBusy, match=rf"a run by process {process.pid} has been running since 20"):
        setup.fleet.run(local=True)
    process.kill()
    process.wait()
    os.close(gate)
    setup.fleet.run("asset:A", local=True)  # the lock went with its holder
    assert setup.fleet.sql("select status from runs order by started_at").fetchall() == [("killed",), ("done",)]


@pytest.mark.parametrize("options", [("--local",), pytest.param(("--workers", "2"), marks=pytest.mark.ray)])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_done(setup: Setup, options: tuple[str, ...], how: signal.Signals) -> None:
    process = setup.run(*options)
    gate = setup.wait_until_it_stops()
    process.send_signal(how)
    _, err = process.communicate()
    os.close(gate)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "error: interrupted. What was committed stays; run again to go on"
    done = setup.fleet.sql("select asset_id from twin_state where status = 'ok' order by all").fetchall()
    assert ("C",) not in done
    assert setup.fleet.sql("select status from runs").fetchall() == [("interrupted",)]
    left = {item.asset_id for item in setup.fleet.plan().items}
    assert left == set(ASSETS) - {asset for (asset,) in done}


def test_ctrl_c_waits_for_the_end_of_a_transaction(setup: Setup) -> None:
    catalog = setup.fleet.store().catalog
    steps = []

    def change() -> None:
        with catalog.transaction("test") as con:
            os.kill(os.getpid(), signal.SIGINT)
            con.execute("insert into store.meta select 'counted', count(*) from range(1000)")
            steps.append("changed")
        steps.append("never here")

    with pytest.raises(KeyboardInterrupt):
        change()
    assert steps == ["changed"]
    assert catalog.meta("counted") == "1000"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_while_a_lock_is_taken_does_not_keep_it(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the process waits for itself when it commits what is in."""
    catalog = setup.fleet.store().catalog
    acquire = FileLock.acquire

    def interrupted(lock: FileLock, **options: Any) -> None:
        acquire(lock, **options)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(FileLock, "acquire", interrupted)
        with pytest.raises(KeyboardInterrupt) as kept, catalog.session("test"):
            pass
    monkeypatch.setattr("event_store.catalog.CATALOG_WAIT_S", 0)
    with catalog.session("test") as con:
        assert con.execute("select count(*) > 0 from store.assets").fetchall() == [(True,)]
    assert kept.traceback  # whoever looks at it keeps what its frames hold


def test_ctrl_c_ends_the_wait_for_a_lock(setup: Setup) -> None:
    store = setup.fleet.store()
    with FileLock(store.paths.locks / "catalog.lock"):
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt), store.catalog.session("test"):
            pass
        timer.join()


def test_a_command_in_this_process_leaves_its_signals_alone(setup: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        main(["--store", str(setup.root / "store"), "status"])
    assert signal.getsignal(signal.SIGTERM) is before
