"""The equivalent circuit of a cell and the pack's temperature, vectorised over time."""

import numpy as np

from models._ocv import load_table
from models._simulator.history import FloatArray
from models._simulator.pack import Pack

_NEGLIGIBLE = 1e-20  # a weight below this cannot change a bit of a sum of comparable terms
_RISE_AT_1C_K = 8.0  # steady self-heating at 1C, K
_THERMAL_TAU_S = 3600.0
_DAILY_SWING_K = 4.0
_WARMEST_H = 15.0


def first_order(drive: FloatArray, keep: float, initial: float) -> FloatArray:
    """Exact response of a first-order element to a drive that is held over each step, shape (n,).

    y[0] = initial; y[k+1] = keep·y[k] + (1 - keep)·drive[k], with keep = exp(-Δt/τ).

    The sum Σ keepʲ·x[k-j] over a window of 2s terms is the one over s terms plus keepˢ times the one
    that ends s earlier, so log2(n) vector steps replace the loop.
    """
    y = np.empty_like(drive)
    y[0] = initial
    y[1:] = (1 - keep) * drive[:-1]
    reach, weight = 1, keep
    while reach < len(y) and weight > _NEGLIGIBLE:
        y[reach:] += weight * y[:-reach]
        reach, weight = 2 * reach, weight * weight
    return y


def rc_voltage(pack: Pack, current: FloatArray, cadence_s: int) -> FloatArray:
    """Voltage over one cell's RC element at each sample, V, from rest, shape (n,)."""
    return first_order(pack.r1_ohm * current, float(np.exp(-cadence_s / pack.tau_s)), 0.0)


def cell_voltages(pack: Pack, soc: FloatArray, polarisation_v: FloatArray) -> FloatArray:
    """Terminal voltages of the modelled cells, V, shape (k, n): OCV(soc + offset) - ratio·(I·R0 + V_RC)."""
    table = load_table(pack.chemistry)
    cells = np.empty((len(pack.cell_soc), len(soc)))
    for row, offset, ratio in zip(cells, pack.cell_soc, pack.cell_resistance, strict=True):
        row[:] = table.ocv(soc + offset) - ratio * polarisation_v
    return cells


def temperature(pack: Pack, hour: FloatArray, current: FloatArray, cadence_s: int) -> FloatArray:
    """Pack temperature at each sample, °C, shape (n,): a first-order lag behind ambient + θ·(I/C)²."""
    ambient = pack.ambient_c + _DAILY_SWING_K * np.cos(2 * np.pi * (hour - _WARMEST_H) / 24.0)
    heated = ambient + _RISE_AT_1C_K * (current / pack.capacity_ah) ** 2
    return first_order(heated, float(np.exp(-cadence_s / _THERMAL_TAU_S)), float(ambient[0]))
