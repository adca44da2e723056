"""What a model receives in one call: columns of samples with lead-ins, constants, and the span that is covered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altergo_interface.sensors import SensorRule

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Words = NDArray[np.object_]

US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open event time [start, end), int64 µs UTC, that one call covers.

    It begins where the previous call's ended, so timers that fall due between two calls fire in the later one.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Samples:
    """One series: stamps `t` (n,) int64 µs UTC, strictly increasing, and values `x` (n,) float64.

    The first `lead` samples lie before the span: they were seen by an earlier call and are given again so that
    the first interval is whole. `declared` is what the settings say of the sensor, `sensor` its name.
    """

    t: Times
    x: Values
    lead: int = 0
    declared: SensorRule = field(default_factory=SensorRule)
    sensor: str = ""

    def __len__(self) -> int:
        return len(self.t)


@dataclass(frozen=True, slots=True)
class Labels:
    """One series of labels: stamps `t` as in Samples, and `x` (n,) object, a text each or None where there is none.

    What a model gives; as an input it is only met as the seed of an output of labels, which is a lead-in.
    """

    t: Times
    x: Words
    lead: int = 0

    def __len__(self) -> int:
        return len(self.t)


@dataclass(frozen=True, slots=True)
class Table:
    """Several series of one kind (one per battery cell) on the union of their stamps.

    `t` (n,) int64 µs UTC, strictly increasing; `x` (n, k) float64, NaN where a column has no sample at a stamp;
    `columns` (k,) names in numeric order. Only series with at least one sample so far have a column.
    """

    t: Times
    x: Values
    columns: tuple[str, ...]
    lead: int = 0
    declared: SensorRule = field(default_factory=SensorRule)

    def __len__(self) -> int:
        return len(self.t)

    def fresh(self) -> "Table":
        """The same without the lead-ins, and without the columns that have no sample then."""
        x = self.x[self.lead :]
        there = [at for at in range(x.shape[1]) if not np.isnan(x[:, at]).all()]
        return Table(self.t[self.lead :], x[:, there], tuple(self.columns[at] for at in there), 0, self.declared)


Input = Samples | Labels | Table | float | str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepData(Mapping[str, Input]):
    """The inputs of one call by logical name; an absent optional input is an absent key."""

    inputs: Mapping[str, Input]
    span: Span

    def __getitem__(self, name: str) -> Input:
        return self.inputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.inputs)

    def __len__(self) -> int:
        return len(self.inputs)

    def series(self, name: str) -> Samples | None:
        """The series of that name, or None where it is absent or empty."""
        found = self.inputs.get(name)
        return found if isinstance(found, Samples) and len(found) else None

    def table(self, name: str) -> Table | None:
        """The table of that name, or None where it is absent or empty."""
        found = self.inputs.get(name)
        return found if isinstance(found, Table) and len(found) else None

    def sensors(self, name: str) -> Mapping[str, Samples]:
        """The sensors of the input of that name that have had a sample, each as delivered, with its declaration."""
        found = self.inputs.get(name)
        return found if isinstance(found, Mapping) else {}

    def number(self, name: str) -> float | None:
        """The constant of that name, or None where it is absent."""
        found = self.inputs.get(name)
        return float(found) if isinstance(found, int | float) else None


def hold(samples: Samples, at: Times, max_age_s: float | None = None) -> Values:
    """Carry the previous value of `samples` to each stamp of `at` (m,); NaN before the first sample.

    Nothing looks ahead: the value at a stamp is the newest one at or before it. With `max_age_s`, a value that
    is older than that at a stamp is NaN there.
    """
    if len(samples.t) == len(at) and np.array_equal(samples.t, at):
        return samples.x
    index = np.searchsorted(samples.t, at, side="right") - 1
    missing = index < 0
    if len(samples.t) == 0:
        return np.full(len(at), np.nan)
    held = samples.x[np.maximum(index, 0)]
    if max_age_s is not None:
        missing |= at - samples.t[np.maximum(index, 0)] > max_age_s * US_PER_S
    if missing.any():
        held[missing] = np.nan
    return held


def align(data: StepData, on: str, max_age_s: float | None = None) -> dict[str, Values]:
    """All series of `data` on the stamps of the series `on`, previous values carried, see `hold`."""
    base = data.inputs[on]
    if not isinstance(base, Samples | Table):
        raise TypeError(f"'{on}' is no series")
    return {name: hold(found, base.t, max_age_s) for name, found in data.inputs.items() if isinstance(found, Samples)}
