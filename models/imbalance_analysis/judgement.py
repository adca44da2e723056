"""What the blocks at rest are worth: the state-of-charge spread, its confidence, and the outputs made of them."""

from dataclasses import dataclass

import numpy as np

from altergo_interface import Samples
from models._ocv import OcvTable
from models.imbalance_analysis.blocks import Flags, Floats
from models.imbalance_analysis.extremes import Extremes
from models.imbalance_analysis.spread import Conditions, soc_spread

SCALE_SOC = 0.01
"""A 1 σ of this halves the confidence; of a wide spread, a quarter of the spread does."""

SCALE_SHARE = 0.25

LEVELS = (0.1, 0.5, 0.8)
"""Confidence from which the level is low (1), medium (2), high (3): a σ of 3, 1 and 0.5 times the scale."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of m blocks: spread of the state of charge (fraction) and its 1 σ, NaN where the level is 0; confidence 0 to 1
    and level 0 to 3; `steady`, whether it would be medium with a curve of the right slope; all (m,)."""

    soc: Floats
    sigma: Floats
    confidence: Floats
    level: Floats
    steady: Flags

    def outputs(self, found: Extremes) -> dict[str, Samples]:
        """The outputs that have one row per block, at its last microsecond."""
        rows = {
            "soc_imbalance": self.soc,
            "soc_imbalance_uncertainty": self.sigma,
            "confidence": self.confidence,
            "confidence_level": self.level,
        }
        if found.each:
            rows |= {"highest_cell": found.high.cell, "lowest_cell": found.low.cell}
        return {name: Samples(found.end, x) for name, x in rows.items()}

    def told(self, found: Extremes) -> dict[str, Floats]:
        """What a record tells of a block besides its range."""
        cells = {"highest_cell": found.high.cell, "lowest_cell": found.low.cell} if found.each else {}
        return {"soc_imbalance": self.soc, **cells}


def judge(found: Extremes, table: OcvTable, at: Conditions, cell_offset_v: float) -> Judgement:
    """Confidence is 1 / (1 + (σ/scale)²); below the first level no state of charge is given."""
    spread = soc_spread(found, table, at, cell_offset_v)
    scale = np.maximum(SCALE_SOC, SCALE_SHARE * spread.soc)
    confidence = 1.0 / (1.0 + (spread.sigma / scale) ** 2)
    steady = (spread.sigma**2 - spread.factor**2 < scale**2) & (confidence >= LEVELS[0])
    level = np.searchsorted(np.array(LEVELS), confidence, side="right").astype(np.float64)
    soc, sigma = (np.where(level > 0, x, np.nan) for x in (spread.soc, spread.sigma))
    return Judgement(soc, sigma, confidence, level, steady)
