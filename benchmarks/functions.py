"""Throughput of the bare model functions on one core: a year of one-minute data, one call for each month."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from actors.settings_file import packaged_settings
from altergo_interface.config import load_settings
from altergo_interface.data import Span, StepData
from altergo_interface.models import discover
from benchmarks.fleet import Clock
from models._simulator import AssetHistory, FleetSpec, simulate_asset
from twins import Binding, Cursor, ParameterFact, Prepared, Twin, bind
from twins.grid import UTC_DAYS

ASSETS = 6
DAYS = 365
REPEATS = 3
FOUR = ("eq_cycles", "voltage_monitor", "imbalance_analysis", "soc_ocv_estimation")


def measure_functions() -> Iterator[tuple[str, str, str]]:
    """Rows of the benchmark table: each model, then the four batteries' models together."""
    spec = FleetSpec(assets=ASSETS, days=DAYS, seed=3, faults=False)
    histories = [simulate_asset(spec, index) for index in range(ASSETS)]
    events = sum(len(t) for history in histories for t, _ in history.sensors.values())
    seconds = {name: sum(_seconds(name, history) for history in histories) for name in sorted(discover(()))}
    for name, spent in seconds.items():
        samples = sum(_samples(_twin(name, history), history) for history in histories)
        note = f"{samples / spent / 1e6:.1f} M samples/s of the sensors that it reads"
        yield f"  {name}", f"{events / spent / 1e6:.1f} M events/s/core", note
    four = sum(seconds[name] for name in FOUR)
    yield "the four functions", f"{events / four / 1e6:.1f} M events/s/core", "month by month, 6 sensors; target ≥ 12"


def _seconds(name: str, history: AssetHistory) -> float:
    """CPU seconds of a model over a history that lies ready in memory; the best of some."""
    twin = _twin(name, history)
    steps = list(_months(twin, history))

    def once() -> float:
        state: Any = twin.model.initial()
        clock = Clock()
        for data in steps:
            state, _ = twin.model.advance(state, data)
        return clock.cpu

    return min(once() for _ in range(REPEATS))


def _samples(twin: Twin, history: AssetHistory) -> int:
    return sum(len(history.sensors[sensor][0]) for sensor in twin.binding.sensors)


def _twin(name: str, history: AssetHistory) -> Twin:
    spec, settings = discover(())[name], load_settings(packaged_settings(), {})
    facts = [ParameterFact(key, value, None, 1) for key, value in history.parameters.items()]
    binding = bind(name, spec.manifest, settings, list(history.sensors), facts)
    assert isinstance(binding, Binding), binding
    model = spec.create(spec.manifest.effective_configuration({}, name))
    return Twin(model, spec.manifest, binding, facts, spec.continuity)


def _months(twin: Twin, history: AssetHistory) -> Iterator[StepData]:
    series = {name: (t, np.asarray(x, dtype=np.float64)) for name, (t, x) in history.sensors.items()}
    cursor = Cursor(Prepared.of(twin.binding, series, twin.genesis()))
    first, last = (int(edge(t[at] for t, _ in series.values())) for edge, at in ((min, 0), (max, -1)))
    for low, high in UTC_DAYS.steps(UTC_DAYS.floor(first), UTC_DAYS.after(last)):
        yield cursor.take(Span(low, high), high, twin.constants(low, {}))


if __name__ == "__main__":
    for line in measure_functions():
        print("{:24} {:>24}   {}".format(*line))
