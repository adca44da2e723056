"""Imbalance of four electric cars with real faults, day by day beside the vehicle's own warning level."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from altergo_interface import Record, Samples, SensorRule, Table
from altergo_interface.data import Input
from benchmarks.accuracy_imbalance import folded, model, stamps

VALID_V = (0.5, 4.99)
VALID_C = (-45.0, 120.0)
CHARGING_A = -1.0
MOSTLY = 0.5
SHORT_RUN = 2
CARS = ("baticm_car1", "baticm_car2", "baticm_car3", "baticm_car4")


def car_inputs(folder: Path, car: str, *, each: bool = False) -> dict[str, Input]:
    """The inputs of one car, by its extremes or by all cells; without samples that the engine would drop."""
    asset = pd.read_csv(folder / "baticm_assets.csv").set_index("asset_id").loc[car]
    rule = SensorRule(cadence_s=float(asset["cadence_s"]), resolution=0.001)
    wide = _wide(folder / "fleet_baticm_pack.parquet", car, "")
    inputs: dict[str, Input] = {
        "current": _samples(wide["current"], rule),
        "temperature": _samples(wide["temp_max"].where(wide["temp_max"].between(*VALID_C)), rule),
        "soc": _samples(wide["soc"] / 100, rule),
        "capacity": float(asset["capacity"]),
        "chemistry": str(asset["chemistry"]),
    }
    if each:
        cells = _wide(folder / "fleet_baticm_cells.parquet", car, "cell_voltage_")
        cells = cells.where((cells >= VALID_V[0]) & (cells <= VALID_V[1])).dropna(how="all")
        inputs["cell_voltages"] = Table(stamps(cells.index.to_series()), cells.to_numpy(), tuple(cells), 0, rule)
    else:
        for name, sensor in (("v_cell_min", "cell_voltage_min"), ("v_cell_max", "cell_voltage_max")):
            inputs[name] = _samples(wide[sensor].where(wide[sensor].between(*VALID_V)), rule)
    return inputs


def _wide(file: Path, car: str, prefix: str) -> pd.DataFrame:
    """One column per sensor; of samples with one stamp, the last."""
    rows = pd.read_parquet(file, filters=[("asset_id", "==", car)])
    rows = rows[rows["sensor"].str.startswith(prefix)].drop_duplicates(["sensor", "ts"], keep="last")
    return rows.pivot(index="ts", columns="sensor", values="value").astype(np.float64)


def _samples(series: pd.Series, rule: SensorRule) -> Samples:
    valid = series.dropna()
    return Samples(stamps(valid.index.to_series()), valid.to_numpy(), 0, rule)


def warnings(folder: Path, car: str) -> pd.DataFrame:
    """Of each UTC day: the highest warning level, and of the samples with a level above 0 their number, the longest
    run, and the shares while charging and while standing. Empty where the car has no warning level."""
    wide = _wide(folder / "fleet_baticm_pack.parquet", car, "")
    if "warning_level" not in wide:
        return pd.DataFrame()
    level = wide["warning_level"].ffill()
    warned = level > 0
    run = warned.groupby((warned != warned.shift()).cumsum()).transform("size").where(warned, 0)
    day = wide.index.floor("D")
    return pd.DataFrame(
        {
            "warning_level": level.groupby(day).max(),
            "warned_samples": warned.groupby(day).sum(),
            "longest_warning": run.groupby(day).max(),
            "warned_charging": (wide["current"] < CHARGING_A)[warned].groupby(day[warned]).mean(),
            "warned_standing": (wide["speed"] == 0)[warned].groupby(day[warned]).mean(),
        }
    )


def daily(folder: Path, car: str, *, each: bool = False, **config: Any) -> pd.DataFrame:
    """One row per UTC day of one car, see `comparison`."""
    outputs, records, _ = folded(model(**config), car_inputs(folder, car, each=each))

    def by_day(name: str, how: Any) -> pd.Series:
        found = outputs.get(name, pd.Series(dtype=np.float64, index=pd.DatetimeIndex([], tz="UTC")))
        return found.groupby(found.index.floor("D")).agg(how)

    days = pd.DataFrame(
        {
            "range_p50_mv": by_day("voltage_range", "median"),
            "range_max_mv": by_day("voltage_range", "max"),
            "blocks": by_day("confidence_level", "size"),
            "level": by_day("confidence_level", "max"),
            "soc_imbalance": by_day("soc_imbalance", "median"),
            "uncertainty": by_day("soc_imbalance_uncertainty", "median"),
            "trend": by_day("imbalance_trend", "last"),
        }
    )
    days = days.join(warnings(folder, car), how="outer")
    days["imbalance"] = _recorded(records, days.index)
    return days.rename_axis("day").reset_index().assign(car=car)


def _recorded(records: Sequence[Record], days: pd.Index) -> pd.Series:
    """Whether a record of kind `imbalance` was open on each day."""
    newest = {record.started_at: record for record in records}
    found = pd.Series(data=False, index=days)
    for record in newest.values():
        begin = pd.Timestamp(record.started_at, unit="us", tz="UTC").floor("D")
        end = days[-1] if record.ended_at is None else pd.Timestamp(record.ended_at, unit="us", tz="UTC")
        found |= (days >= begin) & (days <= end)
    return found


def agreement(row: pd.Series) -> str:
    """How a day's imbalance record and warning level go together; both none and both some is `agree`."""
    if math.isnan(row["warning_level"]):
        return "no warning level"
    if row["imbalance"] == (row["warning_level"] > 0):
        return "agree"
    if row["imbalance"]:
        return "imbalance, no warning"
    if row["warned_charging"] > MOSTLY:
        return "warning while charging"
    if row["longest_warning"] <= SHORT_RUN:
        return "warning of single samples"
    return "warning while standing" if row["warned_standing"] > MOSTLY else "warning while driving"


def comparison(folder: Path, *, each: bool = False) -> pd.DataFrame:
    """Car by car and day by day: warning level, imbalance (mV and SOC), whether an imbalance record was open, and
    the `agreement` of the two."""
    found = pd.concat([daily(folder, car, each=each) for car in CARS], ignore_index=True)
    return found.assign(agreement=found.apply(agreement, axis=1))
