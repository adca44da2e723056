"""What the BMS reads of the true course: noise, then the resolution of each sensor."""

import numpy as np

from models._simulator.history import FloatArray, Sensors
from models._simulator.randomness import Purpose
from models._simulator.simulation import Simulation

_SMALL_PACK_AH = 50.0
_CELL_NOISE_V = 0.7e-3
_TEMPERATURE_NOISE_K = 0.1
_SOC_NOISE_PCT = 0.1
_CURRENT_NOISE_STEPS = 0.3  # σ over the resolution


def pack_voltage(sim: Simulation, cells_v: FloatArray) -> FloatArray:
    """True pack voltage, V, shape (n,): the sound mean cell times the series, plus what a fault adds."""
    sound = sim.cells_v.mean(axis=0) * sim.pack.cells_in_series
    return np.asarray(sound if cells_v is sim.cells_v else sound + (cells_v - sim.cells_v).sum(axis=0))


def sense(sim: Simulation, cells_v: FloatArray, pack_v: FloatArray) -> Sensors:
    """All sensors in time order, all on the same stamps."""
    cells = _sense_cells(sim, cells_v)
    readings = {
        "current": _sense_current(sim),
        "pack_voltage": np.round(pack_v + _pack_noise(sim), 3),
        "cell_voltage_min": cells.min(axis=0),
        "cell_voltage_max": cells.max(axis=0),
        "temperature": _halves(sim.temperature_c + _noise(sim, Purpose.TEMPERATURE, _TEMPERATURE_NOISE_K)),
        "soc": _halves(100 * sim.soc[:-1] + _noise(sim, Purpose.SOC, _SOC_NOISE_PCT)),
    }
    numbered = {f"cell_voltage_{k + 1}": cells[k] for k in range(sim.spec.cells)}
    t = sim.t
    return {name: (t, values) for name, values in (readings | numbered).items()}


def _sense_cells(sim: Simulation, cells_v: FloatArray) -> FloatArray:
    """Readings of the modelled cells, 1 mV resolution, V, shape (k, n)."""
    readings = np.empty_like(cells_v)
    for k, true_v in enumerate(cells_v):
        readings[k] = np.round(true_v + _noise(sim, Purpose.CELL_VOLTAGE, _CELL_NOISE_V, k), 3)
    return readings


def _sense_current(sim: Simulation) -> FloatArray:
    """Current in steps of 0.1 A, of 10 mA for a pack under 50 Ah."""
    decimals = 2 if sim.pack.capacity_ah < _SMALL_PACK_AH else 1
    noise = _noise(sim, Purpose.CURRENT, _CURRENT_NOISE_STEPS * 10.0**-decimals)
    # The addition turns -0.0 into 0.0.
    return np.round(sim.current + noise, decimals) + 0.0


def _pack_noise(sim: Simulation) -> FloatArray:
    """Independent noise of all cells in series, V."""
    return _noise(sim, Purpose.PACK_VOLTAGE, _CELL_NOISE_V * float(np.sqrt(sim.pack.cells_in_series)))


def _noise(sim: Simulation, purpose: Purpose, sigma: float, item: int = 0) -> FloatArray:
    return sim.streams.of(purpose, item).normal(0.0, sigma, len(sim.seconds))


def _halves(values: FloatArray) -> FloatArray:
    """Rounded to steps of 0.5."""
    return np.round(2 * values) / 2
