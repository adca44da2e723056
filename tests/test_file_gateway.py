"""The folder of files: what people write by hand is read, what is broken is named, what is written is whole."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from altergo_interface import SettingsError
from altergo_interface import file_gateway as module
from altergo_interface.file_gateway import FileGateway
from altergo_interface.gateway import GatewayError, Points

T0 = 1_769_731_200_000_000


@pytest.fixture
def asset(tmp_path):
    """The folder of EV-1."""
    (tmp_path / "EV-1" / "sensors").mkdir(parents=True)
    return tmp_path / "EV-1"


@pytest.fixture
def fetched(tmp_path):
    """`fetched()`: the samples of EV-1 by sensor."""

    def read():
        found = {}
        for page in FileGateway(tmp_path).fetch("EV-1", {}):
            found.setdefault(page.sensor, []).extend(zip(page.t.tolist(), page.x.tolist(), strict=True))
        return found

    return read


def test_files_written_by_hand(asset, fetched):
    (asset / "sensors" / "Pack Current.csv").write_text("\ufeffts,value\n2026-01-30T01:00:01+01:00, 2\n", "utf-8")
    (asset / "sensors" / "Cell [mV].csv").write_text("value,ts,note\n3.5,2026-01-30 00:00:00Z,x\n")
    (asset / "events.csv").write_text("sensor,ts,value\nsoc,2026-01-30T00:00:00.000001Z,55\n")
    ts = pd.DatetimeIndex(["2026-01-30T00:00:02Z"])
    pd.DataFrame({"ts": ts, "value": [7]}).to_parquet(asset / "sensors" / "T.parquet")
    pd.DataFrame({"sensor": ["Pack Current"], "ts": ts, "value": [1.0]}).to_parquet(asset / "events.parquet")
    assert fetched() == {
        "Cell [mV]": [(T0, 3.5)],
        "Pack Current": [(T0 + 1_000_000, 2.0), (T0 + 2_000_000, 1.0)],
        "T": [(T0 + 2_000_000, 7.0)],
        "soc": [(T0 + 1, 55.0)],
    }


def test_a_folder_named_by_hand_is_found(tmp_path, fetched):
    (tmp_path / "Bus #1 'A'" / "sensors").mkdir(parents=True)
    gateway = FileGateway(tmp_path)
    assert gateway.assets() == ["Bus #1 'A'"]
    assert list(gateway.fetch("Bus #1 'A'", {})) == []


def test_samples_are_sorted_and_paged(asset, fetched, monkeypatch, tmp_path):
    lines = [f"2026-01-30T00:00:{s:02}Z,{s}\n" for s in (5, 3, 4, 1, 2)]
    (asset / "sensors" / "x.csv").write_text("ts,value\n" + "".join(lines))
    monkeypatch.setattr(module, "PAGE_SAMPLES", 2)
    pages = list(FileGateway(tmp_path).fetch("EV-1", {}))
    assert [page.x.tolist() for page in pages] == [[1.0, 2.0], [3.0, 4.0], [5.0]]


def test_what_is_no_number_is_nan(asset, fetched):
    (asset / "sensors" / "x.csv").write_text("ts,value\n2026-01-30T00:00:00Z,n/a\n2026-01-30T00:00:01Z,\n")
    assert np.isnan([x for _, x in fetched()["x"]]).all()


BROKEN = {
    "naive time": (
        "x.csv",
        "ts,value\n2026-01-30T00:00:00Z,1\n2026-01-30T00:00:00,1\n",
        "row 2: '2026-01-30T00:00:00'",
    ),
    "no time": ("x.csv", "ts,value\nyesterday,1\n", "row 1: 'yesterday' is no time with an offset"),
    "epoch": ("x.csv", "ts,value\n1769731200,1\n", "row 1: '1769731200'"),
    "no column": ("x.csv", "time,value\n", "no column 'ts'. It has: time, value"),
    "empty": ("x.csv", "", "cannot be read"),
    "ragged": ("x.csv", "ts,value\n1,2,3,4\n1\n", "x.csv"),
    "binary": ("x.csv", "\0\0\0", "x.csv"),
    "no parquet": ("x.parquet", "PAR1", "x.parquet: cannot be read"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named(asset, fetched, case):
    name, content, said = BROKEN[case]
    (asset / "sensors" / name).write_text(content)
    with pytest.raises(GatewayError) as caught:
        fetched()
    assert said in str(caught.value)
    assert str(asset / "sensors" / name) in str(caught.value)


def test_naive_stamps_in_parquet_are_refused(asset, fetched):
    frame = pd.DataFrame({"ts": pd.DatetimeIndex(["2026-01-30"]), "value": [1.0]})
    frame.to_parquet(asset / "sensors" / "x.parquet")
    with pytest.raises(GatewayError, match="column 'ts' holds datetime64"):
        fetched()


def test_two_files_of_one_sensor_are_refused(asset, fetched):
    for name in ("a b.csv", "a%20b.csv"):
        (asset / "sensors" / name).write_text("ts,value\n")
    with pytest.raises(GatewayError, match="sensor 'a b' has two files"):
        fetched()


@pytest.mark.parametrize(("text", "said"), [("{", "no valid JSON"), ("[1]", "no JSON object")])
def test_broken_parameters_are_named(asset, tmp_path, text, said):
    (asset / "parameters.json").write_text(text)
    with pytest.raises(GatewayError, match=rf"parameters\.json: {said}"):
        FileGateway(tmp_path).parameters("EV-1")


def test_a_missing_folder_is_a_wrong_setting(tmp_path):
    with pytest.raises(SettingsError, match="no such folder"):
        FileGateway(tmp_path / "nowhere")


def point(x, t=T0):
    return Points("Cycles", "", np.array([t]), np.array([x]), None, np.empty(0, np.int64))


def test_a_result_file_is_replaced_whole_and_only_when_it_changes(asset, tmp_path):
    gateway = FileGateway(tmp_path)
    gateway.send("EV-1", [point(1.0)])
    path = asset / "results" / "Cycles.csv"
    assert path.read_text() == "ts,value,label,unit\n2026-01-30T00:00:00.000000Z,1.0,,\n"
    first = path.stat().st_ino
    gateway.send("EV-1", [point(1.0)])
    assert path.stat().st_ino == first
    gateway.send("EV-1", [point(2.0)])
    assert path.stat().st_ino != first
    assert [entry.name for entry in path.parent.iterdir()] == ["Cycles.csv"]


def test_a_result_file_of_somebody_else_is_named(asset, tmp_path):
    (asset / "results").mkdir()
    (asset / "results" / "Cycles.csv").write_text("ts,value,label,unit\nnonsense\n")
    with pytest.raises(GatewayError, match=r"Cycles\.csv"):
        FileGateway(tmp_path).send("EV-1", [point(1.0)])


def test_results_are_no_sensors(asset, tmp_path, fetched):
    FileGateway(tmp_path).send("EV-1", [point(1.0)])
    assert fetched() == {}


def test_its_name_is_the_same_however_the_folder_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    assert FileGateway(Path(tmp_path.name)).name == FileGateway(tmp_path).name == f"file:{tmp_path}"
