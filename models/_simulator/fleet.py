"""Simulates one asset, or a whole fleet one asset at a time."""

from collections.abc import Iterator

import numpy as np

from altergo_interface.errors import SelectionError
from models._simulator.cell_faults import CELL_FAULTS
from models._simulator.delivery_faults import DELIVERY_FAULTS
from models._simulator.history import FAULT_KINDS, AssetHistory, Fault, FleetSpec, FloatArray
from models._simulator.randomness import Purpose
from models._simulator.sensing import pack_voltage, sense
from models._simulator.simulation import Simulation, simulate

_ONE_IN = 4


def simulate_fleet(spec: FleetSpec) -> Iterator[AssetHistory]:
    """The fleet's assets in order of their index, each made when it is asked for."""
    return (simulate_asset(spec, index) for index in range(spec.assets))


def simulate_asset(spec: FleetSpec, index: int) -> AssetHistory:
    """One asset; the same (seed, index) gives the same bits in a fleet of any size."""
    if not 0 <= index < spec.assets:
        raise SelectionError(f"no asset {index} in a fleet of {spec.assets}")
    sim = simulate(spec, index)
    kind = _fault_kind(spec, index)
    rng = sim.streams.of(Purpose.FAULT)
    cells_v, faults = sim.cells_v, list[Fault]()
    if kind in CELL_FAULTS:
        cells_v, fault = _with_cell_fault(sim, kind, rng)
        faults.append(fault)
    pack_v = pack_voltage(sim, cells_v)
    sensors = sense(sim, cells_v, pack_v)
    if kind in DELIVERY_FAULTS:
        sensors, fault = DELIVERY_FAULTS[kind](sim, sensors, rng)
        faults.append(fault)
    return AssetHistory(sim.asset_id, _parameters(sim), sensors, _truth(sim, pack_v), tuple(faults))


def _fault_kind(spec: FleetSpec, index: int) -> str:
    """The fault of an asset: every fourth has one, the kinds in turn; empty for a sound asset."""
    if not spec.faults or index % _ONE_IN != _ONE_IN - 1:
        return ""
    return FAULT_KINDS[index // _ONE_IN % len(FAULT_KINDS)]


def _with_cell_fault(sim: Simulation, kind: str, rng: np.random.Generator) -> tuple[FloatArray, Fault]:
    """The cells' voltages with one faulty cell, shape (k, n), and the truth about it."""
    cell = int(rng.integers(len(sim.cells_v)))
    cells_v = sim.cells_v.copy()
    cells_v[cell], fault = CELL_FAULTS[kind](sim, cell, rng)
    return cells_v, fault


def _parameters(sim: Simulation) -> dict[str, object]:
    """What the asset's owner declares."""
    return {
        "capacity": sim.pack.capacity_ah,
        "chemistry": sim.pack.chemistry,
        "cells_in_series": sim.pack.cells_in_series,
        "current_sign": "discharge_positive",
        "cadence_s": sim.spec.cadence_s,
    }


def _truth(sim: Simulation, pack_v: FloatArray) -> dict[str, float]:
    """Exact integrals of the piecewise-constant current (Ah, Wh, cycles), and states of charge (fraction)."""
    step_h = sim.spec.cadence_s / 3600.0
    charge_ah = float(np.sum(np.maximum(-sim.current, 0.0))) * step_h
    discharge_ah = float(np.sum(np.maximum(sim.current, 0.0))) * step_h
    return {
        "charge_throughput_ah": charge_ah,
        "discharge_throughput_ah": discharge_ah,
        "throughput_ah": charge_ah + discharge_ah,
        "equivalent_cycles": (charge_ah + discharge_ah) / (2 * sim.pack.capacity_ah),
        "energy_wh": float(np.sum(np.abs(pack_v * sim.current))) * step_h,
        "initial_soc": float(sim.soc[0]),
        "final_soc": float(sim.soc[-1]),
    }
