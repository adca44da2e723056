"""Law 4 for models that kill their process: found alone, parked after three attempts; their neighbours finish."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest
import ray
from histories import random_history
from ray.exceptions import ActorUnavailableError
from toys import write_toys

from actors import Fleet
from actors.host import TwinHost
from actors.ray_pool import RayPool
from actors.work import BatchResult, Note, WorkBatch, no_note
from event_store.attempts import Attempt, begin_attempts, recover, suspects

ASSETS = tuple(f"EV-{n}" for n in range(6))

KILLER = '''
"""Counts current samples; ends its own process for the assets that a file names: some as the kernel would."""

import os
import signal
from pathlib import Path

from altergo_interface import Model, ModelState, Samples, register_model

NAMED = Path("FOLDER/named")


class Count(ModelState):
    n: int = 0


@register_model("killer")
class Killer(Model):
    State = Count

    def advance(self, state, data):
        if str(data.number("capacity")) in NAMED.read_text().split():
            if data.number("capacity") == 104:
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(9)
        current = data.series("current")
        if current is None:
            return state, {}
        n = state.n + len(current) - current.lead
        return Count(n=n), {"n": Samples(current.t[-1:], current.x[-1:] * 0 + n)}
'''
MANIFEST = {
    "name": "killer",
    "inputs": {"current": {"type": "pd.Series", "unit": "A"}, "capacity": {"type": "float", "unit": "Ah"}},
    "outputs": {"n": {}},
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = write_toys(tmp_path / "models", "latest", "below")
    home = folder / "killer"
    home.mkdir()
    (home / "__init__.py").write_text(KILLER.replace("FOLDER", str(tmp_path)))
    (home / "model.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "named").write_text("")
    return folder


@pytest.fixture(autouse=True)
def _five_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINS__EXECUTION__ENABLED_MODELS", "eq_cycles,voltage_monitor,latest,below,killer")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Assets of which each has its own capacity, by which the killer is told whom to kill."""
    history = random_history(5, ASSETS, 3)
    fleet = Fleet(tmp_path / "store")
    rows = "".join(f"{name},{100 + n},NMC\n" for n, name in enumerate(ASSETS))
    (tmp_path / "assets.csv").write_text("asset_id,capacity,chemistry\n" + rows)
    fleet.import_assets(tmp_path / "assets.csv")
    fleet.ingest(history.write(tmp_path / "events.parquet"))
    return tmp_path / "store"


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


def name_killers(tmp_path: Path, *assets: str) -> None:
    (tmp_path / "named").write_text(" ".join(f"{100 + ASSETS.index(asset)}.0" for asset in assets))


def digest_without(fleet: Fleet) -> str:
    return fleet.digest("model:eq_cycles,model:voltage_monitor,model:latest,model:below")


@pytest.mark.ray
def test_two_killers_on_ray_cost_their_own_pairs_alone(
    cluster: None, store: Path, models: Path, tmp_path: Path
) -> None:
    name_killers(tmp_path, "EV-1", "EV-4")  # the latter ends as if the kernel were out of memory
    fleet = Fleet(store, models_dirs=[models])
    report = fleet.run(workers=2)
    assert sorted((asset, model) for asset, model, _ in report.parked) == [("EV-1", "killer"), ("EV-4", "killer")]
    assert {error for *_, error in report.parked} == {
        "the process died 3 times while this model ran (a crash, out of memory, a kill)"
    }
    rows = fleet.sql("select status, count(*) from twin_state group by all order by all").fetchall()
    assert rows == [("ok", 5 * len(ASSETS) - 2), ("parked", 2)]
    assert fleet.plan().items == ()
    tried = "select status, count(*) from attempts where model = 'killer' group by all order by all"
    assert fleet.sql(tried).fetchall() == [("lost", 6), ("ok", len(ASSETS) - 2)]
    whole = Fleet(tmp_path / "clean", models_dirs=[models])
    name_killers(tmp_path)
    whole.import_assets(tmp_path / "assets.csv")
    whole.ingest(tmp_path / "events.parquet")
    whole.run(local=True)
    assert digest_without(fleet) == digest_without(whole)
    again = fleet.run("status:parked", "retry", workers=1)
    assert (again.pairs, again.parked) == (2, [])
    assert fleet.digest() == whole.digest()


@pytest.mark.ray
def test_what_takes_the_output_of_a_killer_is_blocked(
    cluster: None, store: Path, models: Path, tmp_path: Path
) -> None:
    code = models / "latest" / "__init__.py"
    deadly = "            if value > 1e6:\n                import os\n\n                os._exit(7)\n"
    code.write_text(code.read_text().replace("            if value > 100", f"{deadly}            if value > 100", 1))
    (tmp_path / "spike.csv").write_text("asset_id,sensor,ts,value\nEV-3,current,2026-01-31T12:00Z,2000000\n")
    fleet = Fleet(store, models_dirs=[models])
    fleet.ingest(tmp_path / "spike.csv")
    report = fleet.run(workers=2)
    assert [(asset, model) for asset, model, _ in report.parked] == [("EV-3", "latest")]
    assert report.blocked == [("EV-3", "below", "waits for 'latest', which is parked")]
    assert fleet.sql("select count(*) from twin_state where status = 'ok'").fetchall() == [(5 * len(ASSETS) - 2,)]


@pytest.mark.ray
def test_hosts_that_are_out_of_reach_are_replaced_and_give_their_cpus_back(
    cluster: None, store: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray says `unavailable` of a host that may live on."""
    places = [tmp_path / "first", tmp_path / "second"]

    class OutOfReach(TwinHost):
        def refusal(self) -> str:
            self.lost = self.called = False
            for place in places:
                with suppress(FileExistsError):
                    place.mkdir()
                    self.lost = True
                    break
            return super().refusal()

        def run(self, batch: WorkBatch, note: Note = no_note) -> BatchResult:
            if not self.lost:
                return super().run(batch, note)
            if self.called:
                Event().wait()  # with its second batch it goes on for ever
            self.called = True
            raise ActorUnavailableError("the actor is temporarily unavailable", None)

    monkeypatch.setattr(RayPool, "host_class", OutOfReach)
    monkeypatch.setattr("actors.ray_pool.NO_HOST_S", 20.0)  # for a run without any CPU left
    report = Fleet(store, models_dirs=[models]).run(workers=2)
    assert (report.parked, report.pairs) == ([], 5 * len(ASSETS))
    assert all(place.is_dir() for place in places)


def run_local(store: Path, models: Path, *arguments: str) -> int:
    options = ["--store", str(store), "--models-dir", str(models), *arguments, "--local"]
    command = [sys.executable, "-m", "actors.cli", *options]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_a_killer_in_this_process_is_parked_by_the_runs_that_follow(
    store: Path, models: Path, tmp_path: Path
) -> None:
    """The driver dies with it; each run gets further than the one before, and the fourth one ends well."""
    name_killers(tmp_path, "EV-2")
    assert [run_local(store, models, "run") for _ in range(4)] == [9, 9, 9, 0]
    fleet = Fleet(store, models_dirs=[models])
    rows = fleet.sql("select asset_id, model, error from twin_state where status = 'parked'").fetchall()
    assert [row[:2] for row in rows] == [("EV-2", "killer")]
    assert "died 3 times" in rows[0][2]
    assert fleet.sql("select count(*) from twin_state where status = 'ok'").fetchall() == [(5 * len(ASSETS) - 1,)]
    statuses = fleet.sql("select status from runs order by started_at").fetchall()
    assert statuses == [("killed",), ("killed",), ("killed",), ("done",)]
    name_killers(tmp_path)
    assert run_local(store, models, "retry") == 0
    assert fleet.sql("select count(*) from twin_state where status = 'ok'").fetchall() == [(5 * len(ASSETS),)]


def test_a_run_that_was_killed_from_outside_parks_nobody(store: Path, models: Path, tmp_path: Path) -> None:
    """Its pairs are suspects, run alone, and acquitted."""
    name_killers(tmp_path, "EV-2")
    assert run_local(store, models, "run") == 9
    name_killers(tmp_path)
    fleet = Fleet(store, models_dirs=[models])
    report = fleet.run(local=True)
    assert (report.parked, report.pairs) == ([], 5 * len(ASSETS))
    with fleet.store().catalog.session("test") as con:
        assert con.execute("select count(*) from store.lost").fetchall() == [(0,)]


def test_drivers_that_are_killed_again_and_again_park_nobody(store: Path, models: Path) -> None:
    """Several pairs were running each time, and nobody knows which of them, if any, is to blame."""
    catalog = Fleet(store, models_dirs=[models]).store().catalog
    for run in ("a", "b", "c", "d"):
        with catalog.transaction("test") as con:
            con.execute("insert into store.runs by name select ? as run_id, 'running' as status, 1 as seq", [run])
            begin_attempts(con, run, [Attempt(asset, "killer", (), "", 1) for asset in ASSETS[:2]])
        with catalog.transaction("test") as con:
            recover(con)
            assert suspects(con) == {(asset, "killer"): 1 for asset in ASSETS[:2]}
            assert con.execute("select count(*) from store.heads").fetchall() == [(0,)]


def test_a_changed_model_is_tried_again(store: Path, models: Path, tmp_path: Path) -> None:
    name_killers(tmp_path, "EV-2")
    assert [run_local(store, models, "run") for _ in range(4)] == [9, 9, 9, 0]
    source = models / "killer" / "__init__.py"
    source.write_text(source.read_text().replace("os._exit(9)", "pass"))
    fleet = Fleet(store, models_dirs=[models])
    assert [(i.asset_id, i.model, i.reasons) for i in fleet.plan("EV-2").items] == [
        ("EV-2", "killer", ("code_changed",))
    ]
