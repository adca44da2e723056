"""Draws one asset's battery and finds the state-of-charge window in which its cells keep their limits."""

from dataclasses import dataclass

import numpy as np

from models._ocv import OcvTable, load_table
from models._simulator.duty import Duty, Window
from models._simulator.history import FloatArray
from models._simulator.profile import RIPPLE_SOC
from models._simulator.randomness import Purpose, Streams

# Warning limits of one cell, V (low, high).
CELL_LIMITS_V = {
    "NMC": (3.0, 4.2),
    "NCA": (3.0, 4.2),
    "LCO": (3.0, 4.2),
    "LMO": (3.0, 4.2),
    "LFP": (2.5, 3.65),
    "LTO": (1.8, 2.8),
}
WEAK_RESISTANCE = 1.6  # a weak cell's resistance over a sound one's
_MARGIN_V = 0.02  # to the limits, before sensor noise
_CELL_SOC_SPREAD = 0.01
_CELL_RESISTANCE_SPREAD = 0.1


@dataclass(frozen=True, eq=False)
class Pack:
    """One asset's battery: cells in series, each an ohmic resistance and one RC element behind its OCV.

    Attributes:
        capacity_ah: capacity, Ah.
        r0_ohm, r1_ohm: ohmic and RC resistance of one cell, Ω.
        tau_s: time constant of the RC element, s.
        ambient_c: mean temperature of its place, °C.
        cell_soc: each modelled cell's offset in state of charge, fraction, shape (k,).
        cell_resistance: each modelled cell's resistance over the mean, shape (k,).
        window: state of charge that keeps all sound cells inside their limits.
    """

    chemistry: str
    capacity_ah: float
    cells_in_series: int
    r0_ohm: float
    r1_ohm: float
    tau_s: float
    ambient_c: float
    cell_soc: FloatArray
    cell_resistance: FloatArray
    window: Window

    @property
    def limits_v(self) -> tuple[float, float]:
        """Low and high warning limit of one cell, V."""
        return CELL_LIMITS_V[self.chemistry]


def draw_pack(duty: Duty, streams: Streams, cells: int) -> Pack:
    """One battery for a duty; `cells` > 0 models that many cells in series, 0 only the extreme ones."""
    rng = streams.of(Purpose.PACK)
    chemistry = duty.chemistries[int(rng.integers(len(duty.chemistries)))]
    capacity_ah = round(float(rng.uniform(*duty.capacity_ah)), 1)
    series = int(rng.integers(duty.cells[0], duty.cells[1] + 1))
    volts_per_c = float(rng.uniform(0.05, 0.07))
    ohmic_share = float(rng.uniform(0.5, 0.7))
    cell_soc, cell_resistance = _cell_spread(streams, cells)
    return Pack(
        chemistry=chemistry,
        capacity_ah=capacity_ah,
        cells_in_series=cells or series,
        r0_ohm=ohmic_share * volts_per_c / capacity_ah,
        r1_ohm=(1 - ohmic_share) * volts_per_c / capacity_ah,
        tau_s=float(rng.uniform(120, 600)),
        ambient_c=float(rng.uniform(15, 25)),
        cell_soc=cell_soc,
        cell_resistance=cell_resistance,
        window=soc_window(load_table(chemistry), duty, volts_per_c),
    )


def soc_window(table: OcvTable, duty: Duty, volts_per_c: float) -> Window:
    """The widest window, inside 0.08..0.95, in which no cell can leave its limits.

    Sufficient condition: with the worst cell's offset and the ripple, OCV ± (R0 + R1)·max|I| keeps a margin
    to the limit; the RC element's voltage never exceeds R1·max|I|. A weak cell's resistance is allowed for.
    """
    low_v, high_v = CELL_LIMITS_V[table.chemistry]
    soc = np.linspace(0.08, 0.95, 871)
    slack = _CELL_SOC_SPREAD + RIPPLE_SOC / 2
    drop_v = volts_per_c * WEAK_RESISTANCE
    highest_v = table.ocv(soc + slack) + drop_v * duty.charge_c
    lowest_v = table.ocv(soc - slack) - drop_v * duty.discharge_c
    safe = soc[(highest_v <= high_v - _MARGIN_V) & (lowest_v >= low_v + _MARGIN_V)]
    return Window(float(safe[0]), float(safe[-1]))


def _cell_spread(streams: Streams, cells: int) -> tuple[FloatArray, FloatArray]:
    """Offsets and resistance ratios of the modelled cells, shape (cells,), or of the four corner cases."""
    rng = streams.of(Purpose.CELL_SPREAD)
    soc_spread = _CELL_SOC_SPREAD * rng.uniform(0.2, 1.0)
    if cells:
        soc, resistance = rng.uniform(-1, 1, (2, cells))
    else:
        soc, resistance = np.array([-1.0, -1.0, 1.0, 1.0]), np.array([1.0, -1.0, 1.0, -1.0])
    return soc_spread * soc, 1 + _CELL_RESISTANCE_SPREAD * resistance
