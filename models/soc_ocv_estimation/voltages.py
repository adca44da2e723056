"""What a rested voltage says of the state of charge, and how far it can be trusted."""

from dataclasses import dataclass

import numpy as np

from models._ocv import REFERENCE_C
from models.soc_ocv_estimation.counting import Floats
from models.soc_ocv_estimation.moments import Moments
from models.soc_ocv_estimation.rules import Rules

RELAXATION_V = 0.008
"""1 σ of what is left of the relaxation after the time that it takes (`Rules.relaxation_us`); it falls with the
square root of the time, as diffusion does."""

AXIS = 0.005
"""1 σ of the table's SOC axis: it was measured on another cell, of another capacity and charged to another end."""

BRANCH_SHARE = 0.25
"""Least share of the half gap that stays unknown on a branch: the cell relaxes away from it."""

ENTROPY_V_PER_K = 0.0004
"""1 σ of ∂OCV/∂T where the table does not know it."""


@dataclass(frozen=True, slots=True)
class Told:
    """State of charge by voltage at n moments, (n,) each: `soc` and its independent and common 1 σ, fractions."""

    soc: Floats
    independent: Floats
    common: Floats


def soc_of(moments: Moments, branch: Floats, rules: Rules) -> Told:
    """Inverts the table on its branch, at the temperature, with the σ of both kinds of errors."""
    table = rules.table
    kelvin = np.where(np.isnan(moments.celsius), 0.0, moments.celsius - REFERENCE_C)
    rough = table.invert(moments.v, branch)
    v = moments.v - kelvin * np.interp(rough, table.soc, table.entropy_v_per_k)
    half_gap_v = np.interp(rough, table.soc, table.half_gap_v) * np.maximum(1 - np.abs(branch), BRANCH_SHARE)
    entropy_v = 0.0 if table.entropic else ENTROPY_V_PER_K * kelvin
    drift_v = np.where(np.isnan(moments.drift_v), 0.0, moments.drift_v)
    own = rules.noise_v**2 + drift_v**2
    # Rests of one battery mostly follow the same use: what is left of the relaxation has the same sign in all.
    relaxation_v = RELAXATION_V / np.sqrt(moments.relaxed)
    shared = table.sigma_v**2 + half_gap_v**2 + entropy_v**2 + relaxation_v**2
    soc, sigma = table.estimate(v, np.sqrt(own + shared), branch)
    common = np.hypot(sigma * np.sqrt(shared / (own + shared)), AXIS)
    return Told(soc, sigma * np.sqrt(own / (own + shared)), common)
