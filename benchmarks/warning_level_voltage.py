"""The voltage monitor's alerts beside the real cars' own warning level, day by day, and what the car warned of.

The cars' level (0 to 3) covers everything that their electronics watch; nothing of its causes was published. What the
car did while it warned, and how far its cells were from their limits, shows what it cannot have been.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from altergo_interface import Record, Samples, SensorRule, Table
from altergo_interface.data import Input
from benchmarks.accuracy_voltage import model, series
from benchmarks.folding import DAY_US, folded
from models.voltage_monitor.limits import LIMITS

CADENCE_S: Mapping[str, float] = {"baticm_car1": 1, "baticm_car2": 30, "baticm_car3": 10, "baticm_car4": 30}
CHEMISTRY = "NMC"
VALID_V = (1.5, 4.9)
COLUMNS = (
    "car",
    "day",
    "warning_level",
    "severity",
    "agreement",
    "while_warning",
    "lowest_v",
    "highest_v",
    "margin_v",
)
CHARGING_A, STANDING_KMH, RESTING_A = -1.0, 1.0, 1.0


def warning_level_voltage(folder: Path, *, cells: bool = False) -> pd.DataFrame:
    """One row per car and UTC day on which it has voltages.

    Columns: `car`, `day`, `warning_level` (the day's highest, NaN where the car has none), `severity` (the highest of
    the alerts open on that day, 0 to 2), `agreement` (both none, or both some; None without a level), `while_warning`
    (what the car did in most of its warned samples), `lowest_v` and `highest_v` (of the valid cell voltages),
    `margin_v` (to the nearest warning limit, negative beyond). `cells` reads the single cells, not the extremes.
    """
    pack = pd.read_parquet(folder / "fleet_baticm_pack.parquet")
    single = pd.read_parquet(folder / "fleet_baticm_cells.parquet") if cells else None
    found = []
    for car, events in pack.groupby("asset_id", observed=True):
        own = None if single is None else single[single["asset_id"] == car]
        found.append(_of_car(str(car), events, own))
    return pd.concat(found, ignore_index=True)


def _of_car(car: str, events: pd.DataFrame, single: pd.DataFrame | None) -> pd.DataFrame:
    wide = _wide(events)
    inputs = _extremes(car, wide) if single is None else _cells(car, _wide(single))
    outputs, records, _ = folded(model(), inputs)
    day = pd.DatetimeIndex(wide.index).floor("D")
    by_day = pd.DataFrame(
        {
            "warning_level": wide["warning_level"].groupby(day).max() if "warning_level" in wide else np.nan,
            "lowest_v": _daily(outputs["min_voltage"], "min"),
            "highest_v": _daily(outputs["max_voltage"], "max"),
        }
    ).dropna(subset=["lowest_v", "highest_v"])
    low_room = by_day["lowest_v"] - LIMITS[CHEMISTRY].low_warning
    by_day["margin_v"] = np.minimum(low_room, LIMITS[CHEMISTRY].high_warning - by_day["highest_v"])
    starts = pd.DatetimeIndex(by_day.index).as_unit("us").asi8.tolist()
    by_day["severity"] = [_severity(records, start) for start in starts]
    by_day["while_warning"] = _while_warning(wide, day).reindex(by_day.index, fill_value="")
    by_day["agreement"] = (by_day["warning_level"] > 0) == (by_day["severity"] > 0)
    by_day["agreement"] = by_day["agreement"].astype(object).where(by_day["warning_level"].notna(), None)
    return by_day.rename_axis("day").reset_index().assign(car=car)[list(COLUMNS)]


def _wide(events: pd.DataFrame) -> pd.DataFrame:
    kept = events.drop_duplicates(["ts", "sensor"])
    return kept.pivot(index="ts", columns="sensor", values="value").sort_index()


def _extremes(car: str, wide: pd.DataFrame) -> dict[str, Input]:
    inputs: dict[str, Input] = {"chemistry": CHEMISTRY}
    for side in ("min", "max"):
        x = wide[f"cell_voltage_{side}"].dropna()
        valid = x[x.between(*VALID_V)]
        inputs[f"v_cell_{side}"] = series(
            pd.DatetimeIndex(valid.index).as_unit("us").asi8,
            valid.to_numpy(dtype=float),
            f"v_cell_{side}",
            SensorRule(resolution=0.001, cadence_s=CADENCE_S[car]),
        )
    return inputs


def _cells(car: str, wide: pd.DataFrame) -> dict[str, Input]:
    valid = wide.where((wide >= VALID_V[0]) & (wide <= VALID_V[1])).dropna(how="all")
    t, rule = pd.DatetimeIndex(valid.index).as_unit("us").asi8, SensorRule(resolution=0.001, cadence_s=CADENCE_S[car])
    table = Table(t, valid.to_numpy(dtype=float), tuple(map(str, valid.columns)), 0, rule)
    return {"chemistry": CHEMISTRY, "cell_voltages": table}


def _daily(rows: Samples, how: str) -> pd.Series:
    index = pd.to_datetime(rows.t, unit="us", utc=True)
    return pd.Series(rows.x, index=index).groupby(index.floor("D")).agg(how)


def _severity(records: list[Record], start: int) -> int:
    """The highest severity of the alerts that were raised and open within the UTC day that begins at `start`."""
    newest = {(r.cell, r.started_at): r for r in records if r.kind == "alert"}
    open_then = [r for r in newest.values() if r.started_at < start + DAY_US and (r.ended_at or start) >= start]
    return max((r.severity or 0 for r in open_then), default=0)


def _while_warning(wide: pd.DataFrame, day: pd.DatetimeIndex) -> pd.Series:
    """What the car did in most of the samples that carried a warning, by day."""
    if "warning_level" not in wide:
        return pd.Series(dtype=str)
    held = wide[["current", "speed", "cell_voltage_min", "cell_voltage_max"]].ffill()
    standing = (held["speed"] < STANDING_KMH) & (held["current"].abs() < RESTING_A)
    beyond = (held["cell_voltage_max"] > LIMITS[CHEMISTRY].high_warning) | (
        held["cell_voltage_min"] < LIMITS[CHEMISTRY].low_warning
    )
    charging = (held["current"] <= CHARGING_A) & (held["speed"] < STANDING_KMH)
    doing = np.select([beyond, charging, standing], ["cells beyond a limit", "charging", "standing"], "driving")
    warned = (wide["warning_level"] > 0).to_numpy()
    found = pd.Series(doing[warned]).groupby(np.asarray(day)[warned]).agg(lambda what: what.mode().iloc[0])
    return found.set_axis(pd.DatetimeIndex(found.index, tz="UTC"))
