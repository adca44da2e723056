"""A model folded over a history in calls of whole UTC days, as the engine does it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from altergo_interface import Model, Record, Samples, Span, StepData, Table
from altergo_interface.data import Input

DAY_US = 86_400_000_000


def folded(model: Model, inputs: Mapping[str, Input], days: int = 1) -> tuple[dict[str, Samples], list[Record], Any]:
    """Outputs, record versions and final state of a history in calls of that many UTC days."""
    series = {name: x for name, x in inputs.items() if isinstance(x, Samples | Table)}
    first = min(int(x.t[0]) for x in series.values()) // DAY_US * DAY_US
    last = max(int(x.t[-1]) for x in series.values())
    state: Any = model.initial()
    parts: dict[str, list[Samples]] = {}
    records: list[Record] = []
    for start in range(first, last + 1, days * DAY_US):
        span = Span(start, start + days * DAY_US)
        called = {name: _cut(x, span) for name, x in series.items()}
        state, outputs = model.advance(state, StepData({**inputs, **called}, span))
        for name, found in outputs.items():
            if isinstance(found, Samples):
                parts.setdefault(name, []).append(found)
            else:
                records += found
    return {name: _joined(found) for name, found in parts.items()}, records, state


def _cut(x: Samples | Table, span: Span) -> Samples | Table:
    """The samples of a span behind the last one before it; of a table, whose rows are nearly full, ten."""
    low, high = (int(i) for i in np.searchsorted(x.t, [span.start, span.end]))
    lead = min(low, 1 if isinstance(x, Samples) else 10)
    return replace(x, t=x.t[low - lead : high], x=x.x[low - lead : high], lead=lead)


def _joined(found: list[Samples]) -> Samples:
    return Samples(np.concatenate([one.t for one in found]), np.concatenate([one.x for one in found]))
