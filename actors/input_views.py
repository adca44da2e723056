"""An asset's sensors as a dashboard shows them: as the models receive them, with their gaps and what is no sample."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from altergo_interface.dashboards import InputView
from altergo_interface.dashboards.words import shown
from altergo_interface.data import Times, Values
from altergo_interface.manifest import InputSpec
from altergo_interface.models import ModelSpec
from twins import AssetSeries, Binding, Missing
from twins.binding import SensorBinding
from twins.inputs import Series
from twins.series import Column

US_PER_S = 1_000_000
_NONE: Column = (np.empty(0, np.int64), np.empty(0))


def input_views(
    bindings: Mapping[str, Binding | Missing], series: AssetSeries | None, specs: Mapping[str, ModelSpec]
) -> list[InputView]:
    """One view for each sensor or group of cells that feeds a model, in the order in which the models ask."""
    notes: dict[tuple[str, str | None], str] = {}
    feeds: dict[tuple[str, str | None], list[str]] = {}
    groups: dict[tuple[str, str | None], tuple[SensorBinding, ...]] = {}
    for model, name, source, bound in _bound(bindings):
        key = source, bound[0].declared.unit
        feeds.setdefault(key, []).append(f"{model}.{name}")
        groups.setdefault(key, bound)
        notes.setdefault(key, _sign(specs[model].manifest.inputs[name]))
    events = {} if series is None else series.events
    return [_view(key[0], groups[key], feeds[key], notes[key], events) for key in feeds]


def _sign(spec: InputSpec) -> str:
    """Which way a positive current flows, as the model receives it."""
    return "" if spec.current_sign is None else f"positive: {spec.current_sign.removesuffix('_positive')}"


def _bound(bindings: Mapping[str, Binding | Missing]) -> Iterator[tuple[str, str, str, tuple[SensorBinding, ...]]]:
    """(model, input, sensor or pattern, what is bound), without outputs of other models and sensors taken raw."""
    for model, binding in bindings.items():
        if isinstance(binding, Missing):
            continue
        for name, one in binding.series.items():
            if one.sensor.partition(":")[0] not in binding.upstream:
                yield model, name, one.sensor, (one,)
        for name, group in binding.tables.items():
            if name not in binding.raw:
                yield model, name, binding.groups[name], group


def _view(
    name: str, bound: Sequence[SensorBinding], feeds: Sequence[str], note: str, events: Mapping[str, Column]
) -> InputView:
    raw = [events.get(one.sensor, _NONE) for one in bound]
    valid = [Series(one, column, None) for one, column in zip(bound, raw, strict=True)]
    bad = [_invalid(*one) for one in zip(bound, raw, valid, strict=True)]
    stamps = _union([t for t, _ in raw])
    rule = bound[0].declared
    longest = rule.max_interval_s()
    intervals = np.diff(stamps) / US_PER_S
    at = np.flatnonzero(intervals > longest)
    gaps = [(int(stamps[i]), int(stamps[i + 1])) for i in at]
    lines = {name: (valid[0].t, valid[0].x)} if len(bound) == 1 else _envelope(valid)
    lines = {line: (t, shown(rule.unit, x)[1]) for line, (t, x) in lines.items()}
    bad_t, bad_x = _joined(bad)
    unit, bad_x = shown(rule.unit, bad_x)
    return InputView(
        *(name, tuple(feeds), unit, lines, (bad_t, bad_x), gaps, longest, rule.cadence_s, intervals, len(bound)),
        note=note,
    )


def _invalid(bound: SensorBinding, raw: Column, valid: Series) -> Column:
    """The finite readings that the engine does not take for samples, in the model's unit."""
    t, x = raw
    if len(t) == len(valid.t):
        return _NONE
    out = ~np.isin(t, valid.t, assume_unique=True) & np.isfinite(x)
    return t[out], bound.convert.apply(x[out])


def _joined(columns: Sequence[Column]) -> Column:
    t = np.concatenate([t for t, _ in columns])
    x = np.concatenate([x for _, x in columns])
    order = np.argsort(t, kind="stable")
    return t[order], x[order]


def _union(stamps: Sequence[Times]) -> Times:
    first = stamps[0]
    if all(np.array_equal(first, t) for t in stamps[1:]):
        return first
    return np.unique(np.concatenate(stamps))


def _envelope(cells: Sequence[Series]) -> dict[str, tuple[Times, Values]]:
    """The lowest and the highest of the cells that spoke at each stamp."""
    t = _union([cell.t for cell in cells])
    low, high = np.full(len(t), np.inf), np.full(len(t), -np.inf)
    for cell in cells:
        at = np.searchsorted(t, cell.t)
        low[at] = np.minimum(low[at], cell.x)
        high[at] = np.maximum(high[at], cell.x)
    return {"lowest": (t, low), "highest": (t, high)}
