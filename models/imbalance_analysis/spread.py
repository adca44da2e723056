"""The spread of the state of charge between the highest and the lowest cell, and its standard uncertainty."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models._ocv import REFERENCE_C, OcvTable
from models.imbalance_analysis.blocks import US_PER_S, Floats
from models.imbalance_analysis.extremes import Extremes, Side
from models.imbalance_analysis.hysteresis import Branch

MEDIAN_LOSS = 1.57
"""Variance of a median of many over that of their mean, for normal noise: π/2."""

RELAXATION_V = 0.004
"""1 σ of the difference of two cells' overvoltages when a rest begins."""

RELAXATION_S = 600.0
"""At 25 °C; doubled every 10 K below."""

UNKNOWN_TEMPERATURE_C = 10.0
UNKNOWN_TEMPERATURE_SIGMA_K = 15.0
CELL_GRADIENT_K = 2.0
USUAL_ENTROPY_V_PER_K = 1e-4

OWN_SLOPE_ERROR = 0.02
GENERIC_SLOPE_ERROR: Mapping[str, float] = {"NMC": 0.5, "NCA": 0.25, "LCO": 0.5, "LMO": 0.5, "LFP": 0.35, "LTO": 0.5}
"""1 σ of a table's slope, relative: of the cells' own, and of a packaged one against other cells of its name."""

LOOSE_NAME_V = 0.02
"""Packaged tables of a greater error than this stand for several sub-types."""

COMMON_SIGMAS = 2.0
"""How far both cells are moved along the curve, in σ of what they share: on the knee of a plateau one σ may still
lie on the steep side. The mean of both sides then counts with √2 of its weight, on the side of caution."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of m blocks: hysteresis branch, temperature (°C, NaN unknown), SOC by the BMS (fraction, NaN unknown), and how
    far the range has moved since the rest began (V); all (m,)."""

    branch: Branch
    temperature_c: Floats
    soc: Floats
    moved_v: Floats


@dataclass(frozen=True, slots=True)
class Spread:
    """Highest less lowest state of charge (m,), fraction, its 1 σ (m,), and the part of it that is the curve's slope:
    a factor that stays the same as long as the cells do not move along the curve (m,)."""

    soc: Floats
    sigma: Floats
    factor: Floats


def soc_spread(found: Extremes, table: OcvTable, at: Conditions, cell_offset_v: float) -> Spread:
    """The spread of every block.

    The curve never falls, so that the highest cell by SOC is the highest by its median. What both cells share (the
    table's error, heat, the branch) moves them along the curve: its share of σ is how much the spread differs there.
    """
    place = at.branch.place
    middle_v = (found.low.v + found.high.v) / 2
    entropy = _entropy(table, middle_v, place)
    warm_k = np.nan_to_num(at.temperature_c - REFERENCE_C)
    low_v, high_v = found.low.v - warm_k * entropy, found.high.v - warm_k * entropy
    high_v = np.maximum(low_v, high_v)
    sigma_low_v, sigma_high_v = _sigmas_v(found, at, entropy, cell_offset_v)
    both_v = np.stack((low_v, high_v))
    (low, high), (sigma_low, sigma_high) = table.estimate(both_v, np.stack((sigma_low_v, sigma_high_v)), place)
    spread = high - low

    def doubt(by_v: Floats, branch: Floats) -> Floats:
        """The square of how much the spread differs where both cells are moved by `by_v` (k, m), or on another
        branch (m,); summed over the k."""
        others = table.invert(both_v[:, None] + by_v, branch)
        return np.asarray(((others[1] - others[0] - spread) ** 2).sum(axis=0))

    heat_v = np.where(np.isnan(at.temperature_c), UNKNOWN_TEMPERATURE_SIGMA_K * np.abs(entropy), 0.0)
    common_v = np.hypot(table.sigma_v, heat_v)
    far_v = COMMON_SIGMAS * common_v
    shared = doubt(np.stack((far_v, -far_v)), place) / COMMON_SIGMAS**2
    if table.hysteretic:
        still_v = np.zeros((1, len(spread)))
        below, above = np.maximum(place - at.branch.sigma, -1.0), np.minimum(place + at.branch.sigma, 1.0)
        shared += (doubt(still_v, below) + doubt(still_v, above)) / 2
    if not np.isnan(at.soc).all():
        aside = table.ocv(at.soc, place) - middle_v
        shared += np.nan_to_num(doubt(np.clip(aside, -2 * common_v, 2 * common_v)[None], place))
    factor = _slope_error(table, spread, high_v - low_v)
    return Spread(spread, np.sqrt(sigma_low**2 + sigma_high**2 + factor**2 + shared), factor)


def _slope_error(table: OcvTable, spread: Floats, range_v: Floats) -> Floats:
    """1 σ of the spread by the error of the curve's slope.

    Where sub-types share a name, the cells' own curve may be flat at a voltage at which the packaged one is steep.
    """
    if not table.generic:
        return OWN_SLOPE_ERROR * spread
    error = GENERIC_SLOPE_ERROR[table.chemistry] * spread
    if table.sigma_v < LOOSE_NAME_V:
        return error
    return np.asarray(np.hypot(error, np.maximum(range_v / _usual_slope(table) - spread, 0.0)))


@lru_cache(maxsize=8)
def _usual_slope(table: OcvTable) -> float:
    """Median slope of a table's middle, V per unit of SOC."""
    return float(np.median(table.slope(np.linspace(0.1, 0.9, 81))))


def _entropy(table: OcvTable, v: Floats, place: Floats) -> Floats:
    """∂OCV/∂T of the cells, V/K, (m,); 0 where the table knows none."""
    if not table.entropic:
        return np.zeros(len(v))
    return np.interp(table.invert(v, place), table.soc, table.entropy_v_per_k)


def _sigmas_v(found: Extremes, at: Conditions, entropy: Floats, cell_offset_v: float) -> tuple[Floats, Floats]:
    """1 σ of the lowest and of the highest cell's resting voltage, V, as far as the cells do not share it."""
    gradient_v = CELL_GRADIENT_K * np.maximum(np.abs(entropy), USUAL_ENTROPY_V_PER_K)
    alike = relaxation_v(found, at) ** 2 / 2 + gradient_v**2 + cell_offset_v**2 + found.resolution_v**2 / 12
    return np.sqrt(alike + _noise(found.low, found)), np.sqrt(alike + _noise(found.high, found))


def relaxation_v(found: Extremes, at: Conditions) -> Floats:
    """1 σ, V, of what relaxation is still to change in the range.

    What a rest begins with is not known beforehand, and is more where more has been seen to go; it fades like
    1 / (1 + t/τ), slower than an exponential, as diffusion does.
    """
    whole = found.end - found.since
    rested_s = (whole - np.minimum(whole, found.end - found.start) / 2) / US_PER_S
    t_c = np.where(np.isnan(at.temperature_c), UNKNOWN_TEMPERATURE_C, at.temperature_c)
    tau_s = RELAXATION_S * np.exp2(np.clip((REFERENCE_C - t_c) / 10.0, 0.0, 5.0))
    return np.asarray(np.hypot(RELAXATION_V, at.moved_v) / (1 + rested_s / tau_s))


def _noise(side: Side, found: Extremes) -> Floats:
    """Variance, V², of a median. The highest of many noisy readings at each moment lies above the highest cell."""
    sample = np.maximum(side.scatter, found.resolution_v) ** 2
    return np.asarray(MEDIAN_LOSS * sample / side.count + (0.0 if found.each else sample))
