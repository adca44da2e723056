"""Accuracy of the imbalance analysis on reference data: error against truth, coverage of the stated uncertainty."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from altergo_interface import Record, Samples, SensorRule, Table
from altergo_interface.data import Input
from altergo_interface.manifest import load_manifest
from altergo_interface.series import to_series
from benchmarks import folding
from benchmarks.accuracy_row import Accuracy
from models._ocv.tables import OWN_SIGMA_V
from models.imbalance_analysis import ImbalanceAnalysis

DAY_US = folding.DAY_US
MANIFEST = load_manifest(Path(__file__).parents[1] / "models" / "imbalance_analysis" / "model.json")
NMC_TARGET, LFP_TARGET = 0.005, 0.02
MEDIUM = 2

Columns = Mapping[str, Any]


def model(**config: Any) -> ImbalanceAnalysis:
    """The model with this configuration."""
    return ImbalanceAnalysis(MANIFEST.effective_configuration(config, "benchmark"))


def folded(
    analysis: ImbalanceAnalysis, inputs: Mapping[str, Input], days: int = 1
) -> tuple[dict[str, pd.Series], list[Record], Any]:
    """Outputs (UTC index), record versions and final state of a history in calls of that many UTC days."""
    outputs, records, state = folding.folded(analysis, inputs, days)
    return {name: to_series(found) for name, found in outputs.items()}, records, state


def stamps(ts: pd.Series) -> np.ndarray:
    """Stamps as µs UTC, (n,) int64."""
    return ts.to_numpy(dtype="datetime64[us]").astype(np.int64)


# ---- the simulated strings of eight cells ----


def string_inputs(folder: Path, name: str, *, each: bool) -> tuple[dict[str, Input], pd.Series]:
    """The inputs of `string8_<name>_10s`, all cells or their extremes, and the true spread of SOC over time."""
    frame = pd.read_parquet(folder / "truth" / f"string8_{name}_10s.parquet")
    meta = json.loads((folder / "truth" / f"string8_{name}_10s.meta.json").read_text())
    t, rule = stamps(frame["ts"]), SensorRule(cadence_s=10)
    numbers = [cell["cell"] for cell in meta]
    cells = frame[[f"cell_voltage_{k}" for k in numbers]].to_numpy(dtype=np.float64)
    true = frame[[f"true_soc_{k}" for k in numbers]].to_numpy(dtype=np.float64)
    inputs: dict[str, Input] = {
        "current": Samples(t, frame["current"].to_numpy(dtype=np.float64), 0, rule),
        "temperature": Samples(t, frame["temperature"].to_numpy(dtype=np.float64), 0, rule),
        "capacity": float(meta[0]["capacity_ah"]),
        "chemistry": name[:3].upper(),
        "ocv_table": own_table(folder, name[:3]),
    }
    if each:
        inputs["cell_voltages"] = Table(t, cells, tuple(f"cell_voltage_{k}" for k in numbers), 0, rule)
    else:
        inputs["v_cell_min"] = Samples(t, cells.min(axis=1), 0, rule)
        inputs["v_cell_max"] = Samples(t, cells.max(axis=1), 0, rule)
    index = pd.to_datetime(t, unit="us", utc=True)
    return inputs, pd.Series(true.max(axis=1) - true.min(axis=1), index=index)


def own_table(folder: Path, chemistry: str) -> Columns:
    """The simulated cells' own open-circuit voltage: the LFP cell's with the half gap that its simulation used."""
    if chemistry == "nmc":
        table = pd.read_csv(folder / "ocv" / "NMC.csv")
        return {"soc": table["soc"].tolist(), "ocv": table["ocv"].tolist()}
    table = pd.read_csv(folder / "ocv" / "alt" / "lfp_prada2013.csv")
    gap = pd.read_csv(folder / "ocv" / "LFP.csv")["hyst_half_gap_v"]
    up, down = (np.maximum.accumulate(table["ocv"] + sign * gap) for sign in (1, -1))
    return {
        "soc": table["soc"].tolist(),
        "ocv": ((up + down) / 2).tolist(),
        "ocv_charge": up.tolist(),
        "ocv_discharge": down.tolist(),
    }


def judged(inputs: Mapping[str, Input], truth: pd.Series, days: int = 1, **config: Any) -> pd.DataFrame:
    """One row per block at rest: `soc`, `sigma`, `level`, `true`, `error`; NaN where no estimate is given."""
    outputs, _, _ = folded(model(**config), inputs, days)
    found = pd.DataFrame(
        {
            "soc": outputs["soc_imbalance"],
            "sigma": outputs["soc_imbalance_uncertainty"],
            "level": outputs["confidence_level"],
        }
    )
    found["true"] = truth.reindex(found.index, method="ffill")
    found["error"] = found["soc"] - found["true"]
    return found


def accuracy(data_set: str, quantity: str, found: pd.DataFrame, target: float) -> Accuracy:
    """The figures of the rows that give an estimate."""
    given = found.dropna(subset=["soc"])
    error, sigma = given["error"].abs(), given["sigma"]
    within = [float((error <= k * sigma).mean()) for k in (1, 2)]
    return Accuracy(data_set, quantity, float(error.max()), target, within[0], within[1], len(given))


def strings(folder: Path) -> Iterator[Accuracy]:
    """Both strings, by all cells and by the extremes: NMC at every rest, LFP where confidence is medium or high."""
    for each, how in ((True, "all cells"), (False, "extremes")):
        found = judged(*string_inputs(folder, "nmc_2d", each=each))
        yield accuracy("string8_nmc_2d_10s", f"SOC spread at rest, {how}", found, NMC_TARGET)
    for each, how in ((True, "all cells"), (False, "extremes")):
        found = judged(*string_inputs(folder, "lfp_3d", each=each))
        high = found[found["level"] >= MEDIUM]
        yield accuracy("string8_lfp_3d_10s", f"SOC spread, medium or high, {how}", high, LFP_TARGET)


# ---- strings of four cells that rest everywhere on a known curve ----

OTHER_CURVES = {
    "NMC": ("nmc811_lg_m50t_c32", "nmc532_mohtat2020", "nmc_ecker2015_kokam", "nmc111_samsung94ah"),
    "NCA": ("nca_kim2011", "nca_molicel_p28a_c20", "nca_panasonic18650pf_c20dis_25C", "nca_samsung40t_c20"),
    "LCO": ("lco_marquis2019_kokam", "lco_ramadass2004_sony"),
    "LFP": ("lfp_apr18650m1b_c32",),
}
SPREADS = (0.01, 0.02, 0.05)
REST_MINUTES = 120
NOISE_V, OFFSET_V, STEP_V = 0.0007, 0.001, 0.001
START = 19_700 * DAY_US


def resting_string(curve: Columns, chemistry: str, spread: float, branch: int = 0, seed: int = 0) -> dict[str, Input]:
    """Inputs of four cells, `spread` apart, that rest for two hours each at 4, 5, … 96 % of a curve `soc`, `ocv`,
    with the offsets, noise and steps of real telemetry. `branch` is reached by a charge (+1) or discharge (−1); a
    minute of current between two rests does not leave it."""
    rng = np.random.default_rng(seed)
    soc = np.arange(4, 97) / 100
    soc = soc[(soc > spread / 2) & (soc < 1 - spread / 2)]
    cells = np.stack((soc - spread / 2, soc, soc, soc + spread / 2))
    v = np.interp(cells, curve["soc"], curve["ocv"]) + rng.normal(0, OFFSET_V, cells.shape)
    x = np.repeat(v, REST_MINUTES, axis=1).T
    x = np.round((x + rng.normal(0, NOISE_V, x.shape)) / STEP_V) * STEP_V
    t = START + np.arange(-REST_MINUTES, len(x)) * 60_000_000
    current = np.zeros(len(t))
    current[::REST_MINUTES] = 10.0 * (-1.0) ** np.arange(len(current[::REST_MINUTES]))
    current[:REST_MINUTES] = -50.0 * branch
    rule = SensorRule(cadence_s=60)
    return {
        "current": Samples(t, current, 0, rule),
        "cell_voltages": Table(t[REST_MINUTES:], x, ("c1", "c2", "c3", "c4"), 0, rule),
        "capacity": 100.0,
        "chemistry": chemistry,
    }


def at_rest(inputs: Mapping[str, Input], spread: float) -> pd.DataFrame:
    """The last estimate of each rest of a resting string, see `judged`; the index counts the rests."""
    t = inputs["current"].t  # type: ignore[union-attr]
    truth = pd.Series(spread, index=pd.to_datetime(t, unit="us", utc=True))
    found = judged(inputs, truth, days=30)
    rest = (stamps(found.index.to_series()) - START) // (REST_MINUTES * 60_000_000)
    return found.groupby(rest).last()


def own_lfp(folder: Path, off_v: Sequence[float], counted: int = 1) -> pd.DataFrame:
    """LFP by its own curve on both branches, the true curve `off_v` above it; `counted` −1: with the branch that the
    current tells being the wrong one."""
    own = own_table(folder, "lfp")
    parts = []
    for seed, (branch, off, spread) in enumerate(product((-1, 1), off_v, SPREADS)):
        ocv = np.array(own["ocv_charge" if branch > 0 else "ocv_discharge"]) + off
        inputs = resting_string({"soc": own["soc"], "ocv": ocv}, "LFP", spread, counted * branch, seed)
        parts.append(at_rest({**inputs, "ocv_table": own}, spread))
    found = pd.concat(parts)
    return found[found["level"] >= MEDIUM]


def drawn_offsets(n: int = 12) -> list[float]:
    """Errors of a cell's own curve, V, as its stated 1 σ of 3 mV lets expect them."""
    drawn: list[float] = np.random.default_rng(0).normal(0, OWN_SIGMA_V, n).tolist()
    return drawn


def other_cells(folder: Path, chemistry: str) -> pd.DataFrame:
    """Cells of other published curves by the packaged curve of their chemistry."""
    parts = []
    for seed, (name, spread) in enumerate(product(OTHER_CURVES[chemistry], SPREADS)):
        curve = pd.read_csv(folder / "ocv" / "alt" / f"{name}.csv")
        parts.append(at_rest(resting_string(curve, chemistry, spread, seed=seed), spread))
    return pd.concat(parts)


def curves(folder: Path) -> Iterator[Accuracy]:
    """Spreads of 1, 2 and 5 % everywhere on the curve, by the right curve and by another cell's."""
    for how, off_v in (("within 1 σ", (-OWN_SIGMA_V, 0.0, OWN_SIGMA_V)), ("drawn", drawn_offsets())):
        found = own_lfp(folder, off_v)
        yield accuracy(f"resting LFP string, own curve {how}", "SOC spread, medium or high", found, LFP_TARGET)
    for chemistry in OTHER_CURVES:
        found = other_cells(folder, chemistry)
        yield accuracy(f"resting {chemistry} strings, packaged curve", "SOC spread", found, float("nan"))


def rows(folder: Path) -> list[Accuracy]:
    """Every figure of the imbalance analysis."""
    return [*strings(folder), *curves(folder)]
