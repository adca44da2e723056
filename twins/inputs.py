"""An asset's events made ready for one model: validity, conversion, lead-ins, and cheap slices of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altergo_interface.data import Input, Samples, Span, StepData, Table, Times, Values
from twins.binding import Binding, SensorBinding
from twins.carry import Carry, Sample
from twins.series import Column

Lasts = dict[str, dict[str, Sample]]


class Series:
    """One sensor's valid, converted samples, the carried one in front; slices never copy."""

    def __init__(self, bound: SensorBinding, raw: Column | None, carried: Sample | None) -> None:
        self.bound = bound
        t, x = _valid(bound, *raw) if raw is not None else (np.empty(0, np.int64), np.empty(0))
        if carried is not None:
            t, x = np.concatenate(([carried[0]], t)), np.concatenate(([carried[1]], x))
        self.t: Times = _frozen(t)
        self.x: Values = _frozen(x)
        self.seen = int(carried is not None)

    def until(self, end: int) -> int:
        """The index of the first sample at or after `end`."""
        return int(np.searchsorted(self.t, end))

    def last_before(self, index: int) -> Sample | None:
        """The sample before an index."""
        return (int(self.t[index - 1]), float(self.x[index - 1])) if index else None


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A view that no model can write through: an asset's models share its events."""
    view = array.view()
    view.flags.writeable = False
    return view


Range = tuple[float | None, float | None]
"""Closed bounds; None: none on this side."""
_LARGEST = float(np.finfo(np.float64).max)


def _valid(bound: SensorBinding, t: Times, x: Values) -> Column:
    """Drop what is no sample: not finite, or outside a declared range; then convert."""
    converted = bound.convert.apply(x)
    declared, received = bound.valid_range or (None, None), bound.bounds or (None, None)
    if _all_within(x, declared) and _all_within(converted, received):
        return t, converted
    valid = np.isfinite(x) & _within(x, declared) & _within(converted, received)
    return t[valid], converted[valid]


def _within(x: Values, bounds: Range) -> NDArray[np.bool_]:
    low, high = bounds
    return (x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high))


def _all_within(x: Values, bounds: Range) -> bool:
    """Whether all values are finite and in bounds: two reductions instead of five columns. NaN fails both."""
    if len(x) == 0:
        return True
    low = -_LARGEST if bounds[0] is None else bounds[0]
    high = _LARGEST if bounds[1] is None else bounds[1]
    return bool(x.min() >= low and x.max() <= high)


@dataclass(frozen=True, slots=True)
class Prepared:
    """All series of a pair over the range to replay."""

    singles: Mapping[str, Series]
    groups: Mapping[str, Sequence[Series]]
    raw: frozenset[str] = frozenset()

    @classmethod
    def of(cls, binding: Binding, events: Mapping[str, Column], carry: Carry) -> "Prepared":
        """Bind the events of an asset (sensor to stamps and values as delivered) to a model's inputs."""

        def one(name: str, bound: SensorBinding) -> Series:
            return Series(bound, events.get(bound.sensor), carry.last.get(name, {}).get(bound.sensor))

        singles = {name: one(name, bound) for name, bound in binding.series.items()}
        groups = {name: [one(name, bound) for bound in group] for name, group in binding.tables.items()}
        return cls(singles, groups, binding.raw)

    def all(self) -> Iterator[Series]:
        """Every series, tables' columns included."""
        yield from self.singles.values()
        for group in self.groups.values():
            yield from group


class Cursor:
    """Walks the inputs of a pair forward, step by step."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._all = list(prepared.all())
        self._at = {id(series): series.seen for series in self._all}
        groups = prepared.groups.items()
        self._unions = {name: _Union(group) for name, group in groups if name not in prepared.raw}

    def extent(self, end: int) -> tuple[int, int] | None:
        """Stamps of the first and last sample before `end` not yet given; None where there is none."""
        firsts, lasts = [], []
        for series in self._all:
            begin, stop = self._at[id(series)], series.until(end)
            if stop > begin:
                firsts.append(int(series.t[begin]))
                lasts.append(int(series.t[stop - 1]))
        return (min(firsts), max(lasts)) if firsts else None

    def ready(self, names: Iterable[str]) -> int | None:
        """The stamp by which each of these series has had a sample; None where one has none.

        It does not depend on where the replay began: what a carry holds has come before.
        """
        groups = [self._prepared.groups.get(name) or [self._prepared.singles[name]] for name in names if name in self]
        firsts = [[int(s.t[0]) for s in group if len(s.t)] for group in groups]
        return max((min(first) for first in firsts), default=-(2**63)) if all(firsts) else None

    def __contains__(self, name: str) -> bool:
        return name in self._prepared.singles or name in self._prepared.groups

    def skip(self, end: int) -> None:
        """Pass over the samples before `end`: they are lead-ins from now on."""
        for series in self._all:
            self._at[id(series)] = max(self._at[id(series)], series.until(end))

    def take(self, span: Span, end: int, constants: Mapping[str, Input], leads: bool = True) -> StepData:
        """The samples before `end` not yet given, each with its lead-in if `leads`; moves on.

        A bound input is always there, empty until its first sample: which keys are there cannot depend on a cut.
        """
        inputs: dict[str, Input] = dict(constants)
        for name, series in self._prepared.singles.items():
            inputs[name] = self._cut(series, end, leads)
        for name in self._prepared.raw:
            cuts = {s.bound.sensor: self._cut(s, end, leads) for s in self._prepared.groups[name]}
            inputs[name] = {sensor: samples for sensor, samples in cuts.items() if len(samples)}
        for name in self._unions:
            group = self._prepared.groups[name]
            begins, stops = [self._at[id(s)] for s in group], [s.until(end) for s in group]
            table = self._unions[name].table(begins, stops)
            inputs[name] = table if leads else table.fresh()
        for series in self._all:
            self._at[id(series)] = series.until(end)
        return StepData(inputs, span)

    def _cut(self, series: Series, end: int, leads: bool) -> Samples:
        begin, stop = self._at[id(series)], series.until(end)
        lead = int(begin > 0 and leads)
        cut = slice(begin - lead, stop)
        return Samples(series.t[cut], series.x[cut], lead, series.bound.declared, series.bound.sensor)

    def lasts(self) -> Lasts:
        """The last sample given of every series: the next call's lead-ins."""
        groups = {name: [series] for name, series in self._prepared.singles.items()} | dict(self._prepared.groups)
        found: Lasts = {}
        for name, group in groups.items():
            samples = {s.bound.sensor: s.last_before(self._at[id(s)]) for s in group}
            found[name] = {sensor: sample for sensor, sample in samples.items() if sample is not None}
        return {name: samples for name, samples in found.items() if samples}


class _Union:
    """Several series laid out once as one matrix on the union of their stamps."""

    def __init__(self, group: Sequence[Series]) -> None:
        self._group = group
        first = group[0].t
        self._aligned = all(np.array_equal(series.t, first) for series in group[1:])
        if self._aligned:
            self._t = first
            self._x = _frozen(np.column_stack([series.x for series in group]))
            return
        self._t = _union([series.t for series in group])
        self._x = np.full((len(self._t), len(group)), np.nan)
        for column, series in enumerate(group):
            self._x[np.searchsorted(self._t, series.t), column] = series.x

    def table(self, begins: Sequence[int], stops: Sequence[int]) -> Table:
        """Rows of the samples [begin, stop) of every series, the last sample of each before them as lead-ins."""
        names = tuple(series.bound.sensor for series in self._group)
        rule = self._group[0].bound.declared
        if self._aligned:
            lead = int(begins[0] > 0)
            cut = slice(begins[0] - lead, stops[0])
            return Table(self._t[cut], self._x[cut], names, lead, rule)
        pairs = list(zip(self._group, begins, stops, strict=True))
        stamps = [s.t[begin:stop] for s, begin, stop in pairs]
        fresh = np.unique(np.concatenate(stamps))
        first = int(np.searchsorted(self._t, fresh[0])) if len(fresh) else 0
        last = int(np.searchsorted(self._t, fresh[-1])) + 1 if len(fresh) else 0
        lead_t, lead_x = self._leads([s.last_before(begin) for s, begin, _ in pairs])
        there = np.array([stop > 0 for _, _, stop in pairs])
        x = np.concatenate([lead_x, self._x[first:last]])
        if not there.all():
            x = x[:, there]
        columns = tuple(name for name, seen in zip(names, there, strict=True) if seen)
        return Table(np.concatenate([lead_t, self._t[first:last]]), x, columns, len(lead_t), rule)

    def _leads(self, lasts: Sequence[Sample | None]) -> tuple[Times, NDArray[np.float64]]:
        stamps = np.unique(np.array([sample[0] for sample in lasts if sample is not None], dtype=np.int64))
        rows = np.full((len(stamps), len(lasts)), np.nan)
        for column, sample in enumerate(lasts):
            if sample is not None:
                rows[np.searchsorted(stamps, sample[0]), column] = sample[1]
        return stamps, rows


def _union(stamps: Sequence[Times]) -> Times:
    """All stamps, sorted, each once. Frames that lost single cells need no sort: the longest series has them all."""
    longest = max(stamps, key=len)
    for t in stamps:
        at = np.searchsorted(longest, t)
        if len(t) and (at[-1] >= len(longest) or not np.array_equal(longest[at], t)):
            return np.unique(np.concatenate(stamps))
    return longest
