"""Several nodes: a real cluster on this machine, a job on it, a node killed in the middle; hosts that refuse."""

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from histories import random_history
from ray._private.authentication.authentication_token_setup import enable_token_auth_by_default
from ray.autoscaler._private.util import prepare_config, validate_config
from ray_nodes import MARK, Nodes

from actors import Fleet
from actors.host import TwinHost
from actors.planning import enabled_models
from actors.ray_pool import RayPool
from actors.work import HostConfig
from altergo_interface import InfrastructureError, SettingsError
from event_store.local_files import LocalFiles
from event_store.probe import Probe, probe_of

ROOT = Path(__file__).parents[1]
ASSETS = tuple(f"EV-{n}" for n in range(12))
MODELS = "eq_cycles,voltage_monitor,stops"

STOPS = '''
import os
from altergo_interface import Model, ModelState, Samples, register_model

@register_model("stops")
class Stops(Model):
    """Says on which node it is and stops, once, until somebody opens the gate."""
    class State(ModelState):
        n: int = 0

    def advance(self, state, data):
        current = data.series("current")
        home = self.config["home"]
        if data["capacity"] == 111.0 and "%s" in os.environ and not os.path.exists(home + "/node"):
            with open(home + "/node", "w") as file:
                file.write(os.environ["%s"])
            open(home + "/gate").read()
        return self.State(n=state.n + len(current) - current.lead), {"n": Samples(current.t[-1:], current.x[-1:])}
'''.replace("%s", MARK)
MANIFEST = {
    "inputs": {"current": {"unit": "A"}, "capacity": {"type": "float"}},
    "outputs": {"n": {}},
    "configuration": {"home": {"type": "str"}},
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """A head without CPUs, and at first two nodes with one each. Tests kill and add some: none may count on two."""
    enable_token_auth_by_default()  # RAY_AUTH_MODE=token, for a process that has imported Ray already
    with Nodes() as nodes:
        nodes.add(cpus=1)
        nodes.add(cpus=1)
        yield nodes


def fleet_in(root: Path) -> Fleet:
    models = root.parent / "models" / "stops"
    if not models.is_dir():
        models.mkdir(parents=True)
        (models / "__init__.py").write_text(STOPS)
        (models / "model.json").write_text(json.dumps(MANIFEST))
    root.mkdir()
    parameters = {
        "execution": {"enabled_models": MODELS},
        "models": {"stops": {"configuration": {"home": str(root.parent)}}},
    }
    (root / "settings.json").write_text(json.dumps({"parameters": parameters}))
    fleet = Fleet(root / "store", root / "settings.json", [models.parent])
    rows = "".join(f"{name},{105 + n},NMC\n" for n, name in enumerate(ASSETS))
    (root / "assets.csv").write_text("asset_id,capacity,chemistry\n" + rows)
    fleet.import_assets(root / "assets.csv")
    fleet.ingest(random_history(7, ASSETS, 3).write(root / "events.parquet"))
    return fleet


@pytest.mark.ray
def test_a_job_whose_node_is_killed_ends_in_the_digest_of_a_local_run(nodes: Nodes, tmp_path: Path) -> None:
    fleet = fleet_in(tmp_path / "job")
    os.mkfifo(tmp_path / "gate")
    gates: list[int] = []

    def kill_the_node() -> None:
        gates.append(os.open(tmp_path / "gate", os.O_WRONLY))  # returns when the model has stopped
        nodes.kill((tmp_path / "node").read_text())

    killer = threading.Thread(target=kill_the_node, daemon=True)
    killer.start()
    given = ("--store", str(fleet.root), "--settings", str(fleet.root.parent / "settings.json"))
    job = nodes.submit("twins", *given, "--models-dir", str(tmp_path / "models"), "run", "--address", "auto")
    assert job.returncode == 0, job.stdout
    killer.join()
    os.close(gates[0])  # only now: on its node the model would have gone on
    assert f"{3 * len(ASSETS)} pairs to run on Ray (auto)" in job.stdout
    assert "0 parked" in job.stdout
    local = fleet_in(tmp_path / "local")
    local.run(local=True)
    assert fleet.digest() == local.digest()


@pytest.mark.ray
def test_a_node_that_joins_is_used(nodes: Nodes, tmp_path: Path) -> None:
    with (
        probe_of(fleet_in(tmp_path / "joins").store()) as probe,
        RayPool(config_of(tmp_path / "joins" / "store", probe), nodes.address) as pool,
    ):
        before = pool.workers
        nodes.add(cpus=2)
        pool._grow()
        assert pool.workers == before + 2


@pytest.mark.ray
def test_one_host_that_refuses_leaves_the_work_to_the_others(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = str(tmp_path / "taken")

    class Picky(TwinHost):
        def refusal(self) -> str:
            try:
                os.mkdir(taken)
            except FileExistsError:
                return super().refusal()
            return "node-7: its model 'eq_cycles' differs from the driver's"

    monkeypatch.setattr(RayPool, "host_class", Picky)
    fleet = fleet_in(tmp_path / "picky")
    (tmp_path / "node").write_text("")  # nobody stops
    report = fleet.run(address=nodes.address)
    assert (report.parked, report.pairs) == ([], 3 * len(ASSETS))
    assert "a host was refused: node-7: its model 'eq_cycles' differs from the driver's" in report.warnings


@pytest.mark.parametrize(("address", "hint"), [("192.0.2.1:6379", "RAY_AUTH_MODE=token"), (None, "Try --local")])
def test_where_ray_does_not_start_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str | None, hint: str
) -> None:
    def fails(*_: object) -> None:
        raise ConnectionError("Failed to connect")

    monkeypatch.setattr("actors.ray_pool._init", fails)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    fleet = fleet_in(tmp_path / "absent")
    with pytest.raises(InfrastructureError, match="Failed to connect") as error:
        fleet.run(address=address)
    assert hint in error.value.hint


class Empty:
    """A source without work."""

    def draw(self, ahead: int = 1) -> None:
        return None


@pytest.mark.ray
def test_where_every_host_refuses_the_run_ends_with_the_reason(nodes: Nodes, tmp_path: Path) -> None:
    fleet = fleet_in(tmp_path / "other")
    absent = Probe(fleet.store().files, "absent.probe", "checksum")
    with (
        RayPool(config_of(fleet.root, absent), nodes.address, 2) as pool,
        pytest.raises(InfrastructureError) as error,
    ):
        list(pool.run(Empty()))  # type: ignore[arg-type]
    assert "is not the driver's store: share it at the same path" in str(error.value)


def config_of(store: Path, probe: Probe, fingerprints: dict[str, str] | None = None) -> HostConfig:
    settings = Fleet(store, store.parent / "settings.json", [store.parents[1] / "models"]).settings()
    return HostConfig(LocalFiles(store), settings, (store.parents[1] / "models",), fingerprints or {}, probe)


def test_a_host_says_why_it_cannot_work(tmp_path: Path) -> None:
    fleet = fleet_in(tmp_path / "refuses")
    models = enabled_models(fleet.registry(), fleet.settings())
    made = {name: found.value for name, found in models.fingerprints.items()}
    with probe_of(fleet.store()) as probe:
        assert TwinHost(config_of(fleet.root, probe, made)).refusal() == ""
        other = TwinHost(config_of(fleet.root, probe, made | {"eq_cycles": "another"})).refusal()
        assert "its model 'eq_cycles' differs from the driver's: deploy the same code" in other
        unknown = TwinHost(config_of(fleet.root, probe, made | {"absent": "x"})).refusal()
        assert "has no model 'absent'" in unknown
        strange = TwinHost(config_of(fleet.root, replace(probe, checksum="another"), made)).refusal()
        assert "is not the driver's store" in strange
    assert not probe.readable()
    assert "is not the driver's store" in TwinHost(config_of(fleet.root, probe, made)).refusal()


@pytest.mark.ray
def test_a_process_for_each_asset_gives_the_same_digest(nodes: Nodes, tmp_path: Path) -> None:
    fleet = fleet_in(tmp_path / "isolated")
    (tmp_path / "node").write_text("")
    report = fleet.run("asset:EV-1,asset:EV-2,asset:EV-3", isolation="process", workers=2, address=nodes.address)
    assert report.pairs == 9
    isolated = fleet.digest("asset:EV-1,asset:EV-2,asset:EV-3")
    fleet.run("asset:EV-1,asset:EV-2,asset:EV-3", compute_type="full", local=True)
    assert fleet.digest("asset:EV-1,asset:EV-2,asset:EV-3") == isolated


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"isolation": "process", "local": True}, "needs Ray"),
        ({"isolation": "proces"}, "isolation cannot be 'proces'"),
    ],
)
def test_an_isolation_that_cannot_be_is_refused(tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    fleet = fleet_in(tmp_path / "wrong")
    with pytest.raises(SettingsError, match=problem):
        fleet.run(**options)


# The cluster files


@pytest.mark.parametrize("name", ["cluster.yaml", "cluster-onprem.yaml"])
def test_ray_accepts_the_cluster_file(name: str) -> None:
    validate_config(prepare_config(yaml.safe_load((ROOT / name).read_text())))


def test_the_check_would_find_a_wrong_one() -> None:
    document = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    with pytest.raises(ValueError, match="head_node_type"):
        validate_config(prepare_config(document | {"head_node_type": "absent"}))
