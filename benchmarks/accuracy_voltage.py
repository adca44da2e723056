"""Accuracy of the voltage monitor: the injected faults of simulated fleets, and a simulated overcharge.

Histories go through the model in calls of one UTC day each, without what the manifest's valid ranges leave out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from altergo_interface import Record, Samples, SensorRule, Table
from altergo_interface.data import Input
from altergo_interface.manifest import load_manifest
from benchmarks.accuracy_row import Accuracy
from benchmarks.folding import folded
from models._simulator import AssetHistory, FleetSpec, simulate_asset
from models.voltage_monitor import VoltageMonitor

S = 1_000_000
MANIFEST = load_manifest(Path(__file__).parents[1] / "models" / "voltage_monitor" / "model.json")
SEEDS = (1, 2, 3, 4)
WEAK_CELL, OVER_VOLTAGE = 3, 7
DELIVERY = (11, 15, 19, 23, 27)
"""Which asset of a fleet carries the fault; those of delivery are gap, stuck, sentinel, late and duplicate."""
SOUND = (0, 1, 2, 4)
DAYS = {1: 3, 10: 6, 60: 12, 300: 12}
"""Seconds between the samples, and days that are simulated."""
MIN_DURATION_US, BACK_V, CLEAR_US = 10 * S, 0.05, 30 * S
PEAK_V = 4.276

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


def model(**config: Any) -> VoltageMonitor:
    """The model with this configuration."""
    return VoltageMonitor(MANIFEST.effective_configuration(config, "benchmark"))


def series(t: Times, x: Floats, name: str, rule: SensorRule) -> Samples:
    """What the engine would make of a sensor's events: in order, each stamp once, without invalid values."""
    low, high = MANIFEST.inputs[name].valid_range or (-np.inf, np.inf)
    t, first = np.unique(t, return_index=True)
    x = x[first]
    valid = np.isfinite(x) & (x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high))
    return Samples(t[valid], x[valid], 0, rule)


# ---- simulated fleets ----


def inputs_of(asset: AssetHistory) -> dict[str, Input]:
    """An asset's cells, or their extremes where cells are no sensors."""
    rule = SensorRule(resolution=0.001, cadence_s=float(str(asset.parameters["cadence_s"])))
    inputs: dict[str, Input] = {"chemistry": str(asset.parameters["chemistry"])}
    cells = [name for name in asset.sensors if name.removeprefix("cell_voltage_").isdigit()]
    if cells:
        values = np.column_stack([asset.sensors[name][1] for name in cells])
        return inputs | {"cell_voltages": Table(asset.sensors[cells[0]][0], values, tuple(cells), 0, rule)}
    for name in ("v_cell_min", "v_cell_max"):
        inputs[name] = series(*asset.sensors[f"cell_voltage_{name[-3:]}"], name, rule)
    return inputs


@dataclass(frozen=True, slots=True)
class Expected:
    """An alert as it must be: side, first breaching sample, and when it is raised (µs UTC)."""

    side: str
    started_at: int
    raised_at: int


def expected(asset: AssetHistory) -> list[Expected]:
    """All alerts of an asset by the sensors' extremes and the fault's own limit, sample after sample."""
    if not asset.faults or asset.faults[0].kind not in ("weak_cell", "over_voltage"):
        return []
    fault = asset.faults[0]
    side, sign = ("low", -1.0) if fault.kind == "weak_cell" else ("high", 1.0)
    t, x = asset.sensors[fault.sensor]
    limit = sign * float(str(fault.detail["limit_v"]))
    return list(_alerts(side, t.tolist(), np.round(sign * x, 6).tolist(), round(limit, 6)))


def _alerts(side: str, t: Sequence[int], y: Sequence[float], limit: float) -> Iterator[Expected]:
    begun: int | None = None
    back: int | None = None
    active = False
    for now, value in zip(t, y, strict=True):
        if active and back is not None and now - back >= CLEAR_US:
            active, begun = False, None
        begun = (now if begun is None else begun) if value > limit else None
        back = (now if back is None else back) if value <= round(limit - BACK_V, 6) else None
        if not active and begun is not None and now > begun and now - begun >= MIN_DURATION_US:
            yield Expected(side, begun, now)
            active, back = True, None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One asset's alerts against those that must be: how many there are of each, how many agree to the microsecond
    in start and raising, and whether all lie inside the fault and name its cell (where cells are sensors)."""

    expected: int
    raised: int
    agreeing: int
    inside: bool
    quality: int


def judged(asset: AssetHistory) -> Verdict:
    """What the monitor makes of an asset."""
    _, records, _ = folded(model(), inputs_of(asset))
    first: dict[tuple[str, int], Record] = {}
    for record in records:
        if record.kind == "alert":
            first.setdefault((record.cell, record.started_at), record)
    must = {(alert.side, alert.started_at): alert.raised_at for alert in expected(asset)}
    agreeing = sum(must.get(key) == record.at for key, record in first.items())
    inside = all(_inside(record, asset) for record in first.values())
    return Verdict(len(must), len(first), agreeing, inside, sum(record.kind == "quality" for record in records))


def _inside(record: Record, asset: AssetHistory) -> bool:
    if not asset.faults:
        return False
    fault = asset.faults[0]
    named = "cell" not in fault.detail or record.detail["cell"] == f"cell_voltage_{fault.detail['cell']}"
    return named and fault.started_at <= record.started_at < fault.ended_at


def fleet(index: int, seed: int, cadence_s: int, cells: int) -> AssetHistory:
    """One asset of a simulated fleet."""
    days = DAYS[cadence_s]
    return simulate_asset(FleetSpec(assets=28, days=days, seed=seed, cadence_s=cadence_s, cells=cells), index)


def injected(index: int, cadence_s: int, cells: int, seeds: Sequence[int] = SEEDS) -> list[Verdict]:
    """The verdicts on one fault at several seeds."""
    return [judged(fleet(index, seed, cadence_s, cells)) for seed in seeds]


def _of_faults() -> Iterator[Accuracy]:
    for kind, index in (("weak_cell", WEAK_CELL), ("over_voltage", OVER_VOLTAGE)):
        for cadence_s in DAYS:
            for cells in (0, 12):
                found = injected(index, cadence_s, cells)
                data_set = f"simulated {kind}, {cadence_s} s, {'cells' if cells else 'extremes'}"
                yield from _figures(data_set, found)


def _figures(data_set: str, found: Sequence[Verdict]) -> Iterator[Accuracy]:
    must, raised, agreeing = (sum(getattr(v, name) for v in found) for name in ("expected", "raised", "agreeing"))
    false = sum(v.raised for v in found if not v.inside)
    nan = float("nan")
    yield Accuracy(data_set, "1 - recall, latency exact", 1 - agreeing / max(must, 1), 0.0, nan, nan, must)
    yield Accuracy(data_set, "1 - precision", false / max(raised, 1), 0.0, nan, nan, raised)


def _of_sound() -> Iterator[Accuracy]:
    """Assets without a fault of a cell, sentinels, gaps and all other faults of delivery included."""
    for cadence_s in (60, 300):
        found = [judged(fleet(index, seed, cadence_s, 0)) for index in SOUND + DELIVERY for seed in SEEDS]
        false = sum(v.raised for v in found)
        yield Accuracy(f"simulated sound, {cadence_s} s", "false alerts", false, 0.0, np.nan, np.nan, len(found))


def peak(folder: Path) -> float:
    """The extreme of the high alerts of the simulated NMC cell (V), which is charged too far."""
    truth = pd.read_parquet(folder / "truth" / "nmc_chen2020_spme_5d_1s.parquet", columns=["ts", "voltage"])
    t = truth["ts"].dt.as_unit("us").astype("int64").to_numpy()
    cell = series(t, truth["voltage"].to_numpy(dtype=float), "v_cell_max", SensorRule(resolution=0.001, cadence_s=1))
    _, records, _ = folded(model(), {"chemistry": "NMC", "v_cell_min": cell, "v_cell_max": cell})
    return max((r.value for r in records if r.kind == "alert" and r.cell == "high"), default=float("nan"))


def _of_truth(folder: Path) -> Iterator[Accuracy]:
    error = abs(peak(folder) - PEAK_V)
    yield Accuracy("nmc_chen2020_spme_5d_1s", "peak of the high alert, V", error, 0.002, np.nan, np.nan, 1)


def rows(folder: Path) -> list[Accuracy]:
    """Every figure of the voltage monitor."""
    return list(chain(_of_truth(folder), _of_faults(), _of_sound()))
