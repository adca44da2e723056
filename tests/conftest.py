"""Shared fixtures: a tiny fleet's events on disk, a store, settings, and the command line run in this process."""

import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faults import Commands
from pyarrow import fs
from stories import Story

from actors import Fleet
from actors.cli.main import main
from altergo_interface import quiet
from event_store.initial import init_store

collect_ignore = ["upstream"]  # models as others have written them, tests of their own among them

START = pd.Timestamp("2026-01-30T00:00Z")
STEP_S = 300
DAY_ROWS = 86_400 // STEP_S
SENSORS = ("current", "pack_voltage", "cell_voltage_min", "cell_voltage_max", "soc", "temperature")
ASSETS = "asset_id,capacity,chemistry,cells_in_series,site\nEV-1,50,NMC,96,Ulm\nEV-2,80.5,LFP,100,Bonn\n"
MODELS = "eq_cycles,voltage_monitor"
"""What the tiny fleet runs: two models are enough to tell pairs apart."""
SETTINGS = {
    "parameters": {
        "execution": {"enabled_models": MODELS},
        "sensors": {
            "current": {"unit": "A", "cadence_s": STEP_S, "current_sign": "discharge_positive"},
            "pack_voltage": {"unit": "V", "cadence_s": STEP_S},
            "cell_voltage_*": {"unit": "V", "cadence_s": STEP_S, "valid_range": [1.0, 4.99]},
            "soc": {"unit": "%", "cadence_s": STEP_S, "valid_range": [0, 100]},
            "temperature": {"unit": "°C", "cadence_s": STEP_S, "valid_range": [-45, 120]},
        },
        "models": {"eq_cycles": {"inputs": {"voltage": "pack_voltage"}}},
    }
}


def asset_events(asset, days=4, seed=0):
    """Narrow rows of one asset: `days` days at five minutes across the end of a month.

    Cell voltages break a limit on the second day, and again from six hours before the end on.
    """
    n = days * DAY_ROWS
    phase = np.arange(n) * 2 * np.pi / DAY_ROWS
    rng = np.random.default_rng(seed)
    soc = np.round(50 - 30 * np.sin(phase), 1)
    mean = np.round((3.3 if seed else 3.7) - 0.1 * np.sin(phase) + rng.normal(0, 0.002, n), 3)
    high = mean + 0.01
    high[DAY_ROWS + 60 : DAY_ROWS + 80] = 4.3
    high[n - 72 :] = 4.22
    values = {
        "current": np.round(20 * np.cos(phase) + rng.normal(0, 0.5, n), 2),
        "pack_voltage": np.round(mean * 96, 1),
        "cell_voltage_min": mean - 0.01,
        "cell_voltage_max": high,
        "soc": soc,
        "temperature": np.round(22 + 3 * np.sin(phase), 1),
    }
    ts = START + pd.to_timedelta(np.arange(n) * STEP_S, unit="s")
    parts = [pd.DataFrame({"asset_id": asset, "sensor": name, "ts": ts, "value": x}) for name, x in values.items()]
    return pd.concat(parts, ignore_index=True)


def files_of(root):
    """Every file below `root` with its bytes, except the lock files: what must not change."""
    paths = (path for path in Path(root).rglob("*") if path.is_file())
    return {str(p.relative_to(root)): p.read_bytes() for p in paths if p.parent.name != "locks"}


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of real and simulated reference data; without it a test is skipped, and in CI it fails."""
    folder = os.environ.get("TWINS_REFERENCE_DATA")
    if folder is None:
        assert not os.environ.get("CI"), "TWINS_REFERENCE_DATA must name the reference data in CI"
        pytest.skip("TWINS_REFERENCE_DATA does not name the reference data")
    return Path(folder)


@pytest.fixture(scope="session")
def events():
    """The narrow events of EV-1 and EV-2, four days each; copy before you change them."""
    return pd.concat([asset_events("EV-1"), asset_events("EV-2", seed=1)], ignore_index=True)


@pytest.fixture(scope="session")
def make_events():
    """`make_events(asset, days=4, seed=0)`: see `asset_events`."""
    return asset_events


@pytest.fixture(scope="session")
def snapshot():
    """`snapshot(folder)`: every file with its bytes, except lock files."""
    return files_of


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    """A working directory without settings, and an environment without overrides."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TWINS")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def write(workdir):
    """`write(name, frame or text or JSON document)`: the path of the file, by the name's ending."""

    def write_file(name, content):
        path = workdir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pd.DataFrame):
            save = content.to_parquet if name.endswith(".parquet") else content.to_csv
            save(path, index=False)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def store(workdir):
    """Where the store of this test lies; nothing is there yet."""
    return workdir / "store"


@pytest.fixture
def settings(write):
    """The settings file that fits the tiny fleet."""
    return write("settings.json", SETTINGS)


@pytest.fixture
def settings_document():
    """A fresh copy of the settings' content, to be changed and written."""
    return json.loads(json.dumps(SETTINGS))


@pytest.fixture
def assets_csv(write):
    """The registry of EV-1 and EV-2."""
    return write("assets.csv", ASSETS)


@pytest.fixture
def fleet(store, settings):
    """The facade over the store."""
    return Fleet(store, settings)


@pytest.fixture
def twins(store, settings, capsys):
    """`twins(*args)`: runs a command; (exit code, JSON document with `--json` or else text, stderr)."""

    def run_command(*args):
        words = [str(word) for word in args]
        if "--store" not in words:
            words = ["--store", str(store), *words]
        if "--settings" not in words:
            words = ["--settings", str(settings), *words]
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main(words)
        out, err = capsys.readouterr()
        return exit_info.value.code, json.loads(out) if "--json" in words and out else out, err

    return run_command


@pytest.fixture
def ask(twins):
    """`ask(*args, code=0)`: the JSON document of a command that must end with this code."""

    def run_command(*args, code=0):
        found, document, err = twins("--json", *args)
        assert found == code, err
        return document

    return run_command


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, events):
    """Two stores to be copied, because making them takes time: with the tiny fleet's events, and after one run."""
    root = tmp_path_factory.mktemp("prepared")
    events.to_parquet(root / "events.parquet")
    (root / "assets.csv").write_text(ASSETS)
    (root / "settings.json").write_text(json.dumps(SETTINGS))
    fleet = Fleet(root / "ingested", root / "settings.json")
    fleet.ingest(root / "events.parquet")
    fleet.import_assets(root / "assets.csv")
    shutil.copytree(root / "ingested", root / "ran")
    assert not Fleet(root / "ran", root / "settings.json").run(local=True).parked
    return root


@pytest.fixture
def ingested(fleet, prepared, store, assets_csv):
    """The facade over a store that holds the tiny fleet's events and parameters, before any run."""
    shutil.copytree(prepared / "ingested", store)
    return fleet


@pytest.fixture
def ran(fleet, prepared, store, assets_csv):
    """The same after one run."""
    shutil.copytree(prepared / "ran", store)
    fleet.publish()  # its views name the segments by their absolute paths
    return fleet


@pytest.fixture(scope="session")
def s3_server():
    """A local S3 server; gives its address."""
    from moto.server import ThreadedMotoServer  # takes a second

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request otherwise
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """The URI of a fresh bucket, and an environment that leads to it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTONLY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody-must-read-this")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bucket = f"fleet-{uuid.uuid4().hex}"
    fs.S3FileSystem(endpoint_override=s3_server, allow_bucket_creation=True).create_dir(bucket)
    return f"s3://{bucket}"


@pytest.fixture
def story(workdir, settings, events, assets_csv):
    """`story(segments)`: a Story on a new store, its segments at a URI or (None) in its folder."""

    def begin(segments):
        folder = workdir / ("here" if segments is None else segments.rpartition("/")[2])
        init_store(folder, segments)
        return Story(Fleet(folder, settings), events, assets_csv)

    return begin


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    """A process that runs the command line in forks of itself."""
    found = Commands()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _no_key_is_hidden_any_more() -> Iterator[None]:
    """The entry point hides its key from the logs for as long as its process lives; here several share one."""
    yield
    quiet._LOG_HIDES.clear()
    logging.setLogRecordFactory(logging.LogRecord)


@pytest.fixture
def platform_of(workdir, events):
    """`platform_of(parameters)`: a platform in a folder with EV-1 and EV-2, and these parameters of both."""

    def make(parameters):
        for asset, rows in events.groupby("asset_id"):
            path = workdir / "platform" / asset
            path.mkdir(parents=True)
            rows[["sensor", "ts", "value"]].to_parquet(path / "events.parquet")
            (path / "parameters.json").write_text(json.dumps(parameters))
        return workdir / "platform"

    return make
