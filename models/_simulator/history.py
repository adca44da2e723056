"""What goes into the simulator (FleetSpec) and what comes out of it (AssetHistory, Fault)."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from altergo_interface.errors import ParameterError

FloatArray: TypeAlias = NDArray[np.float64]
TimeArray: TypeAlias = NDArray[np.int64]
Sensors: TypeAlias = dict[str, tuple[TimeArray, FloatArray]]

SECOND_US = 1_000_000
DAY_S = 86_400
DAY_US = DAY_S * SECOND_US
ALL_SENSORS = "*"
FAULT_KINDS = ("weak_cell", "over_voltage", "gap", "stuck", "sentinel", "late", "duplicate")


@dataclass(frozen=True)
class FleetSpec:
    """A fleet to simulate.

    Attributes:
        assets: number of assets; an asset's data does not depend on it.
        days: length of every history; without faults, a longer history begins with the shorter one's bits.
        seed: the same seed gives the same bits.
        cadence_s: seconds between samples, 1..600.
        start_us: first sample, UTC µs, a UTC midnight; default 2026-01-01T00:00Z.
        faults: whether every fourth asset carries one fault.
        cells: 0 for cell extremes only, else also one sensor for each of that many cells in series.
    """

    assets: int
    days: int
    seed: int = 0
    cadence_s: int = 60
    start_us: int = 1_767_225_600 * SECOND_US
    faults: bool = True
    cells: int = 0

    def __post_init__(self) -> None:
        if self.assets < 0 or self.days < 1 or self.seed < 0 or self.cells < 0:
            raise ParameterError("assets, seed and cells must not be negative, and days must be at least 1")
        if not 1 <= self.cadence_s <= 600:
            raise ParameterError(f"cadence_s is {self.cadence_s}, it must lie within 1 to 600")
        if self.start_us % DAY_US:
            raise ParameterError(f"start_us is {self.start_us}, it must be a UTC midnight")


@dataclass(frozen=True)
class Fault:
    """One injected fault, as it truly is.

    Attributes:
        kind: one of FAULT_KINDS.
        sensor: the sensor that shows it, or "*" for all of them.
        started_at: stamp of the first affected event, UTC µs.
        ended_at: stamp of the first event that is unaffected again, UTC µs (the history's end if none is).
        detail: facts by kind; see README.md in this folder.
    """

    kind: str
    sensor: str
    started_at: int
    ended_at: int
    detail: dict[str, object]


@dataclass(frozen=True, eq=False)
class AssetHistory:
    """One simulated asset.

    Attributes:
        asset_id: duty type and index, such as "EV-0007", "HOME-0004" or "GRID-0005".
        parameters: capacity (Ah), chemistry, cells_in_series, current_sign, cadence_s.
        sensors: name -> (t in UTC µs, value), both of shape (n,), in the order of delivery.
        truth: exact figures of the noise-free, unquantised simulation; see README.md in this folder.
        faults: the injected faults, at most one.
    """

    asset_id: str
    parameters: dict[str, object]
    sensors: Sensors
    truth: dict[str, float]
    faults: tuple[Fault, ...]
