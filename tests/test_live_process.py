"""`twins live` as a process: it is fed, asked, ended and killed by others."""

import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from histories import History, random_history, write_assets
from live_sessions import LiveProcess, caught_up, wait_for

from actors import Fleet
from actors.cli.main import main
from actors.live_socket import ask
from altergo_interface import StoreBusy
from event_store.locks import exclusive

ASSETS = ("EV-1", "EV-2", "EV-3")
PARTS = 6


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path], str]:
    """A store with the first part of a history, ingested and run; the other parts; the digest of one run of all."""
    root = tmp_path_factory.mktemp("prepared")
    events = random_history(21, ASSETS, 5).events
    edges = [events.num_rows * n // PARTS for n in range(PARTS + 1)]
    paths = [
        History(events.slice(low, high - low)).write(root / f"{n}.parquet")
        for n, (low, high) in enumerate(pairwise(edges))
    ]
    fleet = Fleet(root / "store")
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS))
    fleet.ingest(paths[0])
    fleet.run(local=True)
    whole = Fleet(shutil.copytree(root / "store", root / "whole"))
    for path in paths[1:]:
        whole.ingest(path)
    whole.run(local=True)
    return root / "store", paths[1:], whole.digest()


@pytest.fixture
def fleet(prepared: tuple[Path, list[Path], str], tmp_path: Path) -> Fleet:
    return Fleet(shutil.copytree(prepared[0], tmp_path / "store"))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(prepared: tuple[Path, list[Path], str], fleet: Fleet, signum: int) -> None:
    _, paths, digest = prepared
    with LiveProcess(fleet.root, "--local") as live:
        live.wait_until_it_follows()
        for path in paths:
            fleet.ingest(path)
        wait_for(lambda: caught_up(fleet), "the twins")
        assert live.end(signum) == 130
        assert live.errors[-1] == "error: interrupted. What was committed stays; run again to go on"
    assert fleet.digest() == digest
    last = max(batch["last_ts"] for batch in fleet.batches() if batch["last_ts"])
    assert fleet.sql("select max(as_of) from twin_state").fetchall() == [(last,)]  # it has published
    # The signal may hit a round that has just committed.
    assert fleet.sql("select count(*) from runs where status not in ('done', 'interrupted')").fetchall() == [(0,)]
    assert sorted(path.name for path in fleet.store().paths.locks.iterdir() if not path.name.endswith(".lock")) == []
    assert fleet.run(local=True).pairs == 0


@pytest.mark.parametrize("trial", range(3))
def test_killed_at_any_moment_a_run_does_the_rest(
    prepared: tuple[Path, list[Path], str], fleet: Fleet, trial: int
) -> None:
    _, paths, digest = prepared
    with LiveProcess(fleet.root, "--local") as live:
        live.wait_until_it_follows()
        for path in paths:
            fleet.ingest(path)
        # The moment is free: whatever it hits, the outcome must be the same.
        with suppress(subprocess.TimeoutExpired):
            live.process.wait(timeout=trial * 0.15)
        live.end(signal.SIGKILL)
    assert ask(fleet.store().paths, "EV-1") is None
    assert fleet.state("EV-1")["asset_id"] == "EV-1"
    if trial == 0:  # a second session finds a stale socket, and replaces it
        with LiveProcess(fleet.root, "--local") as live:
            live.wait_until_it_follows()
            live.end(signal.SIGINT)
    fleet.run(local=True)
    assert fleet.digest() == digest
    assert fleet.plan().items == ()


def test_a_second_one_is_told_who_holds_the_store(fleet: Fleet) -> None:
    with LiveProcess(fleet.root, "--local") as live:
        live.wait_until_it_follows()
        held = rf"a live session by process {live.process.pid} has been running since 20"
        with pytest.raises(StoreBusy, match=held):
            fleet.run(local=True)
        with LiveProcess(fleet.root, "--local", before=("--json",)) as second:
            assert second.process.wait(60) == 2
        live.end(signal.SIGINT)


def test_a_process_for_each_twin_needs_ray(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--store", str(fleet.root), "live", "--local", "--isolation", "process"])
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: a process for each asset needs Ray. Drop --local\n"


def test_it_answers_while_the_catalog_is_taken(prepared: tuple[Path, list[Path], str], fleet: Fleet) -> None:
    _, paths, _ = prepared
    store = fleet.store().paths
    with LiveProcess(fleet.root, "--local") as live:
        live.wait_until_it_follows()
        socket = Path((store.locks / "live.address").read_text())
        assert socket.stat().st_mode & 0o777 == 0o600
        for path in paths:
            fleet.ingest(path)
        wait_for(lambda: caught_up(fleet) and ask(store, "EV-2"), "the twins")
        with exclusive(store.locks, "catalog", "a test", 10):
            began = time.monotonic()
            answer = fleet.state("EV-2")
            assert time.monotonic() - began < 1.0
        live.end(signal.SIGINT)
    assert not socket.exists()
    assert fleet.state("EV-2") == answer


def test_a_store_too_deep_for_a_socket(prepared: tuple[Path, list[Path], str], tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / "store"
    fleet = Fleet(shutil.copytree(prepared[0], deep))
    with LiveProcess(deep, "--local") as live:
        live.wait_until_it_follows()
        place = Path((fleet.store().paths.locks / "live.address").read_text())
        assert place.is_relative_to(tempfile.gettempdir())
        fleet.ingest(prepared[1][0])
        wait_for(lambda: ask(fleet.store().paths, "EV-1"), "the twin to wake")
        live.end(signal.SIGINT)
    assert not place.parent.exists()


def test_follow_prints_each_record_at_once(prepared: tuple[Path, list[Path], str], fleet: Fleet) -> None:
    newest = pa.compute.max(random_history(21, ASSETS, 5).events.column("ts")).cast(pa.int64()).as_py()
    stamps = pa.array([newest + n * 60_000_000 for n in range(1, 31)]).cast(pa.timestamp("us", tz="UTC"))
    columns = {"asset_id": ["EV-1"] * 30, "sensor": ["cell_voltage_max"] * 30, "ts": stamps, "value": [4.6] * 30}
    path = History(pa.table(columns)).write(fleet.root.parent / "high.parquet")
    with LiveProcess(fleet.root, "--local", "--follow", before=("--json",)) as live:
        wait_for(lambda: (fleet.root / "locks" / "live.address").exists(), "the session")
        fleet.ingest(path)
        found = live.record()
        while found["severity"] != 2:
            found = live.record()
        assert (found["asset_id"], found["model"]) == ("EV-1", "voltage_monitor")
        assert set(found) == set(fleet.sql("select * from records").columns)
        assert live.end(signal.SIGTERM) == 130
    with LiveProcess(Path(shutil.copytree(prepared[0], fleet.root.parent / "other")), "--local", "--follow") as text:
        text.wait_until_it_follows()
        Fleet(fleet.root.parent / "other").ingest(path)
        line = wait_for(lambda: next((x for x in list(text.lines.queue) if "critical" in x), None), "the alert")
        assert " EV-1 voltage_monitor " in line
        text.end(signal.SIGINT)
