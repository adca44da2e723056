"""Long-lived twins on Ray: the same digest, and a host that dies takes nobody with it."""

import os
import shutil
import signal
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from histories import START, History, random_history, write_assets
from live_sessions import LiveProcess, caught_up, following, wait_for
from toys import write_toys

from actors import Fleet
from actors.live_awake import AwakeTwins
from actors.live_socket import ask

pytestmark = pytest.mark.ray
ASSETS = ("EV-1", "EV-2", "EV-3", "EV-4")
RAISING = "            if value > 110:\n                import os\n\n                os._exit(7)\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_twins_on_two_hosts_end_in_the_digest_of_one_run(tmp_path: Path) -> None:
    events = random_history(31, ASSETS, 5).events
    edges = [events.num_rows * n // 6 for n in range(7)]
    paths = [
        History(events.slice(low, high - low)).write(tmp_path / f"{n}.parquet")
        for n, (low, high) in enumerate(pairwise(edges))
    ]
    fleet = Fleet(tmp_path / "store")
    fleet.import_assets(write_assets(tmp_path / "assets.csv", ASSETS))
    fleet.ingest(paths[0])
    once = Fleet(shutil.copytree(fleet.root, tmp_path / "once"))
    with LiveProcess(fleet.root, "--workers", "2", "--idle-s", "1") as live:
        live.wait_until_it_follows()
        for path in paths[1:4]:
            fleet.ingest(path)
            wait_for(lambda: caught_up(fleet) and ask(fleet.store().paths, "EV-1"), "the twins")
        wait_for(lambda: ask(fleet.store().paths, "EV-1") is None, "the twins to sleep")
        for path in (paths[5], paths[4]):
            fleet.ingest(path)
        wait_for(lambda: caught_up(fleet), "the twins")
        assert live.end(signal.SIGTERM) == 130
    for path in paths[1:]:
        once.ingest(path)
    once.run(local=True)
    assert fleet.digest() == once.digest()
    assert fleet.verify().findings == []


def test_a_model_that_kills_its_host_is_parked_and_the_others_go_on(tmp_path: Path) -> None:
    toys = write_toys(tmp_path / "models", "held", "latest")
    code = toys / "latest" / "__init__.py"
    before = "            if value > 100"
    code.write_text(code.read_text().replace(before, RAISING + before, 1))
    settings = tmp_path / "settings.json"
    settings.write_text('{"parameters": {"execution": {"enabled_models": "held,latest"}}}')
    fleet = Fleet(tmp_path / "store", settings, [toys])
    fleet.import_assets(write_assets(tmp_path / "assets.csv", ASSETS))

    def ingest(first: int, values: Sequence[float]) -> None:
        """The same for all assets, but EV-1 begins with a value that kills."""
        stamps = pa.array(START + (first + np.arange(len(values))) * 60_000_000).cast(pa.timestamp("us", tz="UTC"))
        tables = [
            pa.table(
                {
                    "asset_id": [asset] * len(values),
                    "sensor": ["current"] * len(values),
                    "ts": stamps,
                    "value": [120.0 if asset == "EV-1" and first == 2 else values[0], *values[1:]],
                }
            )
            for asset in ASSETS
        ]
        pq.write_table(pa.concat_tables(tables), tmp_path / f"{first}.parquet")
        fleet.ingest(tmp_path / f"{first}.parquet")

    ingest(0, [1.0, 2.0])
    with following(fleet, local=False, workers=2):
        ingest(2, [3.0, 4.0])
        wait_for(lambda: fleet.state("EV-1")["models"]["latest"]["status"] == "parked", "the killer to be parked")
        ingest(4, [5.0, 6.0])
        wait_for(lambda: caught_up(fleet), "the twins")
        for asset in ASSETS:
            assert fleet.state(asset)["models"]["held"]["state"] == {"seconds": 300.0}
    assert fleet.status()["parked"] == 1


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_for_each_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lives as long as its twin is awake. Killed, it takes nobody along, and the next events get another one."""
    idle, passivate = [900.0], AwakeTwins.passivate

    def passivate_by(awake: AwakeTwins) -> Sequence[str]:
        awake._idle_s = idle[0]
        return passivate(awake)

    monkeypatch.setattr(AwakeTwins, "passivate", passivate_by)
    toys = write_toys(tmp_path / "models", "held", "latest")
    code = toys / "held" / "__init__.py"
    seen = f'        with open("{tmp_path}/seen", "a") as file:\n            file.write(f"{{os.getpid()}}\\n")\n'
    before = "        t, steps ="
    code.write_text("import os\n" + code.read_text().replace(before, seen + before, 1))
    settings = tmp_path / "settings.json"
    settings.write_text('{"parameters": {"execution": {"enabled_models": "held,latest"}}}')
    fleet = Fleet(tmp_path / "store", settings, [toys])
    events = random_history(33, ASSETS[:2], 3).events
    parts = [events.slice(n * events.num_rows // 4, events.num_rows // 4) for n in range(4)]
    fleet.import_assets(write_assets(tmp_path / "assets.csv", ASSETS[:2]))

    def processes(n: int) -> set[int]:
        """Those that replay one more part, which all assets have events in."""
        (tmp_path / "seen").unlink(missing_ok=True)
        fleet.ingest(History(parts[n]).write(tmp_path / f"{n}.parquet"))
        wait_for(lambda: caught_up(fleet), "the twins")
        return {int(line) for line in (tmp_path / "seen").read_text().split()}

    fleet.ingest(History(parts[0]).write(tmp_path / "0.parquet"))
    with following(fleet, local=False, isolation="process", workers=1):
        first = processes(1)
        assert len(first) == 2
        victim, other = first
        os.kill(victim, signal.SIGKILL)
        second = processes(2)
        assert len(second) == 2
        assert other in second
        idle[0] = 0.0
        wait_for(lambda: not any(map(lives, second)), "the twins to sleep")
        third = processes(3)
        assert len(third) == 2
        assert not third & (first | second)
    once = Fleet(shutil.copytree(fleet.root, tmp_path / "once"), settings, [toys])
    once.run(compute_type="full", local=True)
    assert fleet.digest() == once.digest()
    assert fleet.status()["parked"] == 0
