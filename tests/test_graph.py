"""The model graph: order, cycles, what reaches whom, and what waits for a parked model."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from histories import DAY_US, START, TS, random_history, write_assets
from toys import CURRENT, LATEST, write_toys

from actors import Fleet
from altergo_interface import SettingsError

ASSETS = ("EV-1", "EV-2")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    return write_toys(tmp_path / "toys", "latest", "below", "held")


def with_settings(tmp_path: Path, toys: Path, **models: object) -> Fleet:
    path = tmp_path / "settings.json"
    enabled = ["held", "latest", "below"]
    path.write_text(json.dumps({"parameters": {"execution": {"enabled_models": enabled}, "models": models}}))
    return Fleet(tmp_path / "store", path, [toys])


@pytest.fixture
def fleet(tmp_path: Path, toys: Path) -> Fleet:
    found = with_settings(tmp_path, toys)
    found.import_assets(write_assets(tmp_path / "assets.csv", ASSETS))
    history = random_history(2, ASSETS, 5)
    found.ingest(history.between(START, START + 4 * DAY_US).write(tmp_path / "0.parquet"))
    history.between(START + 4 * DAY_US, START + 5 * DAY_US).write(tmp_path / "1.parquet")
    return found


def reasons(fleet: Fleet) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(item.asset_id, item.model): item.reasons for item in fleet.plan().items}


def edit(toys: Path, model: str, old: str, new: str) -> None:
    path = toys / model / "__init__.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_what_is_below_reads_what_is_above(fleet: Fleet) -> None:
    fleet.run(local=True)
    counted = fleet.sql("select asset_id, value from latest_outputs where model = 'below' order by 1").fetchall()
    for asset, changes in counted:
        rows = fleet.sql(f"select value from outputs where model = 'latest' and asset_id = '{asset}' order by ts")
        values = [value for (value,) in rows.fetchall()]
        assert changes == sum(a != b for a, b in zip([None, *values], values, strict=False))
        assert changes > 10


def test_an_edit_above_is_an_upstream_change_below_and_nothing_beside(fleet: Fleet, toys: Path) -> None:
    fleet.run(local=True)
    edit(toys, "latest", "values + 0.0", "values + 1.0")
    assert reasons(fleet) == {
        **{(asset, "latest"): ("code_changed",) for asset in ASSETS},
        **{(asset, "below"): ("upstream_changed",) for asset in ASSETS},
    }
    fleet.run(local=True)
    assert reasons(fleet) == {}


def test_an_edit_below_reaches_nobody_above(fleet: Fleet, toys: Path) -> None:
    fleet.run(local=True)
    before = fleet.digest("model:latest")
    edit(toys, "below", "n + (value != last)", "n + 2 * (value != last)")
    assert reasons(fleet) == {(asset, "below"): ("code_changed",) for asset in ASSETS}
    half = fleet.digest("model:below")
    fleet.run(local=True)
    assert (fleet.digest("model:latest"), fleet.digest("model:below") == half) == (before, False)
    again = fleet.digest()
    fleet.run(compute_type="full", local=True)
    assert fleet.digest() == again


def test_what_ran_alone_above_is_read_again_below(fleet: Fleet, tmp_path: Path) -> None:
    """Late events, the model above alone first: the one below notices what was replaced, and comes to the same."""
    fleet.run(local=True)
    late = random_history(9, ASSETS, 2)
    fleet.ingest(late.write(tmp_path / "late.parquet"))
    fleet.run("model:latest", local=True)
    assert reasons(fleet)["EV-1", "below"] == ("late_events", "upstream_changed")
    fleet.run("model:below", local=True)
    fleet.ingest(tmp_path / "1.parquet")
    fleet.run("model:below", local=True)
    fleet.run(local=True)
    assert reasons(fleet) == {}
    digest = fleet.digest()
    fleet.run(compute_type="full", local=True)
    assert fleet.digest() == digest


def test_what_waits_for_a_parked_model_is_blocked_until_it_runs_again(
    fleet: Fleet, toys: Path, tmp_path: Path
) -> None:
    fleet.run(local=True)
    good = fleet.digest("model:held")
    edit(toys, "latest", "since, records = state.since, []", "since, records = state.since, [] if FINE else 1 / 0")
    edit(toys, "latest", "class Last", "FINE = not __import__('os').path.exists('broken')\n\n\nclass Last")
    (tmp_path / "broken").write_text("")
    report = fleet.run(local=True)
    assert {(asset, model) for asset, model, _ in report.parked} == {(asset, "latest") for asset in ASSETS}
    assert {(asset, model) for asset, model, _ in report.blocked} == {(asset, "below") for asset in ASSETS}
    states = "select model, status, count(*) from twin_state group by all order by all"
    assert fleet.sql(states).fetchall() == [("below", "blocked", 2), ("held", "ok", 2), ("latest", "parked", 2)]
    assert (reasons(fleet), fleet.digest("model:held")) == ({}, good)
    fleet.ingest(tmp_path / "1.parquet")
    assert {model for _, model in reasons(fleet)} == {"held"}
    assert fleet.status()["blocked"] == 2
    assert fleet.run(local=True).parked == []


def test_a_retry_runs_the_parked_alone_and_the_next_run_what_waited(fleet: Fleet, toys: Path, tmp_path: Path) -> None:
    edit(toys, "latest", "class Last", "import pathlib\n\n\nclass Last")
    edit(toys, "latest", "x = data.series", "assert not pathlib.Path('broken').exists()\n        x = data.series")
    (tmp_path / "broken").write_text("")
    report = fleet.run(local=True)
    assert (len(report.parked), len(report.blocked)) == (2, 2)
    (tmp_path / "broken").unlink()
    again = fleet.run(None, "retry", local=True)
    assert (again.pairs, again.parked) == (2, [])
    assert set(reasons(fleet)) == {(asset, "below") for asset in ASSETS}
    fleet.run(local=True)
    assert fleet.sql("select distinct status from twin_state").fetchall() == [("ok",)]
    digest = fleet.digest()
    fleet.run(compute_type="full", local=True)
    assert fleet.digest() == digest


def test_a_sensor_of_that_name_goes_first(fleet: Fleet, tmp_path: Path) -> None:
    events = random_history(4, ["EV-1"], 2).events
    column = events.column("sensor").to_pylist()
    renamed = events.set_column(1, "sensor", [["latest:value" if name == "current" else name for name in column]])
    pq.write_table(renamed, tmp_path / "odd.parquet")
    fleet.ingest(tmp_path / "odd.parquet")
    with_sensor = fleet.explain("EV-1")["models"]["below"]["inputs"]["source"]
    assert with_sensor == "latest:value"
    plan = fleet.plan("EV-1")
    above = {item.model: item.above for item in plan.items}
    assert above["below"] == ()


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"below": {"inputs": {"source": "latest:valeu"}}}, "no output 'valeu'.*Did you mean 'value'"),
        (
            {"below": {"inputs": {"source": "latest:value"}}, "latest": {"inputs": {"current": "below:changes"}}},
            "in a circle: .*(latest → below → latest|below → latest → below)",
        ),
        ({"latest": {"inputs": {"current": "latest:value"}}}, "in a circle"),
    ],
)
def test_a_wrong_graph_is_refused_when_the_settings_load(
    tmp_path: Path, toys: Path, fleet: Fleet, mapping: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        with_settings(tmp_path, toys, **mapping).plan()


def test_a_model_that_is_not_enabled_feeds_nobody(tmp_path: Path, toys: Path, fleet: Fleet) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"parameters": {"execution": {"enabled_models": "below"}}}))
    with pytest.raises(SettingsError, match=r"models\.below\.inputs\.source: model 'latest' is not enabled"):
        Fleet(tmp_path / "store", path, [toys]).plan()


def test_a_constant_takes_no_series(tmp_path: Path, toys: Path, fleet: Fleet) -> None:
    home = toys / "sized"
    home.mkdir()
    (home / "__init__.py").write_text(LATEST.replace('"latest"', '"sized"'))
    inputs = {"current": CURRENT, "size": {"type": "float", "required": False, "default": "held:seconds"}}
    (home / "model.json").write_text(json.dumps({"inputs": inputs, "outputs": {"value": {}}}))
    with pytest.raises(SettingsError, match="'held:seconds' is a series, and the input is a float"):
        Fleet(tmp_path / "store", models_dirs=[toys]).plan()


def test_a_row_that_comes_on_a_silent_day_is_read_below(tmp_path: Path, toys: Path) -> None:
    """The monitor goes stale on a silent day before everyone's head, and says so only when the next voltage comes."""
    path = tmp_path / "stale.json"
    block = {"below": {"inputs": {"source": "voltage_monitor:voltage_status"}}}
    enabled = ["voltage_monitor", "below"]
    path.write_text(json.dumps({"parameters": {"execution": {"enabled_models": enabled}, "models": block}}))
    minute, digests = 60_000_000, []

    def piece(sensors: tuple[str, ...], day: int, count: int) -> pa.Table:
        stamps = [START + (day + 1) * DAY_US - (count - n) * minute for n in range(count)]
        names = [name for name in sensors for _ in stamps]
        t = pa.array(stamps * len(sensors)).view(TS)
        return pa.table({"asset_id": ["A"] * len(names), "sensor": names, "ts": t, "value": [3.6] * len(names)})

    voltages = ("cell_voltage_min", "cell_voltage_max")
    pieces = [piece(voltages, 0, 30), piece(("clock",), 5, 1), piece(voltages, 6, 30)]
    for name, runs in (("pieces", [None, None, "model:voltage_monitor", "model:below"]), ("clean", [None])):
        fleet = Fleet(tmp_path / name, path, [toys])
        fleet.import_assets(write_assets(tmp_path / "a.csv", ["A"]))
        waiting = list(pieces) if name == "pieces" else [pa.concat_tables(pieces)]
        for select in runs:
            if waiting:
                pq.write_table(waiting.pop(0), tmp_path / "piece.parquet")
                fleet.ingest(tmp_path / "piece.parquet")
            fleet.run(select, local=True)
        assert reasons(fleet) == {}
        digests.append(fleet.digest())
        stale = "select count(*) from outputs where output = 'voltage_status' and value = 3 and epoch_us(ts) < "
        assert fleet.sql(stale + str(START + 2 * DAY_US)).fetchall() == [(1,)]
    assert digests[0] == digests[1]
