"""Faults between cell and log: events that are missing, wrong, late or repeated."""

import numpy as np
from numpy.typing import NDArray

from models._simulator.history import ALL_SENSORS, DAY_S, Fault, Sensors
from models._simulator.simulation import Simulation

_STUCK_SENSORS = ("pack_voltage", "cell_voltage_min", "current")
_SENTINELS_V = (65.535, 0.0)
_SENTINEL_COUNT = 6
_SENTINEL_SPACING = 10  # samples, so that no two are neighbours


def gap(sim: Simulation, sensors: Sensors, rng: np.random.Generator) -> tuple[Sensors, Fault]:
    """No event of any sensor for three to eight hours."""
    first, end = _block(sim, rng, (3.0, 8.0))
    order = np.concatenate([np.arange(first), np.arange(end, len(sim.seconds))])
    detail: dict[str, object] = {"events_per_sensor": end - first}
    return _delivered(sensors, order), _fault(sim, "gap", ALL_SENSORS, first, end, detail)


def late(sim: Simulation, sensors: Sensors, rng: np.random.Generator) -> tuple[Sensors, Fault]:
    """A block of all sensors' events is delivered after one to three hours of later events."""
    first, end = _block(sim, rng, (0.5, 2.0))
    resumed = end + _samples(sim, float(rng.uniform(1.0, 3.0)))
    n = len(sim.seconds)
    order = np.concatenate([np.arange(first), np.arange(end, resumed), np.arange(first, end), np.arange(resumed, n)])
    detail: dict[str, object] = {"events_per_sensor": end - first, "delivered_after": sim.stamp(resumed - 1)}
    return _delivered(sensors, order), _fault(sim, "late", ALL_SENSORS, first, end, detail)


def duplicate(sim: Simulation, sensors: Sensors, rng: np.random.Generator) -> tuple[Sensors, Fault]:
    """A block of all sensors' events is delivered twice, identical."""
    first, end = _block(sim, rng, (0.5, 2.0))
    order = np.concatenate([np.arange(end), np.arange(first, len(sim.seconds))])
    detail: dict[str, object] = {"events_per_sensor": end - first}
    return _delivered(sensors, order), _fault(sim, "duplicate", ALL_SENSORS, first, end, detail)


def stuck(sim: Simulation, sensors: Sensors, rng: np.random.Generator) -> tuple[Sensors, Fault]:
    """One sensor repeats one value for three to six hours, from the middle of a discharge on."""
    sensor, day = _STUCK_SENSORS[int(rng.integers(len(_STUCK_SENSORS)))], int(rng.integers(sim.spec.days))
    load = next(phase for phase in sim.plan.phases if phase.soc_change[0] < 0)
    start_h = day * 24 + float(load.start_h[day] + 0.5 * load.hours[day])
    first = _samples(sim, start_h)
    end = min(first + _samples(sim, float(rng.uniform(3.0, 6.0))), len(sim.seconds))
    t, values = sensors[sensor][0], sensors[sensor][1].copy()
    values[first:end] = values[first]
    detail: dict[str, object] = {"value": float(values[first])}
    return {**sensors, sensor: (t, values)}, _fault(sim, "stuck", sensor, first, end, detail)


def sentinel(sim: Simulation, sensors: Sensors, rng: np.random.Generator) -> tuple[Sensors, Fault]:
    """A few single samples of the highest cell voltage read 65.535 V (0xFFFF mV) and 0 V in turn."""
    places = np.arange(1, len(sim.seconds) - 1, _SENTINEL_SPACING)
    hit = np.sort(rng.choice(places, min(_SENTINEL_COUNT, len(places)), replace=False))
    t, values = sensors["cell_voltage_max"][0], sensors["cell_voltage_max"][1].copy()
    values[hit] = np.resize(_SENTINELS_V, len(hit))
    detail: dict[str, object] = {"times": t[hit].tolist(), "values": values[hit].tolist()}
    fault = _fault(sim, "sentinel", "cell_voltage_max", int(hit[0]), int(hit[-1]) + 1, detail)
    return {**sensors, "cell_voltage_max": (t, values)}, fault


def _samples(sim: Simulation, hours: float) -> int:
    """Number of samples in a time, at least 1."""
    return max(int(hours * 3600 / sim.spec.cadence_s), 1)


def _block(sim: Simulation, rng: np.random.Generator, hours: tuple[float, float]) -> tuple[int, int]:
    """A half-open range of samples that begins between 20 and 60 % of the history."""
    first = int(rng.uniform(0.2, 0.6) * sim.spec.days * DAY_S / sim.spec.cadence_s)
    return first, first + _samples(sim, float(rng.uniform(*hours)))


def _delivered(sensors: Sensors, order: NDArray[np.int64]) -> Sensors:
    """All sensors' events in another order of delivery."""
    return {name: (t[order], values[order]) for name, (t, values) in sensors.items()}


def _fault(sim: Simulation, kind: str, sensor: str, first: int, end: int, detail: dict[str, object]) -> Fault:
    return Fault(kind, sensor, sim.stamp(first), sim.stamp(end), detail)


DELIVERY_FAULTS = {"gap": gap, "stuck": stuck, "sentinel": sentinel, "late": late, "duplicate": duplicate}
