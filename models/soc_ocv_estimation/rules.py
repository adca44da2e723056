"""What holds for one asset: its table, sizes and thresholds, from parameters, configuration and sensors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altergo_interface import ModelError, Samples, StepData
from models._ocv import REFERENCE_C, OcvTable, table_for

US_PER_S = 1_000_000
Floats = NDArray[np.float64]

# End of charge, V per cell. 4.2 V: LG INR21700-M50 (NMC), Panasonic NCR18650PF (NCA), Samsung ICR18650-26F (LCO).
# LFP: 3.6 V A123 ANR26650M1-B, 3.65 V EVE LF280K; LTO: 2.7 V Toshiba SCiB 20 Ah, 2.8 V others: the lower one finds
# both, and so near the end of charge it makes no difference to the state of charge.
FULL_V: Mapping[str, float] = {"NMC": 4.2, "NCA": 4.2, "LCO": 4.2, "LMO": 4.2, "LFP": 3.6, "LTO": 2.7}

# Shortest rest, s, over the temperature, °C: diffusion slows down in the cold. None below the first.
_GRAPHITE_REST = ((-10.0, 0.0, 10.0), (12_600.0, 7_200.0, 1_800.0))
_LFP_REST = ((-10.0, 0.0, 10.0), (12_600.0, 7_200.0, 3_600.0))
_REST_WITHOUT_TEMPERATURE_S = 7_200.0

DIFFUSION_K = 35_000 / 8.314
"""Activation energy of diffusion over the gas constant, K; it makes 1800 s at 25 °C 6600 s at 0 °C."""
_ARRHENIUS_RANGE_C = (-30.0, 45.0)
KELVIN = 273.15

_WINDOW = (0.5, 1.15)
"""A mean cell's voltage lies between these multiples of the table's ends: two cells in series never do."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Currents in A, times in µs, voltages in V per cell, the rest fractions of the capacity unless named.

    `min_rest_s` is None where chemistry and temperature decide. `gap_us` and `voltage_gap_us` are the longest times
    that a sample of current and of voltage may stand for.
    """

    table: OcvTable
    capacity_ah: float
    cells: float
    gap_us: int
    voltage_gap_us: int
    noise_v: float
    rest_a: float
    min_rest_s: float | None
    spike_us: int
    grid_us: int
    drift_v: float
    full_v: float
    full_a: float
    full_us: int
    offset_per_us: float
    scale: float
    window: tuple[float, float]

    @property
    def shortest_rest_us(self) -> int:
        """The shortest rest at any temperature."""
        shortest = self._rest_table()[1][-1] if self.min_rest_s is None else self.min_rest_s
        return round(shortest * US_PER_S)

    def rest_us(self, celsius: Floats) -> Floats:
        """The shortest rest (µs) at each temperature (n,), NaN for an unknown one; infinite where it is too cold."""
        if self.min_rest_s is not None:
            return np.full(len(celsius), self.min_rest_s * US_PER_S)
        temperatures, seconds = self._rest_table()
        needed = np.interp(celsius, temperatures, seconds)
        needed[celsius < temperatures[0]] = math.inf
        needed[np.isnan(celsius)] = _REST_WITHOUT_TEMPERATURE_S
        return np.asarray(needed * US_PER_S)

    def relaxation_us(self, celsius: Floats) -> Floats:
        """The time (µs) that relaxation takes at each temperature (n,): the chemistry's shortest rest at 25 °C, and
        longer in the cold by Arrhenius' law of diffusion."""
        warm = self._rest_table()[1][-1]
        kelvin = np.clip(celsius, *_ARRHENIUS_RANGE_C) + KELVIN
        needed = warm * np.exp(DIFFUSION_K * (1 / kelvin - 1 / (REFERENCE_C + KELVIN)))
        needed[np.isnan(celsius)] = _REST_WITHOUT_TEMPERATURE_S
        return np.asarray(needed * US_PER_S)

    def _rest_table(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return _LFP_REST if self.table.chemistry == "LFP" else _GRAPHITE_REST


def rules_for(data: StepData, config: Mapping[str, Any], current: Samples | None, voltage: Samples | None) -> Rules:
    """The rules of one call. Raises ModelError for a parameter that is no use, ParameterError for a bad table."""
    chemistry, own = data.get("chemistry"), data.get("ocv_table")
    if not isinstance(chemistry, str):
        raise ModelError("chemistry is missing", "Give it as a parameter of the asset")
    table = table_for(chemistry, own if isinstance(own, Mapping) else None)
    capacity_ah = _above_zero(data, "capacity", None)
    cells = _above_zero(data, "cells_in_series", 1.0)
    resolution_v = (voltage.declared.resolution if voltage else None) or 0.0
    rest_a, offset_a, full_v = config["rest_current"], config["current_offset"], config["full_voltage"]
    return Rules(
        table=table,
        capacity_ah=capacity_ah,
        cells=cells,
        gap_us=_us(current.declared.max_interval_s()) if current else 0,
        voltage_gap_us=_us(voltage.declared.max_interval_s()) if voltage else 0,
        noise_v=max(resolution_v / cells, LEAST_RESOLUTION_V) / math.sqrt(12) + NOISE_V,
        rest_a=capacity_ah / 50 if rest_a is None else rest_a,
        min_rest_s=config["min_rest_s"],
        spike_us=_us(config["spike_s"]),
        grid_us=_us(config["drift_window_s"] / 2),
        drift_v=config["max_drift_mv"] / 1000,
        full_v=(FULL_V[table.chemistry] if full_v is None else full_v) - FULL_MARGIN_V,
        full_a=capacity_ah / 20,
        full_us=_us(FULL_S),
        offset_per_us=(capacity_ah / 1000 if offset_a is None else offset_a) / capacity_ah / 3600 / US_PER_S,
        scale=math.hypot(config["capacity_error"], config["current_gain_error"]),
        window=(_WINDOW[0] * float(table.open_circuit_v[0]), _WINDOW[1] * float(table.open_circuit_v[-1])),
    )


FULL_MARGIN_V = 0.010
FULL_S = 300.0
LEAST_RESOLUTION_V = 0.001
NOISE_V = 0.0005


def _above_zero(data: StepData, name: str, default: float | None) -> float:
    value = data.number(name)
    if value is None:
        value = default
    if value is None or not 0 < value < math.inf:
        raise ModelError(f"{name} is {value}, must be a number above 0", "Correct the asset's parameter")
    return value


def _us(seconds: float) -> int:
    return round(seconds * US_PER_S)
