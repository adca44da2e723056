"""A small fleet for the dashboards: a sound asset, one with every fault, one with one event, one with none."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from actors import Fleet

SOUND, FAULTY, SINGLE, EMPTY = "EV-1", 'BAD <b>&"1"</b> ½', "ONE", "NEW"
HOSTILE_SENSOR = "<img src=x onerror=hacked()>"
STEP_S = 300
GAP_H = (30, 40)
SENTINELS = 7
DUPLICATED = 100

PACKAGED = ("eq_cycles", "voltage_monitor", "soc_ocv_estimation", "imbalance_analysis", "data_quality")

MODELS = {
    "breaks": (
        'raise ValueError("a <model> that cannot be & will not be")',
        {"inputs": {"current": {"type": "pd.Series", "unit": "A"}}, "outputs": {"never": {}}},
    ),
    "waits": (
        'return {"after": data["never"]}',
        {"inputs": {"never": {"type": "pd.Series", "default": "breaks:never"}}, "outputs": {"after": {}}},
    ),
    "named": (
        'return {"phase": data["odd"].map(lambda x: "<i>high</i>" if x > 0 else "low")}',
        {
            "inputs": {"odd": {"type": "pd.Series", "default": HOSTILE_SENSOR}},
            "outputs": {"phase": {"type": "label", "description": "<u>which</u>"}},
            "continuity": "pointwise",
        },
    ),
    "lacks": ('return {"x": data["nowhere"]}', {"inputs": {"nowhere": {"type": "pd.Series"}}, "outputs": {"x": {}}}),
}

_CODE = '''"""A model for the dashboards' tests."""

from altergo_interface import Model, register_model


@register_model("{name}")
class Made(Model):
    def process(self, data):
        {body}
'''

SETTINGS = {
    "parameters": {
        "execution": {"enabled_models": ",".join((*PACKAGED, *MODELS))},
        "sensors": {
            "current": {"unit": "A", "cadence_s": STEP_S, "current_sign": "discharge_positive"},
            "pack_voltage": {"unit": "V", "cadence_s": STEP_S},
            "cell_voltage_*": {"unit": "mV", "cadence_s": STEP_S, "valid_range": [1000, 4990]},
            "soc": {"unit": "%", "cadence_s": STEP_S, "valid_range": [0, 100]},
            "temperature": {"unit": "°C", "cadence_s": STEP_S, "valid_range": [-45, 120]},
        },
    }
}


def write_models(folder: Path) -> Path:
    """The models as a folder for `--models-dir`."""
    for name, (body, manifest) in MODELS.items():
        home = folder / name
        home.mkdir(parents=True)
        (home / "__init__.py").write_text(_CODE.format(name=name, body=body))
        (home / "model.json").write_text(json.dumps({"name": name} | manifest))
    return folder


def millivolts(rows: pd.DataFrame) -> pd.DataFrame:
    """The same with the cells' voltages in mV, so that a page has something to convert."""
    cells = rows["sensor"].str.startswith("cell_voltage")
    return rows.assign(value=np.where(cells, (rows["value"] * 1000).round(), rows["value"]))


def with_faults(rows: pd.DataFrame) -> pd.DataFrame:
    """A gap, readings out of range, a stuck sensor, a critical alert, and a sensor with a hostile name."""
    hours = (rows["ts"] - rows["ts"].min()) / pd.Timedelta("1h")
    rows = rows[(hours < GAP_H[0]) | (hours >= GAP_H[1])]
    rows = rows[(rows["sensor"] != "soc") | (hours[rows.index] < 70) | (hours[rows.index] >= 70.5)]  # a short gap
    rows, hours = rows.copy(), hours[rows.index]
    high, low = rows["sensor"] == "cell_voltage_max", rows["sensor"] == "cell_voltage_min"
    at = rows.index[high][50 : 50 + SENTINELS]
    rows.loc[at, "value"] = 6000.0
    rows.loc[low & (hours >= 60) & (hours < 62), "value"] = 2000.0
    rows.loc[(rows["sensor"] == "temperature") & (hours >= 45), "value"] = 20.0
    odd = rows[rows["sensor"] == "current"].assign(sensor=HOSTILE_SENSOR)
    return pd.concat([rows, odd], ignore_index=True)


def build(root: Path, make_events) -> Fleet:
    """The fleet after a run, its duplicates delivered in a second batch."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "settings.json").write_text(json.dumps(SETTINGS))
    (root / "assets.csv").write_text(
        "asset_id,capacity,chemistry,cells_in_series\n"
        + "".join(f'"{a.replace(chr(34), chr(34) * 2)}",50,NMC,96\n' for a in (SOUND, FAULTY, SINGLE, EMPTY))
    )
    bad = with_faults(millivolts(make_events(FAULTY)))
    single = bad[bad["sensor"] == "current"].head(1).assign(asset_id=SINGLE)
    pd.concat([millivolts(make_events(SOUND)), bad, single]).to_parquet(root / "events.parquet")
    bad[bad["sensor"] == "current"].tail(DUPLICATED).to_parquet(root / "again.parquet")
    fleet = Fleet(root / "store", root / "settings.json", [write_models(root / "models")])
    fleet.ingest(root / "events.parquet")
    fleet.ingest(root / "again.parquet")
    fleet.import_assets(root / "assets.csv")
    fleet.run(local=True)
    return fleet
