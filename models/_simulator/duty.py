"""The three duties of the fleet: electric car, home storage and grid container."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models._simulator.history import FloatArray
from models._simulator.profile import CC_TAPER_PEAK, DayPlan, Phase, cc_taper, solar, steady

DRAWS_PER_DAY = 8


@dataclass(frozen=True)
class Window:
    """State of charge between which a plan moves, fractions."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """Width of the window."""
        return self.high - self.low


@dataclass(frozen=True)
class Duty:
    """One type of asset.

    Attributes:
        prefix: of the asset's name.
        chemistries: to choose from.
        capacity_ah, cells: ranges to draw from.
        charge_c, discharge_c: highest C-rates that the plan can ask for, ripple included.
        plan: (draws in 0..1 of shape (DRAWS_PER_DAY, days + 1), window) -> plan.
    """

    prefix: str
    chemistries: tuple[str, ...]
    capacity_ah: tuple[float, float]
    cells: tuple[int, int]
    charge_c: float
    discharge_c: float
    plan: Callable[[FloatArray, Window], DayPlan]


def _car(u: FloatArray, window: Window) -> DayPlan:
    """Two trips with regeneration, a rest after each, and a charge with taper before midnight."""
    depth = window.span * (0.4 + 0.45 * u[0])
    morning = depth * (0.4 + 0.2 * u[1])
    evening = depth - morning
    mean_c = 0.25 + 0.2 * u[2]
    charge_c = 0.3 + 0.2 * u[5]
    return DayPlan(
        window.high,
        (
            Phase(6.3 + 1.4 * u[3], morning / mean_c, -morning, steady, ripple_c=0.9),
            Phase(15.5 + 1.5 * u[4], evening / mean_c, -evening, steady, ripple_c=0.9),
            Phase(19.5 + 0.8 * u[6], depth * CC_TAPER_PEAK / charge_c, depth, cc_taper, ripple_c=0.0),
        ),
    )


def _home(u: FloatArray, window: Window) -> DayPlan:
    """A solar charge by day, the household's load in the evening, rest at night."""
    depth = window.span * (0.45 + 0.5 * u[0])
    return DayPlan(
        window.low,
        (
            Phase(8.0 + 0.5 * u[1], 7.0 + 2.0 * u[2], depth, solar, ripple_c=0.06),
            Phase(18.0 + 0.3 * u[3], 4.0 + 1.0 * u[4], -depth, steady, ripple_c=0.3),
        ),
    )


def _grid(u: FloatArray, window: Window) -> DayPlan:
    """Two cycles a day: charge at night and noon, discharge in the morning and the evening."""
    phases: list[Phase] = []
    for first_h, depth_draw, jitter in ((1.0, u[0], u[1]), (12.0, u[2], u[3])):
        depth = window.span * (0.6 + 0.35 * depth_draw)
        start_h = first_h + 0.3 * jitter
        phases.append(Phase(start_h, np.full_like(jitter, 3.5), depth, cc_taper, ripple_c=0.1))
        phases.append(Phase(start_h + 5.5, np.full_like(jitter, 3.0), -depth, steady, ripple_c=0.1))
    return DayPlan(window.low, tuple(phases))


DUTIES = (
    Duty("EV", ("NMC", "NCA", "LFP"), (60.0, 180.0), (88, 108), charge_c=0.65, discharge_c=1.35, plan=_car),
    Duty("HOME", ("LFP", "NMC"), (20.0, 100.0), (14, 16), charge_c=0.3, discharge_c=0.55, plan=_home),
    Duty("GRID", ("LFP", "NMC", "LTO"), (100.0, 300.0), (200, 260), charge_c=0.45, discharge_c=0.45, plan=_grid),
)
