"""Where data contradicts its declaration: sign of the current, unit of a ratio."""

from dataclasses import dataclass

import numpy as np

from altergo_interface import Samples, hold
from models.data_quality.charge import Charge
from models.data_quality.days import Times
from models.data_quality.state import Quality

STEP_SHARE = 0.1
"""A step of the current counts from this share of the capacity per hour on (C/10)."""

SOC_SHARE = 0.01
"""Net charge between two values of the state of charge, as a share of capacity, from which the signs must agree."""

PERCENT_FROM = 1.5
"""A fraction above this is no fraction: state of charge and health end at about 1.2."""

ENOUGH = 10
"""Steps or samples of a day from which a majority says something."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Stamps of the voltage, inside the span, over which the current stepped; `against`: those at which the voltage
    rose with the discharge, or fell with the charge. `held` is the current (A) at the newest one of all."""

    t: Times
    against: Times
    held: float

    @classmethod
    def none(cls, state: Quality) -> "Steps":
        """What is known without a voltage, a current or a capacity."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), state.held_current)


def voltage_steps(voltage: Samples, current: Samples, state: Quality, capacity_ah: float) -> Steps:
    """Ohm's law: where the discharge current rises, the voltage falls. Relaxation is slower than a step."""
    t = voltage.t[voltage.lead :]
    max_age_s = current.declared.max_interval_s()
    held = np.concatenate(([state.held_current] * voltage.lead, hold(current, t, max_age_s)))
    rise_a, rise_v = np.diff(held), np.diff(voltage.x)
    at = voltage.t[1:]
    near = np.diff(voltage.t) <= voltage.declared.max_interval_s() * 1e6
    stepped = (np.abs(rise_a) >= STEP_SHARE * capacity_ah) & near & (rise_v != 0.0)
    return Steps(at[stepped], at[stepped & (rise_a * rise_v > 0)], float(held[-1]))


def soc_against_charge(soc: Samples, charge: Charge, state: Quality, capacity_ah: float) -> tuple[Times, float]:
    """Stamps at which the state of charge rose although charge had left since it last changed, or the other way
    round; and the net charge (Ah) at its newest change."""
    change = np.diff(soc.x)
    changed = np.flatnonzero(change)
    t = soc.t[1:][changed]
    if len(t) == 0:
        return t, state.change_net
    net = charge.at(t)[1]
    flowed = np.diff(np.concatenate(([state.change_net], net)))
    wrong = (np.abs(flowed) >= SOC_SHARE * capacity_ah) & (flowed * change[changed] > 0)
    return t[wrong], float(net[-1])


def percent_in_fraction(samples: Samples) -> Times:
    """Stamps inside the span at which a sensor that declares a fraction reads like a percentage."""
    t, x = samples.t[samples.lead :], samples.x[samples.lead :]
    return t[x > PERCENT_FROM] if x.max() > PERCENT_FROM else t[:0]


def fraction_in_percent(samples: Samples) -> Times:
    """Stamps inside the span at which a sensor that declares % reads like a fraction: between 0 and 1, not whole."""
    t, x = samples.t[samples.lead :], samples.x[samples.lead :]
    return t[(x > 0.0) & (x < 1.0)] if x.min() < 1.0 else t[:0]


def majority(against: int, of: int) -> int:
    """What is counted of single signs that may be noise: all of them where they outnumber the others, else none."""
    return against if of >= ENOUGH and 2 * against > of else 0
