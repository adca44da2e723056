"""What every gateway does: the folder of files, the double in memory, and the SDK's, with a fake SDK behind it."""

import json
import math

import numpy as np
import pytest
from fake_sdk import FakePlatform
from gateway_double import MemoryGateway
from hypothesis import given
from hypothesis import strategies as st

from altergo_interface.file_gateway import FileGateway
from altergo_interface.file_names import from_file_name, to_file_name
from altergo_interface.gateway import GatewayError, Points

T0 = 1_769_731_200_000_000
NAMES = ("EV-1", "../../escape", "..", ".", "a/b", "a\\b", "C:\\x", "%2F", " padded ", "nul\0", "#[mV] *?", "日本")


class FileWorld:
    """A folder as the platform."""

    def __init__(self, root):
        self.root = root / "platform"
        self.root.mkdir()

    def put(self, asset, sensor, t, x):
        folder = self.root / to_file_name(asset) / "sensors"
        folder.mkdir(parents=True, exist_ok=True)
        rows = (f"{np.datetime64(int(at), 'us')}Z,{float(value)!r}\n" for at, value in zip(t, x, strict=True))
        (folder / f"{to_file_name(sensor)}.csv").write_text("ts,value\n" + "".join(rows))

    def give(self, asset, parameters):
        (self.root / to_file_name(asset)).mkdir(exist_ok=True)
        (self.root / to_file_name(asset) / "parameters.json").write_text(json.dumps(parameters))

    def open(self, *assets):
        return FileGateway(self.root, assets)

    def results(self, asset, sensor):
        path = self.root / to_file_name(asset) / "results" / f"{to_file_name(sensor)}.csv"
        lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
        assert {line[3] for line in lines} <= {"V"}
        return {
            int(np.datetime64(ts.rstrip("Z"), "us").astype(int)): (float(value) if value else None, label or None)
            for ts, value, label, _ in lines
        }


class MemoryWorld:
    """The double itself."""

    def __init__(self, root):
        self.double = MemoryGateway()

    def put(self, asset, sensor, t, x):
        self.double.put(asset, sensor, t, x)

    def give(self, asset, parameters):
        self.double.samples.setdefault(asset, {})
        self.double.given[asset] = parameters

    def open(self, *assets):
        return self.double

    def results(self, asset, sensor):
        return self.double.results[asset][sensor]


class SdkWorld:
    """The SDK's gateway with a fake SDK behind it. No way to delete a point is known: it becomes unknown."""

    def __init__(self, root):
        self.platform = FakePlatform()

    def put(self, asset, sensor, t, x):
        self.platform.put(asset, sensor, t, x)

    def give(self, asset, parameters):
        self.platform.given[asset] = parameters

    def open(self, *assets):
        return self.platform.open(*assets)

    def results(self, asset, sensor):
        held = self.platform.results[asset][sensor].items()
        return {t: ((None, x) if isinstance(x, str) else (x, None)) for t, x in held if x == x and x is not None}


WORLDS = {"file": FileWorld, "memory": MemoryWorld, "sdk": SdkWorld}


@pytest.fixture(params=WORLDS)
def world(request, tmp_path, monkeypatch):
    made = WORLDS[request.param](tmp_path)
    if isinstance(made, SdkWorld):
        made.platform.install(monkeypatch)
    return made


def known(results):
    """Results without points of which nothing is known: a platform need not tell them from none."""
    return {t: point for t, point in results.items() if point != (None, None)}


def fetched(gateway, asset, since=None):
    """Sensor to its samples, in the order in which they came."""
    found = {}
    for page in gateway.fetch(asset, since or {}):
        assert page.t.dtype == np.int64
        assert page.x.dtype == np.float64
        assert len(page.t) == len(page.x)
        found.setdefault(page.sensor, []).extend(zip(page.t.tolist(), page.x.tolist(), strict=True))
    return found


def points(sensor, t, x, labels=None, withdrawn=()):
    return Points(sensor, "V", np.array(t, np.int64), np.array(x, np.float64), labels, np.array(withdrawn, np.int64))


def test_it_has_a_name_and_its_assets(world):
    for asset in ("EV-1", "EV-2"):
        world.put(asset, "current", [T0], [1.0])
    gateway = world.open("EV-1", "EV-2")
    assert gateway.name
    assert list(gateway.assets()) == ["EV-1", "EV-2"]


def test_parameters_come_as_they_are(world):
    world.give("EV-1", {"capacity": 50.5, "chemistry": "NMC", "ocv_table": {"soc": [0, 1], "ocv": [3, 4]}})
    world.give("EV-2", {})
    gateway = world.open("EV-1", "EV-2")
    assert gateway.parameters("EV-1")["ocv_table"] == {"soc": [0, 1], "ocv": [3, 4]}
    assert gateway.parameters("EV-1")["capacity"] == 50.5
    assert gateway.parameters("EV-2") == {}


def test_every_sample_comes_in_the_order_of_time(world):
    t = T0 + np.arange(50) * 1_000_000
    world.put("EV-1", "current", t, np.arange(50) / 7)
    world.put("EV-1", "soc", t[::9], np.arange(6.0))
    found = fetched(world.open("EV-1"), "EV-1")
    assert found["current"] == list(zip(t.tolist(), (np.arange(50) / 7).tolist(), strict=True))
    assert found["soc"] == list(zip(t[::9].tolist(), np.arange(6.0).tolist(), strict=True))


@pytest.mark.parametrize("offset", [0, 1])
def test_since_holds_for_its_sensor_alone(world, offset):
    t = T0 + np.arange(20) * 1_000_000
    for sensor in ("current", "soc"):
        world.put("EV-1", sensor, t, np.arange(20.0))
    found = fetched(world.open("EV-1"), "EV-1", {"soc": int(t[7]) + offset, "gone": T0})
    assert len(found["current"]) == 20
    assert found["soc"][0] == (int(t[7 + offset]), 7.0 + offset)
    assert fetched(world.open("EV-1"), "EV-1", {"soc": int(t[-1]) + 1}).get("soc", []) == []


def test_a_sample_without_a_number_is_none_or_not_finite(world):
    world.put("EV-1", "current", [T0, T0 + 1, T0 + 2], [1.0, math.nan, math.inf])
    samples = fetched(world.open("EV-1"), "EV-1")["current"]
    assert samples[0] == (T0, 1.0)
    assert not any(math.isfinite(x) for _, x in samples[1:])


@pytest.mark.parametrize("name", NAMES)
def test_names_are_data(world, tmp_path, name):
    outside = {path for path in tmp_path.rglob("*") if "platform" not in path.parts}
    world.put(name, name, [T0], [1.5])
    world.give(name, {"capacity": 1})
    gateway = world.open(name)
    assert fetched(gateway, name) == {name: [(T0, 1.5)]}
    assert gateway.parameters(name) == {"capacity": 1}
    gateway.send(name, [points(name, [T0], [2.0])])
    assert world.results(name, name) == {T0: (2.0, None)}
    assert {path for path in tmp_path.rglob("*") if "platform" not in path.parts} == outside


def test_results_are_put_replaced_and_withdrawn(world):
    world.put("EV-1", "current", [T0], [1.0])
    gateway = world.open("EV-1")
    gateway.send("EV-1", [points("Cycles", [T0, T0 + 2, T0 + 4], [0.1, 0.2, 1 / 3])])
    gateway.send("EV-1", [points("Cycles", [T0 + 1, T0 + 2], [9.0, math.nan], withdrawn=[T0, T0 + 9])])
    assert known(world.results("EV-1", "Cycles")) == {T0 + 1: (9.0, None), T0 + 4: (1 / 3, None)}


def test_sending_again_changes_nothing(world):
    world.put("EV-1", "current", [T0], [1.0])
    gateway = world.open("EV-1")
    sent = [points("Cycles", [T0, T0 + 1], [0.1, 0.2], withdrawn=[T0 + 5]), points("Empty", [], [])]
    gateway.send("EV-1", sent)
    before = world.results("EV-1", "Cycles")
    gateway.send("EV-1", sent)
    assert world.results("EV-1", "Cycles") == before == {T0: (0.1, None), T0 + 1: (0.2, None)}


def test_a_point_that_is_withdrawn_and_put_stands(world):
    world.put("EV-1", "current", [T0], [1.0])
    gateway = world.open("EV-1")
    gateway.send("EV-1", [points("Cycles", [T0], [1.0])])
    gateway.send("EV-1", [points("Cycles", [T0], [2.0], withdrawn=[T0])])
    assert world.results("EV-1", "Cycles") == {T0: (2.0, None)}


def test_labels_are_kept(world):
    world.put("EV-1", "current", [T0], [1.0])
    gateway = world.open("EV-1")
    gateway.send("EV-1", [points("Mode", [T0, T0 + 1], [math.nan, math.nan], ["rest", None])])
    assert known(world.results("EV-1", "Mode")) == {T0: (None, "rest")}


def test_an_unknown_asset_is_named(world):
    world.put("EV-1", "current", [T0], [1.0])
    gateway = world.open("EV-1")
    for ask in (gateway.parameters, lambda a: fetched(gateway, a), lambda a: gateway.send(a, [])):
        with pytest.raises(GatewayError, match="EV-9"):
            ask("EV-9")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_is_one_harmless_component_and_comes_back(name):
    safe = to_file_name(name)
    assert from_file_name(safe) == name
    assert not set(safe) & set('/\\\0:*?"<>|\n')
    assert safe[0] not in ". "
    assert safe[-1] not in ". "
