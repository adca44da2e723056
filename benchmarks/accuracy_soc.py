"""Accuracy of the SOC estimate: simulated cells, laboratory cells and real vehicles against their references."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from altergo_interface import Record, Samples, SensorRule, Span, StepData
from altergo_interface.manifest import load_manifest
from benchmarks.accuracy_row import Accuracy
from models.soc_ocv_estimation import SocOcvEstimation

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

DAY_US = 86_400_000_000
MANIFEST = Path(__file__).parents[1] / "models" / "soc_ocv_estimation" / "model.json"

NCA_AH = 2.9
"""The nominal capacity. The table spans 2.995 Ah on the counter of the C/20 test; that of the pulse tests counts 3 %
less between equal voltages, over the whole range."""
NCA_PULSE_A = 0.87

SHORT_RESTS = {"min_rest_s": 1100.0, "drift_window_s": 240.0}
"""The NCA cell rests for 20 to 30 minutes."""
SHORTEST_RESTS = {"min_rest_s": 300.0, "drift_window_s": 100.0, "max_drift_mv": 4.0}
"""The LFP cell rests for 310 to 338 s, and is still moving then: by its defaults the model would give nothing."""


@dataclass(frozen=True, slots=True)
class Estimated:
    """What the model gave: rows of SOC and its σ at `t` (n,), and the first version of each evaluation of a rest."""

    t: Times
    soc: Floats
    sigma: Floats
    evaluations: list[Record]
    rests: int
    gap_rests: int


def rows(folder: Path) -> Iterator[Accuracy]:
    """Every line, in order; `folder` holds the reference data."""
    yield from simulated_nmc(folder)
    yield from simulated_lfp(folder)
    yield from laboratory_nca(folder)
    yield from laboratory_lfp(folder)
    yield from vehicles(folder)


def simulated_nmc(folder: Path) -> Iterator[Accuracy]:
    """The simulated NMC cell with its own table."""
    truth = pd.read_parquet(folder / "truth/nmc_chen2020_spme_5d_1s.parquet")
    table = read_table(folder / "ocv/NMC.csv")
    found = _of_truth(truth, 5.1531983261, "NMC", table)
    t, soc = _stamps(truth["ts"]), truth["true_soc"].to_numpy()
    yield _at_evaluations("simulated NMC", found, t, soc, 0.005)
    yield _continuous("simulated NMC", "continuous", found, t, soc, 0.01)


def simulated_lfp(folder: Path) -> Iterator[Accuracy]:
    """The simulated LFP cell with its own table and half gap: low, after a full charge, and the rest of the time."""
    truth = pd.read_parquet(folder / "truth/lfp_prada2013_spm_hyst_5d_1s.parquet")
    own, gap = read_table(folder / "ocv/alt/lfp_prada2013.csv"), pd.read_csv(folder / "ocv/LFP.csv")
    half_gap = np.interp(own["soc"], gap["soc"], gap["hyst_half_gap_v"])
    found = _of_truth(truth, 2.3034509908, "LFP", with_half_gap(own, half_gap))
    t, soc = _stamps(truth["ts"]), truth["true_soc"].to_numpy()
    low = soc < 0.15
    day_s = 86_400
    full = pd.Series(soc > 0.99).rolling(day_s, min_periods=1).max().to_numpy() > 0
    yield _continuous("simulated LFP", "below 15 % SOC", found, t, soc, 0.02, low)
    yield _continuous("simulated LFP", "within a day of a full charge", found, t, soc, 0.02, full & ~low)
    yield _continuous("simulated LFP", "elsewhere (plateau)", found, t, soc, 0.08, ~full & ~low)


def laboratory_nca(folder: Path) -> Iterator[Accuracy]:
    """Pulse tests of the NCA cell at four temperatures with its own C/20 discharge curve."""
    tests = pd.read_parquet(folder / "lab_panasonic_18650pf.parquet")
    table = read_table(folder / "ocv/alt/nca_panasonic18650pf_c20dis_25C.csv")
    pulses = {
        "25 °C": (["25C_5Pulse_HPPC", "25C_3390_dis5_10p"], 0.015),
        "10 °C": (["10C_15Pulse_HPPC"], 0.015),
        "0 °C": (["0C_5pulse_HPPC", "0C_3619_dis5_10p"], np.nan),
        "−10 °C": (["-10C_5pulse_HPPC", "-10C_3740_dis5_10p"], np.nan),
    }
    for name, (files, target) in pulses.items():
        log = _one_discharge(tests, [f"pan18650pf_{file}" for file in files])
        yield from _nca(f"laboratory NCA, {name}", log, table, target)
        if name == "10 °C":
            yield from _nca(f"laboratory NCA, {name}, holes filled", with_holes_filled(log), table, target)


def _nca(data_set: str, log: pd.DataFrame, table: dict[str, list[float]], target: float) -> Iterator[Accuracy]:
    given = {name: _samples(log[name].dropna(), 13.0) for name in ("current", "voltage", "temperature")}
    found = estimate({**given, "capacity": NCA_AH, "chemistry": "NCA", "ocv_table": table}, **SHORT_RESTS)
    counter = log["ref_ah_discharged"].dropna()
    t, soc = counter.index.as_unit("us").asi8, 1 - counter.to_numpy() / NCA_AH
    yield _at_evaluations(data_set, found, t, soc, target, "by voltage alone", alone=True)
    yield _at_evaluations(data_set, found, t, soc, target)
    yield _continuous(data_set, "continuous", found, t, soc, target)


def laboratory_lfp(folder: Path) -> Iterator[Accuracy]:
    """The LFP cell between 20 and 80 % with its own low-rate curves; half their gap is left once it rests."""
    log = pd.read_parquet(folder / "lab_lfp_apr18650.parquet")
    curves = pd.read_csv(folder / "ocv/alt/lfp_apr18650m1b_25C_lowrate.csv")
    table = with_half_gap(
        read_table(folder / "ocv/alt/lfp_apr18650m1b_25C_lowrate.csv"), curves["hyst_half_gap_v"] / 2
    )
    for celsius in (10, 25):
        wide = _wide(log, [f"lfp_apr18650_{celsius}C_flat"])
        given = {name: _samples(wide[name], 1.0) for name in ("current", "voltage")}
        given["temperature"] = _samples(pd.Series(float(celsius), wide.index), 1.0)
        found = estimate({**given, "capacity": 1.2, "chemistry": "LFP", "ocv_table": table}, **SHORTEST_RESTS)
        t, soc = wide.index.as_unit("us").asi8, wide["ref_soc"].to_numpy() / 100
        yield _at_evaluations(f"laboratory LFP, {celsius} °C", found, t, soc, np.nan, "by voltage alone", alone=True)
        yield _continuous(f"laboratory LFP, {celsius} °C", "continuous (plateau)", found, t, soc, 0.08)


def vehicles(folder: Path) -> Iterator[Accuracy]:
    """Four cars with the packaged NMC table against their own BMS, which is no truth; the capacity is assumed."""
    for asset, found, t, soc in vehicle_estimates(folder):
        data_set = f"{asset}, {found.rests} rests, {found.gap_rests} of them gaps"
        yield _continuous(data_set, "against the BMS", found, t, soc, np.nan)


def vehicle_estimates(folder: Path) -> Iterator[tuple[str, Estimated, Times, Floats]]:
    """(Asset, estimate, stamps and SOC of the BMS) of each car, from the log as it is but for duplicates."""
    log = pd.read_parquet(folder / "fleet_baticm_pack.parquet")
    for car in pd.read_csv(folder / "baticm_assets.csv").itertuples():
        mine = log[log["asset_id"] == car.asset_id].drop_duplicates(["ts", "sensor"])
        by_sensor = {
            str(name): part.set_index("ts")["value"].sort_index()
            for name, part in mine.groupby("sensor", observed=True)
        }
        given = {
            "current": _samples(by_sensor["current"], car.cadence_s),
            "voltage": _samples(by_sensor["pack_voltage"], car.cadence_s),
            "temperature": _samples(by_sensor["temp_max"][by_sensor["temp_max"] <= 100], car.cadence_s),
        }
        constants = {
            "capacity": float(car.capacity),
            "chemistry": car.chemistry,
            "cells_in_series": float(car.cells_in_series),
        }
        bms = by_sensor["soc"]
        yield str(car.asset_id), estimate({**given, **constants}), bms.index.as_unit("us").asi8, bms.to_numpy() / 100


# ---- the model, a day at a time ----


def estimate(inputs: Mapping[str, Any], **config: Any) -> Estimated:
    """Folds the model over the inputs (whole series and constants), one call for each UTC day, as the engine does."""
    model = SocOcvEstimation(load_manifest(MANIFEST).effective_configuration(config, "benchmark"))
    stamps = [value.t for value in inputs.values() if isinstance(value, Samples)]
    first, end = min(int(t[0]) for t in stamps), max(int(t[-1]) for t in stamps) + 1
    edges = [first, *range((first // DAY_US + 1) * DAY_US, end, DAY_US), end]
    state: Any = model.initial()
    parts: list[Mapping[str, Any]] = []
    for span in pairwise(edges):
        state, outputs = model.advance(state, _step(inputs, Span(*span)))
        parts.append(outputs)
    records = [record for part in parts for record in part.get("records", ())]
    soc, sigma = (_joined(parts, name) for name in ("soc", "soc_uncertainty"))
    known = {record.started_at: record for record in reversed(records)}
    gaps = sum(bool(record.detail["gap"]) for record in known.values())
    return Estimated(soc[0], soc[1], sigma[1], [r for r in records if r.ended_at is None], len(known), gaps)


def _step(inputs: Mapping[str, Any], span: Span) -> StepData:
    def cut(value: Any) -> Any:
        if not isinstance(value, Samples):
            return value
        begin, stop = np.searchsorted(value.t, [span.start, span.end])
        lead = int(begin > 0)
        return Samples(value.t[begin - lead : stop], value.x[begin - lead : stop], lead, value.declared)

    return StepData({name: cut(value) for name, value in inputs.items()}, span)


def _joined(parts: list[Mapping[str, Any]], name: str) -> tuple[Times, Floats]:
    found = [part[name] for part in parts if name in part]
    return np.concatenate([one.t for one in found]), np.concatenate([one.x for one in found])


# ---- measures ----


def _continuous(
    data_set: str, quantity: str, found: Estimated, t: Times, truth: Floats, target: float, where: Any = None
) -> Accuracy:
    """At the model's rows, against the newest reference, where `where` (a mask over the reference) holds."""
    newest = np.searchsorted(t, found.t, side="right") - 1
    kept = newest >= 0
    if where is not None:
        kept &= where[np.maximum(newest, 0)]
    return _accuracy(data_set, quantity, (found.soc - truth[newest])[kept], found.sigma[kept], target)


def _at_evaluations(
    data_set: str,
    found: Estimated,
    t: Times,
    truth: Floats,
    target: float,
    quantity: str = "at anchors",
    *,
    alone: bool = False,
) -> Accuracy:
    """At the evaluations of rests: the estimate after each, or what its voltage `alone` says."""
    prefix = "ocv_" if alone else ""
    told = np.array([(r.detail[f"{prefix}soc"], r.detail[f"{prefix}soc_uncertainty"]) for r in found.evaluations])
    newest = np.searchsorted(t, [record.at for record in found.evaluations], side="right") - 1
    return _accuracy(data_set, quantity, told[:, 0] - truth[newest], told[:, 1], target)


def _accuracy(data_set: str, quantity: str, error: Floats, sigma: Floats, target: float) -> Accuracy:
    size = np.abs(error)
    return Accuracy(
        data_set=data_set,
        quantity=quantity,
        error=float(np.sqrt(np.mean(size**2))),
        target=target,
        coverage_1=float(np.mean(size <= sigma)),
        coverage_2=float(np.mean(size <= 2 * sigma)),
        n=len(size),
        worst=float(size.max()),
    )


# ---- reference data ----


def read_table(path: Path) -> dict[str, list[float]]:
    """The mean curve of a table as an asset's own."""
    columns = pd.read_csv(path)
    return {"soc": columns["soc"].tolist(), "ocv": columns["ocv"].tolist()}


def with_half_gap(table: dict[str, list[float]], half_gap_v: Any) -> dict[str, list[float]]:
    """A mean curve with its two branches, made to rise where noise lets them fall."""
    mean, half = np.array(table["ocv"]), np.array(half_gap_v)
    upper, lower = np.maximum.accumulate(mean + half), np.maximum.accumulate(mean - half)
    return {
        "soc": table["soc"],
        "ocv": ((upper + lower) / 2).tolist(),
        "ocv_charge": upper.tolist(),
        "ocv_discharge": lower.tolist(),
    }


def with_holes_filled(log: pd.DataFrame) -> pd.DataFrame:
    """The log with the current of the discharges that its holes hide: the step that the counter shows, at C/3."""
    t = log.index.as_unit("us").asi8 / 1e6
    hidden = np.diff(log["ref_ah_discharged"].to_numpy())
    added = []
    for i in np.flatnonzero((np.diff(t) > 600) & (hidden > 0.01)):
        seconds = np.arange(1.0, hidden[i] / NCA_PULSE_A * 3600, 10.0)
        stamps = log.index[i] + pd.to_timedelta([*seconds, 1.0 + hidden[i] / NCA_PULSE_A * 3600], unit="s")
        added.append(pd.DataFrame({"current": [NCA_PULSE_A] * len(seconds) + [0.0]}, index=stamps))
    return pd.concat([log, *added]).sort_index()


def _one_discharge(tests: pd.DataFrame, files: list[str]) -> pd.DataFrame:
    """The logs of one test, which its tester split, up to the recharge that none of them shows."""
    wide = _wide(tests, files)
    charged = np.flatnonzero(np.diff(wide["ref_ah_discharged"].to_numpy()) < -0.5)
    return wide if not len(charged) else wide.iloc[: charged[0] + 1]


def _wide(log: pd.DataFrame, assets: list[str]) -> pd.DataFrame:
    mine = log[log["asset_id"].isin(assets)].drop_duplicates(["ts", "sensor"])
    return mine.pivot(index="ts", columns="sensor", values="value").astype(float)


def _of_truth(truth: pd.DataFrame, capacity_ah: float, chemistry: str, table: dict[str, list[float]]) -> Estimated:
    by_time = truth.set_index("ts")
    given = {name: _samples(by_time[name], 1.0) for name in ("current", "voltage", "temperature")}
    return estimate({**given, "capacity": capacity_ah, "chemistry": chemistry, "ocv_table": table})


def _samples(series: "pd.Series[float]", cadence_s: float) -> Samples:
    index = pd.DatetimeIndex(series.index)
    return Samples(index.as_unit("us").asi8, series.to_numpy(dtype=float), 0, SensorRule(cadence_s=float(cadence_s)))


def _stamps(column: "pd.Series[Any]") -> Times:
    return column.dt.as_unit("us").astype("int64").to_numpy()
