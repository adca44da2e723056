"""Sensors and drafted settings: measured cadence and gaps, guessed units, and a draft that the engine accepts."""

import json
from pathlib import Path

import pytest
from histories import DAY_US, START, TS, random_history, write_assets

from actors import Fleet
from actors.cli import main
from actors.suggest import doubts, suggest_settings


def row(sensor: str, low: float, high: float, interval: float = 60.0) -> dict[str, object]:
    return {"sensor": sensor, "min_value": low, "max_value": high, "median_interval_s": interval}


GUESSED = [
    ("SoC", 0, 100, {"unit": "%", "cadence_s": 60.0}),
    ("SoC", 0, 0.98, {"unit": "fraction", "cadence_s": 60.0}),
    ("Cell Voltage 12 [mV]", 3000, 4200, {"unit": "mV", "cadence_s": 60.0}),
    ("pack_voltage", 300, 400, {"unit": "V", "cadence_s": 60.0}),
    ("Current", -80, 120, {"unit": "A", "current_sign": "discharge_positive", "cadence_s": 60.0}),
    ("temp_max", -10, 40, {"unit": "°C", "cadence_s": 60.0}),
    ("T_cell", 15, 25, {"unit": "°C", "cadence_s": 60.0}),
    ("U_bat_1", 300, 400, {"unit": "V", "cadence_s": 60.0}),
    ("temp_max", 263, 313, {"unit": "K", "cadence_s": 60.0}),
    ("speed", 0, 180, {"cadence_s": 60.0}),
    ("Batteriestrom", -80, 120, {"unit": "A", "current_sign": "discharge_positive", "cadence_s": 60.0}),
    ("Pack [A]", -80, 120, {"unit": "A", "current_sign": "discharge_positive", "cadence_s": 60.0}),
    ("Strom (mA)", -80, 120, {"unit": "mA", "current_sign": "discharge_positive", "cadence_s": 60.0}),
    ("Spannung [V]", 3000, 4200, {"unit": "V", "cadence_s": 60.0}),
    ("Zellspannung_mV", 0, 20, {"unit": "mV", "cadence_s": 60.0}),
    ("Zelltemperatur", 10, 40, {"unit": "°C", "cadence_s": 60.0}),
    ("temp_max [K]", 0, 20, {"unit": "K", "cadence_s": 60.0}),
    ("current power [kW]", 0, 20, {"unit": "kW", "cadence_s": 60.0}),
    ("U_cell_min", 3.2, 3.4, {"unit": "V", "cadence_s": 60.0}),
    ("Zelle [Stück]", 3.2, 3.4, {"unit": "V", "cadence_s": 60.0}),
]


@pytest.mark.parametrize(("sensor", "low", "high", "rule"), GUESSED)
def test_units_are_guessed_from_name_and_size(sensor: str, low: float, high: float, rule: object) -> None:
    drafted = suggest_settings([row(sensor, low, high)])["parameters"]["sensors"]
    assert list(drafted.values()) == [rule]


def test_numbered_sensors_become_one_pattern_and_feed_the_monitor() -> None:
    drafted = suggest_settings([row(f"Cell Voltage {n} [mV]", 3000, 4200) for n in (1, 2, 10)])["parameters"]
    assert list(drafted["sensors"]) == ["Cell Voltage # [mV]"]
    assert drafted["models"]["voltage_monitor"]["inputs"] == {"cell_voltages": {"default": "Cell Voltage # [mV]"}}


def test_the_extremes_stand_in_for_the_cells_where_these_are_not_there() -> None:
    names = ("U_cell_min", "U_cell_max", "T_cell", "I_pack")
    drafted = suggest_settings([row(name, 0, 20) for name in names])["parameters"]["models"]
    extremes = {"v_cell_min": {"default": "U_cell_min"}, "v_cell_max": {"default": "U_cell_max"}}
    assert drafted["voltage_monitor"]["inputs"] == extremes
    assert drafted["soc_ocv_estimation"]["inputs"]["temperature"] == {"default": "T_cell"}
    cells = suggest_settings([row(name, 0, 20) for name in (*names, "U_cell_1")])["parameters"]["models"]
    assert cells["voltage_monitor"]["inputs"] == {"cell_voltages": {"default": "U_cell_#"}}


def test_what_is_assumed_and_what_is_not_known_is_named() -> None:
    rows = [row(name, 0, 20) for name in ("speed", "I_pack", "Zelle 1", "Zelle 2", "Strom (A)", "Power [kW]")]
    assert doubts(rows) == (["I_pack", "Strom (A)"], ["speed"])


def test_german_names_feed_the_models() -> None:
    drafted = suggest_settings([row(n, 0, 20) for n in ("Strom", "Spannung", "Zelle 1 [V]", "Temperatur")])
    inputs = {model: block["inputs"] for model, block in drafted["parameters"]["models"].items()}
    pack = {"current": {"default": "Strom"}, "voltage": {"default": "Spannung"}}
    assert inputs["voltage_monitor"] == {"cell_voltages": {"default": "Zelle # [V]"}}
    assert inputs["soc_ocv_estimation"] == pack | {"temperature": {"default": "Temperatur"}}


def test_every_model_gets_its_inputs() -> None:
    ranges = {
        "I_batt": 300,
        "U_batt": 400,
        "U_cell_max": 4.2,
        "U_cell_1": 4.2,
        "U_cell_2": 4.2,
        "SOC": 99,
        "Temp": 30,
    }
    drafted = suggest_settings([row(name, 0, high) for name, high in ranges.items()])["parameters"]["models"]
    chosen = {model: {n: m["default"] for n, m in block["inputs"].items()} for model, block in drafted.items()}
    pack = {"current": "I_batt", "voltage": "U_batt"}
    assert chosen == {
        "eq_cycles": pack,
        "voltage_monitor": {"cell_voltages": "U_cell_#"},
        "imbalance_analysis": {"current": "I_batt", "cell_voltages": "U_cell_#"},
        "soc_ocv_estimation": pack | {"temperature": "Temp"},
        "data_quality": pack | {"v_cell_max": "U_cell_max", "temperature": "Temp", "soc": "SOC"},
    }


def test_the_report_measures_and_the_draft_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fleet = Fleet(tmp_path / "store")
    fleet.import_assets(write_assets(tmp_path / "assets.csv", ("A",)))
    fleet.ingest(random_history(1, ("A",), 2, gaps=False).write(tmp_path / "events.parquet"))
    gap = 3 * DAY_US
    stamps = [START + gap + n * 10_000_000 for n in range(50)] + [START + 2 * gap + n * 10_000_000 for n in range(50)]
    import pyarrow as pa
    import pyarrow.parquet as pq

    beats = {"asset_id": ["A"] * 100, "sensor": ["beat"] * 100, "ts": pa.array(stamps).view(TS), "value": [1.0] * 100}
    pq.write_table(pa.table(beats), tmp_path / "beats.parquet")
    fleet.ingest(tmp_path / "beats.parquet")
    report = {row["sensor"]: row for row in fleet.sensors()}
    assert (report["beat"]["median_interval_s"], report["beat"]["gaps"]) == (10.0, 1)
    assert "eq_cycles.current" in report["current"]["feeds"]
    assert report["beat"]["feeds"] == []
    with pytest.raises(SystemExit) as exit_:
        main(["--store", str(tmp_path / "store"), "sensors", "--suggest", "--out", "draft.json"])
    assert exit_.value.code == 0
    said = capsys.readouterr().err
    assert "check the sign of: current (" in said
    assert "not recognised, declare their units yourself: beat" in said
    assert json.loads(Path("draft.json").read_text())["parameters"]["sensors"]["current"]["unit"] == "A"
    drafted = Fleet(tmp_path / "store", "draft.json").run(local=True)
    assert (drafted.pairs, drafted.parked) == (len(fleet.registry()), [])
