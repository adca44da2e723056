"""Accuracy of equivalent cycles on reference data: error against truth, and coverage of the stated uncertainty.

Histories go through the model in calls of one UTC day each. The truth of a drive cycle is the tester's counter, which
is net: where the current also charges, the throughput's truth is the 1 s current instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from altergo_interface import Samples, SensorRule, Span, StepData
from altergo_interface.manifest import load_manifest
from benchmarks.accuracy_row import Accuracy
from models.eq_cycles import EqCycles

DAY_US, S = 86_400_000_000, 1_000_000
MANIFEST = load_manifest(Path(__file__).parents[1] / "models" / "eq_cycles" / "model.json")
SIMULATED = ("nmc_chen2020_spme_5d_1s", "lfp_prada2013_spm_hyst_5d_1s")
DRIVES = ("Cycle", "HWF", "LA92", "NN", "US06", "UDDS")
CAPACITY_AH, DEADBAND_A = 3.0, 0.02
TRUTH_TARGET, TESTER_TARGET = 0.001, 0.005
PHASES = {1: 1, 10: 10, 60: 15}
"""Seconds between the samples that are kept, and how many ways of choosing them are tried."""

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """What is true of one history, what the model found, and its 1 σ, all Ah; errors are fractions of `scale`."""

    name: str
    true: float
    found: float
    sigma: float
    scale: float

    @property
    def error(self) -> float:
        """Found less true."""
        return (self.found - self.true) / self.scale

    @property
    def stated(self) -> float:
        """The stated 1 σ."""
        return self.sigma / self.scale


@dataclass(frozen=True, slots=True)
class Course:
    """A history at 1 s, (n,) each: stamps (µs UTC), current (A), and the true sums up to there (Ah).

    `net` is discharge less charge. `tester` tells that the truth is a counter's.
    """

    name: str
    t: Times
    current: Floats
    throughput: Floats
    net: Floats
    tester: bool

    def every(self, seconds: int, phase: int) -> NDArray[np.intp]:
        """The indices of the first sample of each period of so many seconds."""
        if seconds == 1:
            return np.arange(len(self.t))
        period = (self.t - self.t[0] - phase * S) // (seconds * S)
        return np.flatnonzero((np.diff(period, prepend=-1) > 0) & (period >= 0))


# ---- data ----


@lru_cache(maxsize=2)
def simulated(folder: Path, cell: str) -> Course:
    """A simulated cell: the sensor's current, and the exact integrals of the true one."""
    truth = pd.read_parquet(folder / "truth" / f"{cell}.parquet")
    names = ("current", "true_throughput_ah", "true_net_ah")
    current, throughput, net = (truth[name].to_numpy(dtype=float) for name in names)
    t = truth["ts"].dt.as_unit("us").astype("int64").to_numpy()
    return Course(cell, t, current, throughput, net, tester=True)


@lru_cache(maxsize=1)
def drive_cycles(folder: Path) -> tuple[Course, ...]:
    """The laboratory's drive cycles."""
    rows = pd.read_parquet(folder / "lab_panasonic_18650pf.parquet")
    rows = rows[rows["sensor"].isin(["current", "ref_ah_discharged"])]
    tests = {str(name).removeprefix("pan18650pf_"): test for name, test in rows.groupby("asset_id", observed=True)}
    return tuple(_course(name, test) for name, test in tests.items() if any(drive in name for drive in DRIVES))


def _course(name: str, test: pd.DataFrame) -> Course:
    wide = test.drop_duplicates(["ts", "sensor"]).pivot(index="ts", columns="sensor", values="value").dropna()
    t = pd.DatetimeIndex(wide.index).as_unit("us").asi8
    current, counter = (wide[name].to_numpy(dtype=float) for name in ("current", "ref_ah_discharged"))
    if current.min() > -0.05:
        return Course(name, t, current, counter, counter, tester=True)
    size = np.abs(current)
    steps = (size[:-1] + size[1:]) / 2 * np.diff(t) / S / 3600
    return Course(name, t, current, np.concatenate(([0.0], np.cumsum(steps))), counter, tester=False)


# ---- runs ----


def by_day(inputs: Mapping[str, Samples], **config: object) -> dict[str, float]:
    """The last value of every output after one call for each UTC day."""
    given = {"enable_efficiency_correction": False, **config}
    model = EqCycles(MANIFEST.effective_configuration(given, "benchmark"))
    first, last = (int(f(x.t[k] for x in inputs.values())) for f, k in ((min, 0), (max, -1)))
    state: Any = model.initial()
    found: dict[str, float] = {}
    for start in range(first // DAY_US * DAY_US, last + 1, DAY_US):
        span = Span(start, start + DAY_US)
        called = {name: _cut(x, span) for name, x in inputs.items()}
        state, outputs = model.advance(state, StepData({**called, "capacity": CAPACITY_AH}, span))
        rows = {name: x for name, x in outputs.items() if isinstance(x, Samples) and len(x)}
        found |= {name: float(samples.x[-1]) for name, samples in rows.items()}
    return found


def _cut(x: Samples, span: Span) -> Samples:
    low, high = (int(i) for i in np.searchsorted(x.t, [span.start, span.end]))
    lead = min(low, 1)
    return Samples(x.t[low - lead : high], x.x[low - lead : high], lead, x.declared)


def throughput(course: Course, seconds: int, phase: int = 0, **config: object) -> Run:
    """The throughput of one sample in so many seconds."""
    kept = course.every(seconds, phase)
    rule = SensorRule(cadence_s=max(seconds, 24))  # 120 s at least: the tester writes once a minute in its pauses
    found = by_day({"current": Samples(course.t[kept], course.current[kept], 0, rule)}, **config)
    total = found["charge_throughput_ah"] + found["discharge_throughput_ah"]
    true = float(course.throughput[kept[-1]] - course.throughput[kept[0]])
    return Run(course.name, true, total, found["throughput_uncertainty"], true)


def net_charge(course: Course, **config: object) -> Run:
    """Discharge less charge at 1 s against the tester's counter."""
    found = by_day({"current": Samples(course.t, course.current, 0, SensorRule(cadence_s=24))}, **config)
    net = found["discharge_throughput_ah"] - found["charge_throughput_ah"]
    true = float(course.net[-1] - course.net[0])
    return Run(course.name, true, net, found["throughput_uncertainty"], true)


def by_counters(course: Course, seconds: int, rollover_ah: float | None = None) -> Run:
    """The throughput by counters that are exact to 0.1 mAh, one frame in so many seconds."""
    kept = course.every(seconds, 0)
    t, rule = course.t[kept], SensorRule(cadence_s=seconds, resolution=0.0001)
    inputs = {"current": Samples(t, course.current[kept], 0, SensorRule(cadence_s=seconds))}
    for name, sign in (("discharge_ah", 1), ("charge_ah", -1)):
        counter = np.round((course.throughput + sign * course.net)[kept] / 2, 4)
        inputs[name] = Samples(t, counter if rollover_ah is None else counter % rollover_ah, 0, rule)
    found = by_day(inputs, counter_rollover_ah=rollover_ah)
    total = found["charge_throughput_ah"] + found["discharge_throughput_ah"]
    true = float(course.throughput[kept[-1]] - course.throughput[kept[0]])
    return Run(course.name, true, total, found["throughput_uncertainty"], true)


def sampled(courses: Sequence[Course], seconds: int, **config: object) -> list[Run]:
    """All courses at so many seconds a sample, at several phases."""
    phases = np.linspace(0, seconds, PHASES[seconds], endpoint=False).astype(int).tolist()
    return [throughput(course, seconds, phase, **config) for course in courses for phase in phases]


# ---- figures ----


def greatest(data_set: str, quantity: str, runs: Sequence[Run], target: float) -> Accuracy:
    """The greatest |error| of some runs."""
    return Accuracy(data_set, quantity, max(abs(r.error) for r in runs), target, *coverage(runs), len(runs))


def inside(data_set: str, quantity: str, runs: Sequence[Run]) -> Accuracy:
    """The root mean square of some runs' errors; their target is that of the stated σ."""
    error, stated = (
        float(np.sqrt(np.mean(np.square([getattr(r, name) for r in runs])))) for name in ("error", "stated")
    )
    return Accuracy(data_set, quantity, error, stated, *coverage(runs), len(runs))


def coverage(runs: Sequence[Run]) -> tuple[float, float]:
    """The shares of runs whose error lies within 1 and 2 stated σ; NaN where nothing is uncertain."""
    if not any(run.stated for run in runs):
        return np.nan, np.nan
    one, two = (float(np.mean([abs(r.error) <= k * r.stated for r in runs])) for k in (1, 2))
    return one, two


def rows(folder: Path) -> list[Accuracy]:
    """Every figure of equivalent cycles."""
    return [*_of_simulated(folder), *_of_drive_cycles(folder)]


def _of_simulated(folder: Path) -> Iterator[Accuracy]:
    for cell in SIMULATED:
        course = simulated(folder, cell)
        one = sampled([course], 1, deadband_a=DEADBAND_A)
        yield greatest(cell, "throughput at 1 s, 20 mA deadband", one, TRUTH_TARGET)
        for seconds in (10, 60):
            yield inside(cell, f"throughput at {seconds} s", sampled([course], seconds, deadband_a=DEADBAND_A))
        yield greatest(cell, "throughput by exact counters at 60 s", [by_counters(course, 60)], TRUTH_TARGET)
        yield greatest(cell, "the same with roll-over at 2 Ah", [by_counters(course, 60, 2.0)], TRUTH_TARGET)


def _of_drive_cycles(folder: Path) -> Iterator[Accuracy]:
    courses = drive_cycles(folder)
    net = [net_charge(course) for course in courses]
    warm, cold = ([r for r in net if r.name.startswith("25C") == is_warm] for is_warm in (True, False))
    yield greatest("lab drive cycles, 25 °C", "net charge at 1 s against the tester", warm, TESTER_TARGET)
    yield greatest("lab drive cycles, 10 to -20 °C", "net charge at 1 s against the tester", cold, TESTER_TARGET)
    tester, own = ([c for c in courses if c.tester == which] for which in (True, False))
    for seconds in (1, 10, 60):
        yield inside("lab drive cycles, discharge", f"throughput at {seconds} s", sampled(tester, seconds))
    for seconds in (10, 60):
        yield inside("lab drive cycles, regeneration", f"throughput at {seconds} s", sampled(own, seconds))
