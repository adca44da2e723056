"""What data quality carries from one call to the next."""

import math

from pydantic import Field

from altergo_interface import ModelState


class DayCounts(ModelState):
    """What was found on one UTC day of one sensor; `gap_us` µs. `steps`, `against` and `odd` are not told as such:
    the current's steps and those against the voltage, and values that look like fractions where % is declared."""

    samples: int = 0
    gaps: int = 0
    gap_us: int = 0
    out_of_range: int = 0
    stuck: int = 0
    contradictions: int = 0
    steps: int = 0
    against: int = 0
    odd: int = 0


class Run(ModelState):
    """The run of equal values that the newest sample belongs to, as of its first sample.

    `since` µs UTC; `moved` and `net` the charge counted by then, Ah; `soc` the state of charge, fraction, NaN where
    it was not known; `stuck` whether the sensor is known to be stuck.
    """

    since: int
    moved: float
    net: float
    soc: float
    stuck: bool = False


class SensorDay(ModelState):
    """A sensor's newest UTC day (days since 1970), its counts so far, and its run of equal values."""

    day: int
    counts: DayCounts
    run: Run | None = None


class Quality(ModelState):
    """All sensors, and what ties them together.

    `moved` and `net` are the charge counted so far, Ah, in both directions and net discharged. `held_current` (A) is
    the current at the newest voltage sample, `change_net` the net charge (Ah) at the newest change of the state of
    charge, NaN before the first. `steps` and `against` count the current's steps, and those that voltage went with.
    """

    sensors: dict[str, SensorDay] = Field(default_factory=dict)
    moved: float = 0.0
    net: float = 0.0
    held_current: float = math.nan
    change_net: float = math.nan
    steps: int = 0
    against: int = 0
