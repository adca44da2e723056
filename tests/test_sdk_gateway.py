"""The SDK's gateway: asks again, gives up, pages, and reads whatever shape the SDK has, or says that it cannot."""

import pickle
import sys
import threading
import types

import numpy as np
import pandas as pd
import pytest
from fake_sdk import KEY, FakePlatform, HttpError

from altergo_interface import SettingsError
from altergo_interface.gateway import GatewayError, GatewayUnavailable, Points
from altergo_interface.gateways import open_gateway
from altergo_interface.retrying import Retry, within
from altergo_interface.sdk_gateway import INSTALL, WINDOW_US
from altergo_interface.sdk_shapes import arguments, samples
from altergo_interface.secret import Secret

T0 = 1_769_731_200_000_000
STAMPS = pd.DatetimeIndex(["2026-01-30T00:00Z", "2026-01-30T00:00:01Z"])
PAIRS = [(T0, 1.0), (T0 + 1_000_000, 2.0)]


@pytest.fixture
def platform(monkeypatch):
    found = FakePlatform().install(monkeypatch)
    found.put("EV-1", "current", [T0, T0 + 1_000_000], [1.0, 2.0])
    return found


def fetched(gateway, since=None):
    return [pair for page in gateway.fetch("EV-1", since or {}) for pair in zip(page.t, page.x, strict=True)]


def test_what_may_pass_is_asked_again_with_growing_pauses(platform):
    platform.faults = [ConnectionError("reset"), HttpError(503), None]
    assert fetched(platform.open("EV-1"), {"current": T0}) == PAIRS
    assert platform.pauses == [1.0, 2.0]


@pytest.mark.parametrize("fault", [HttpError(401), HttpError(404), ValueError("no such thing"), SystemExit(1)])
def test_what_will_not_pass_is_asked_once(platform, fault):
    platform.faults = [fault]
    with pytest.raises(GatewayError) as caught:
        fetched(platform.open("EV-1"))
    assert not isinstance(caught.value, GatewayUnavailable)
    assert "asset 'EV-1'" in str(caught.value)
    assert (platform.calls, platform.pauses) == (["asset"], [])


@pytest.mark.parametrize("fault", [HttpError(429), HttpError(500), TimeoutError(), Exception("Read timed out")])
def test_after_the_last_attempt_it_is_unavailable(platform, fault):
    platform.faults = [fault] * 3
    with pytest.raises(GatewayUnavailable):
        fetched(platform.open("EV-1"))
    assert len(platform.calls) == 3


def test_pauses_are_bounded_and_jittered():
    pauses = []
    retry = Retry(attempts=6, first_s=1, longest_s=5, sleep=pauses.append, jitter=iter((0, 1, 0, 1, 0)).__next__)

    def fail():
        raise GatewayUnavailable("busy")

    with pytest.raises(GatewayUnavailable):
        retry(fail)
    assert pauses == [0.5, 2.0, 2.0, 5.0, 2.5]


def test_a_call_that_hangs_is_given_up(platform):
    release = threading.Event()
    platform.hook = lambda key: release.wait(60)
    try:
        with pytest.raises(GatewayUnavailable, match=r"no answer within 0\.01 s"):
            fetched(platform.open("EV-1", timeout_s=0.01, retry=Retry(attempts=1)))
    finally:
        release.set()


def test_a_call_in_time_gives_its_value_or_its_error():
    assert within(60, lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0)


def test_each_sensor_is_fetched_by_windows_from_its_own_stamp(platform):
    platform.put("EV-1", "soc", [T0 - 2 * WINDOW_US, T0 + 5], [3.0, 4.0])
    gateway = platform.open("EV-1", first_us=T0 - 2 * WINDOW_US, now=lambda: T0 + WINDOW_US // 2)
    pages = [(page.sensor, page.x.tolist()) for page in gateway.fetch("EV-1", {"current": T0 + 1})]
    assert pages == [("current", [2.0]), ("soc", [3.0]), ("soc", [4.0])]
    assert platform.calls.count("fetch") == 1 + 3


@pytest.mark.parametrize("page", range(1, 5))
def test_what_came_before_a_failure_came(platform, page):
    platform.put("EV-1", "soc", [T0 - WINDOW_US, T0 + 5], [3.0, 4.0])
    gateway = platform.open("EV-1", first_us=T0 - WINDOW_US, now=lambda: T0 + 1_000_000)
    platform.faults = [None] * page + [HttpError(400)]
    got = []
    with pytest.raises(GatewayError):
        got.extend(page.x.tolist() for page in gateway.fetch("EV-1", {}))
    assert got == [[1.0, 2.0], [3.0]][: max(0, page - 2)]  # the first window of the first sensor is empty


def test_without_the_sdk_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "altergo_sdk", None)
    with pytest.raises(SettingsError) as caught:
        FakePlatform().open("EV-1")
    assert INSTALL in str(caught.value)
    assert '"gateway": "file:DIR"' in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_stranger_of_that_name_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "altergo_sdk", types.ModuleType("altergo_sdk"))
    with pytest.raises(SettingsError, match="has no Client: it is not Altergo's"):
        FakePlatform().open("EV-1")


def test_an_sdk_that_cannot_be_imported_is_told(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "altergo_sdk", raising=False)
    (tmp_path / "altergo_sdk.py").write_text("raise RuntimeError('needs another Python')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match=r"cannot be imported \(needs another Python\)"):
        FakePlatform().open("EV-1")


SHAPES = {
    "a frame": pd.DataFrame({"current": [1.0, 2.0], "soc": [None, 5.0]}, index=STAMPS),
    "a frame in disorder": pd.DataFrame({"current": [2.0, 1.0]}, index=STAMPS[::-1]),
    "a frame without a zone": pd.DataFrame({"current": [1.0, 2.0]}, index=STAMPS.tz_localize(None)),
    "a frame with a time column": pd.DataFrame({"timestamp": STAMPS.astype(str), "value": ["1", "2"]}),
    "a series": pd.Series([1.0, 2.0], index=STAMPS),
    "a mapping": {"current": pd.Series([1.0, 2.0], index=STAMPS), "soc": None},
    "objects": [{"ts": "2026-01-30T01:00:00+01:00", "value": 1}, {"ts": "2026-01-30T00:00:01Z", "value": 2}],
    "pairs": [["2026-01-30T00:00:00Z", 1.0], ["2026-01-30T00:00:01Z", 2.0]],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_of_every_shape_are_read(shape):
    t, x = samples(SHAPES[shape], "current")
    assert list(zip(t.tolist(), x.tolist(), strict=True)) == PAIRS


def test_a_stamp_without_a_value_is_no_sample():
    assert samples(SHAPES["a frame"], "soc")[0].tolist() == [T0 + 1_000_000]


@pytest.mark.parametrize("nothing", [None, {}, [], {"soc": []}, pd.DataFrame(index=STAMPS)])
def test_no_answer_is_no_sample(nothing):
    assert len(samples(nothing, "current")[0]) == 0


@pytest.mark.parametrize(
    "answer", ["text", 5, object(), [{"ts": 1769731200, "value": 1}], [{"a": "x", "b": 1}], [[1, 2]]]
)
def test_an_answer_that_cannot_be_read_is_an_error(answer):
    with pytest.raises(GatewayError):
        samples(answer, "current")


GIVEN = {"asset": "A", "sensors": ["s"], "start": 1, "end": 2}
SIGNATURES = [
    (lambda asset, sensors, startDate, endDate: 0, {"asset": "A", "sensors": ["s"], "startDate": 1, "endDate": 2}),  # noqa: N803
    (
        lambda asset_ids, sensor_list, start_date=0, limit=9: 0,
        {"asset_ids": ["A"], "sensor_list": ["s"], "start_date": 1},
    ),
    (lambda assetId: 0, {"assetId": "A"}),  # noqa: N803
    (lambda *a, **k: 0, {"asset": "A", "sensors": ["s"], "startDate": 1, "endDate": 2}),
]


@pytest.mark.parametrize(("function", "expected"), SIGNATURES)
def test_arguments_take_the_functions_own_names(function, expected):
    assert arguments(function, GIVEN) == expected


def test_an_argument_that_is_not_known_is_named():
    def get(asset, flavour):
        return None

    with pytest.raises(GatewayError, match="get asks for 'flavour'"):
        arguments(get, GIVEN)


def test_an_asset_without_getter_is_its_id_and_has_no_parameters(monkeypatch):
    class Plain:
        def __init__(self, functionArguments):  # noqa: N803
            self.arguments = functionArguments

        def getAssetSensorData(self, asset_id, sensors):  # noqa: N802
            assert self.arguments["altergoUserApiKey"] == KEY
            return {sensor: pd.Series([1.0, 2.0], index=STAMPS) for sensor in sensors if asset_id == "EV-1"}

    module = types.ModuleType("altergo_sdk")
    module.Client = Plain
    monkeypatch.setitem(sys.modules, "altergo_sdk", module)
    platform = FakePlatform()
    platform.put("EV-1", "current", [], [])
    gateway = platform.open("EV-1")
    assert gateway.parameters("EV-1") == {}
    assert fetched(gateway, {"current": T0}) == PAIRS


def test_where_the_asset_lists_its_sensors_only_those_are_asked_for_and_patterns_count(platform):
    for sensor in ("cell_voltage_1", "cell_voltage_2", "other"):
        platform.put("EV-1", sensor, [T0], [1.0])
    names = ["SOH", "current", "cell_voltage_#"]
    platform.listed = lambda asset: [{"name": "cell_voltage_1"}, "cell_voltage_2", "current", "other", {"odd": 1}]
    pages = platform.open("EV-1", sensors=names).fetch("EV-1", {})
    assert [page.sensor for page in pages] == ["current", "cell_voltage_1", "cell_voltage_2"]
    platform.listed = lambda asset: None
    pages = platform.open("EV-1", sensors=names[1:]).fetch("EV-1", {})
    assert [page.sensor for page in pages] == ["current"]


def test_parameters_of_both_shapes(platform):
    platform.given["EV-1"] = [{"name": "capacity", "value": 50}, {"odd": 1}]
    assert platform.open("EV-1").parameters("EV-1") == {"capacity": 50}
    platform.given["EV-1"] = {"capacity": {"value": 50}, "site": "Ulm"}
    assert platform.open("EV-1").parameters("EV-1") == {"capacity": 50, "site": "Ulm"}


def test_nothing_is_sent_where_there_is_nothing(platform):
    none = np.empty(0, np.int64)
    platform.open("EV-1").send("EV-1", [Points("x", "", none, np.empty(0), None, none)])
    assert platform.calls == ["asset"]


def test_what_it_prints_goes_to_stderr(platform, capsys):
    platform.hook = lambda key: sys.stdout.write("SDK says hello\n")
    fetched(platform.open("EV-1"), {"current": T0})
    out, err = capsys.readouterr()
    assert out == ""
    assert "SDK says hello\n" in err


def test_neither_gateway_nor_secret_is_pickled(platform):
    for thing in (platform.open("EV-1"), Secret(KEY)):
        with pytest.raises(TypeError):
            pickle.dumps(thing)


@pytest.mark.parametrize(
    ("spec", "environ", "said"),
    [
        ("ftp:x", {}, "'ftp' is not known"),
        ("fiel:x", {}, "Write file:DIR, or altergo"),
        ("file:", {}, "file:DIR"),
        ("https://u:k3y@host", {}, "'https'"),
        ("file:/no/such/folder", {}, "no such folder"),
        ("altergo", {}, "altergoUserApiKey is missing"),
        ("altergo", {"ALTERGO_USER_API_KEY": KEY}, "altergoFactoryApi is missing"),
        ("altergo", {"ALTERGO_USER_API_KEY": KEY, "ALTERGO_FACTORY_API": "https://a"}, "ALTERGO_IOT_API"),
    ],
)
def test_a_gateway_that_cannot_be_opened_is_told(spec, environ, said):
    with pytest.raises(SettingsError) as caught:
        open_gateway(spec, environ)
    assert said in str(caught.value)
    assert "k3y" not in str(caught.value)


def test_the_environment_opens_the_platform(platform):
    variables = {"ALTERGO_USER_API_KEY": KEY, "ALTERGO_FACTORY_API": "https://acme.altergo.io:8443"}
    gateway = open_gateway("altergo", variables | {"ALTERGO_IOT_API": "https://iot"}, assets=["EV-1"])
    assert gateway.name == "altergo:acme.altergo.io"
    assert list(gateway.assets()) == ["EV-1"]
