"""What SOC estimation carries from one call to the next; times are µs UTC, SOC and charge fractions."""

import math

from altergo_interface import ModelState


class Anchor(ModelState):
    """A known state of charge, from which charge is counted on.

    `soc` holds at `at`, where the counted charge was `counted` and its variance `lost` (see `Estimate`). Its error
    has an independent part of that `variance`, and `common` (1 σ), which errors of the table give to every anchor.
    """

    at: int
    soc: float
    variance: float
    common: float
    counted: float
    lost: float


class Finding(ModelState):
    """The newest evaluation of a rest; its fields are the detail of the rest's record.

    `ocv` is the cell's voltage (V); `soc` and `soc_uncertainty` are the estimate after it, `ocv_soc` and
    `ocv_soc_uncertainty` what the voltage alone says; `branch` is −1 discharge, +1 charge, 0 mean; `gap` says
    whether it was the first voltage after a telemetry gap; `measured_at` is its time.
    """

    ocv: float
    soc: float
    soc_uncertainty: float
    ocv_soc: float
    ocv_soc_uncertainty: float
    branch: float
    gap: bool
    measured_at: int


class Waiting(ModelState):
    """A telemetry gap in a rest that ended at `since` and has no voltage yet; whether one was as `long` as the drift
    window."""

    since: int
    long: bool


class Rest(ModelState):
    """The rest in progress, perhaps still too short.

    `over_since` is the start of a spike that may end it. `grid_v` are the voltages (V) at the three newest points of
    the drift window's grid. `level` is the base-4 logarithm of the newest evaluation's duration over the shortest
    rest, −1 before the first. `waiting` is a gap whose
    first voltage is still to come.
    """

    since: int
    over_since: int | None = None
    grid_v: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    level: int = -1
    waiting: Waiting | None = None
    finding: Finding | None = None


class Branch(ModelState):
    """Where the hysteresis stands: `side` +1 charge, −1 discharge, 0 unknown, and the extremes of the counted
    charge since the side was taken, or since it became unknown; the newest charge where one means nothing."""

    side: int = 0
    lowest: float = math.nan
    highest: float = math.nan


class Estimate(ModelState):
    """The estimator between two calls.

    `counted` is the net charge taken out so far over the capacity in force, `lost` the variance of what sampling and
    gaps hide of it, `soh` the state of health at the newest current sample. `voltage` and `voltage_at` are the newest
    sample at rest (V per cell). `before` is the anchor that held before the rest in progress. `full_since` is the
    start of an unbroken run of full-charge conditions, `full_used` whether it gave an anchor. `implausible` counts
    voltages outside the chemistry's window before the first inside it. `generic` names the packaged table in use.
    """

    counted: float = 0.0
    lost: float = 0.0
    soh: float = 1.0
    voltage: float = math.nan
    voltage_at: int | None = None
    rest: Rest | None = None
    before: Anchor | None = None
    anchor: Anchor | None = None
    branch: Branch = Branch()
    full_since: int | None = None
    full_used: bool = False
    implausible: int = 0
    plausible: bool = False
    generic: str = ""
