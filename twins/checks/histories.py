"""Synthetic telemetry made from a manifest: a plausible battery, sampled unevenly, with pauses and invalid values."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from altergo_interface.data import Times, Values
from altergo_interface.manifest import GROUPS, InputSpec, Manifest
from altergo_interface.units import conversion, is_unit
from twins.checks.battery import FINE_S, battery, signal_of
from twins.grid import DAY_US
from twins.series import Column

START = 1_767_225_600_000_000
"""2026-01-01T00:00Z."""
DAYS = 8
TABLE_COLUMNS = 4
SILENT_DAY = 3
"""Counted from 0: a UTC day without a sample."""

_US_PER_S = 1_000_000
_PAUSE_S = 3 * 3600
_LATER_S = 2400  # each further input begins so much later: models meet empty inputs

Events = dict[str, Column]


def sensors_of(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """Input to the names of its synthetic sensors."""
    names = {name: spec for name, spec in manifest.inputs.items() if spec.is_series}
    table = range(1, TABLE_COLUMNS + 1)
    return {n: tuple(f"{n}_{k}" for k in table) if spec.type in GROUPS else (n,) for n, spec in names.items()}


def synthetic(
    manifest: Manifest,
    constants: Mapping[str, object],
    days: float = DAYS + 0.4,
    steps_s: Sequence[int] = (60, 60, 120, 300),
    faults: bool = True,
) -> Events:
    """Events of every sensor of a manifest, in the unit that the model receives; the same at every call.

    With `faults` there are pauses of hours, one silent day, single lost samples and some invalid values.
    """
    rng = np.random.default_rng(20_260_101)
    signals = battery(days, rng)
    frames = _frames(rng, days, steps_s, faults)
    found: Events = {}
    for place, (name, sensors) in enumerate(sensors_of(manifest).items()):
        spec = manifest.inputs[name]
        for column, sensor in enumerate(sensors):
            t = frames[frames >= START + place * _LATER_S * _US_PER_S]
            t = t[rng.random(len(t)) < 0.97] if faults else t
            x = _values(name, spec, signals, constants, t)
            if len(sensors) > 1:
                x = _within(x * (1 + 0.001 * (column - 1.5)), spec)
            x = np.round(x, 4)
            found[sensor] = (t, _spoilt(x, spec, rng) if faults else x)
    return found


def newest(events: Events) -> int:
    """The stamp of the newest event (µs UTC)."""
    return max((int(t[-1]) for t, _ in events.values() if len(t)), default=START)


def is_valid(x: Values, spec: InputSpec) -> NDArray[np.bool_]:
    """Which values the engine lets through to the model."""
    low, high = _bounds(spec)
    return np.isfinite(x) & (x >= low) & (x <= high)


def _frames(rng: np.random.Generator, days: float, steps_s: Sequence[int], faults: bool) -> Times:
    """The stamps at which this battery speaks."""
    size = int(days * 86_400 / min(steps_s)) + 1
    steps = rng.choice(np.array(steps_s), size)
    if faults:
        steps[rng.random(size) < 0.0015] = _PAUSE_S
    t = START + np.cumsum(steps) * _US_PER_S + rng.integers(0, 400_000, size)
    t = t[t < START + int(days * DAY_US)]
    return t[(t - START) // DAY_US != SILENT_DAY] if faults else t


def _values(
    name: str, spec: InputSpec, signals: Mapping[str, Values], constants: Mapping[str, object], t: Times
) -> Values:
    signal, unit = signal_of(name, spec)
    x = signals[signal][(t - START) // (FINE_S * _US_PER_S)]
    if signal == "voltage":
        x = x * _cells(name, constants)
    if spec.current_sign == "charge_positive":
        x = -x
    if unit is not None and spec.unit is not None and is_unit(spec.unit):
        x = conversion(unit, spec.unit).apply(x)
    return _within(x, spec)


def _cells(name: str, constants: Mapping[str, object]) -> float:
    """How many cells a voltage is of: a cell's own, or a pack's where the model knows or the name says so."""
    if any(word in name.lower() for word in ("cell", "min", "max", "mean")):
        return 1.0
    given = constants.get("cells_in_series")
    return float(given) if isinstance(given, int | float) else 96.0 if "pack" in name.lower() else 1.0


def _bounds(spec: InputSpec) -> tuple[float, float]:
    low, high = spec.valid_range or (None, None)
    return -math.inf if low is None else low, math.inf if high is None else high


def _within(x: Values, spec: InputSpec) -> Values:
    return np.clip(x, *_bounds(spec))


def _spoilt(x: Values, spec: InputSpec, rng: np.random.Generator) -> Values:
    """Some values that are no samples: NaN, infinity, and what lies outside the valid range."""
    low, high = _bounds(spec)
    wrong = [math.nan, math.inf, *(bound + 1 for bound in (high,) if math.isfinite(bound))]
    wrong += [bound - 1 for bound in (low,) if math.isfinite(bound)]
    chosen = rng.random(len(x)) < 0.004
    chosen[-1:] = False  # the newest event says which slot is open
    x = x.copy()
    x[chosen] = rng.choice(np.array(wrong), int(chosen.sum()))
    return x
