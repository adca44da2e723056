"""Faults of a cell itself: they change its true voltage."""

import numpy as np

from models._ocv import load_table
from models._simulator.history import DAY_S, Fault, FloatArray
from models._simulator.pack import WEAK_RESISTANCE
from models._simulator.simulation import Simulation

_BREACH_V = 0.1  # how far a fault goes beyond the warning limit
_ONSET_S = 3 * 3600
_OVER_VOLTAGE_S = 600
_OVER_VOLTAGE_AT = 0.55  # share of the charge's time, just before its taper


def weak_cell(sim: Simulation, cell: int, _rng: np.random.Generator) -> tuple[FloatArray, Fault]:
    """A cell loses capacity and gains resistance over three hours and stays so: its voltage, and the truth.

    Balanced at the top, a cell of capacity C/g lies (g - 1)·(top - SOC) below the others. g is chosen such
    that the pack's deepest rest leaves the cell's OCV 0.1 V under the low limit; load dips it further.
    """
    start_s = sim.spec.days // 3 * DAY_S
    severity = np.clip((sim.seconds - start_s) / _ONSET_S, 0.0, 1.0)
    table, top, soc = load_table(sim.pack.chemistry), sim.pack.window.high, sim.soc[:-1]
    offset, ratio = sim.pack.cell_soc[cell], sim.pack.cell_resistance[cell]
    resting = (np.abs(sim.current) < 1e-6 * sim.pack.capacity_ah) & (severity == 1.0)
    trough = float(soc[resting].min())
    target = float(np.interp(sim.pack.limits_v[0] - _BREACH_V, table.open_circuit_v, table.soc))
    gain = (trough + offset - target) / (top - trough)
    weak_soc = soc + offset - gain * severity * np.maximum(top - soc, 0.0)
    resistance = ratio + (WEAK_RESISTANCE - ratio) * severity
    detail: dict[str, object] = {
        "capacity_factor": float(1 / (1 + gain)),
        "resistance_factor": WEAK_RESISTANCE,
        "limit_v": sim.pack.limits_v[0],
    }
    voltage = table.ocv(weak_soc) - resistance * sim.polarisation_v
    first = -(-start_s // sim.spec.cadence_s)
    return voltage, _fault(sim, "weak_cell", "cell_voltage_min", (first, len(sim.seconds)), cell, detail)


def over_voltage(sim: Simulation, cell: int, rng: np.random.Generator) -> tuple[FloatArray, Fault]:
    """A cell reaches 0.1 V over its high limit for ten minutes of one charge: its voltage, and the truth."""
    charges = [phase for phase in sim.plan.phases if phase.soc_change[0] > 0]
    charge, day = charges[int(rng.integers(len(charges)))], int(rng.integers(sim.spec.days))
    start_s = day * DAY_S + 3600 * (charge.start_h[day] + _OVER_VOLTAGE_AT * charge.hours[day])
    first = int(np.ceil(start_s / sim.spec.cadence_s))
    end = first + max(-(-_OVER_VOLTAGE_S // sim.spec.cadence_s), 3)
    high_v = sim.pack.limits_v[1]
    voltage = sim.cells_v[cell].copy()
    voltage[first:end] = high_v + _BREACH_V
    detail: dict[str, object] = {"peak_v": high_v + _BREACH_V, "limit_v": high_v}
    return voltage, _fault(sim, "over_voltage", "cell_voltage_max", (first, end), cell, detail)


def _fault(
    sim: Simulation, kind: str, sensor: str, samples: tuple[int, int], cell: int, detail: dict[str, object]
) -> Fault:
    """The truth of a cell's fault over the half-open range of samples; cells are numbered from 1."""
    numbered = {"cell": cell + 1} if sim.spec.cells else {}
    return Fault(kind, sensor, sim.stamp(samples[0]), sim.stamp(samples[1]), {**detail, **numbered})


CELL_FAULTS = {"weak_cell": weak_cell, "over_voltage": over_voltage}
