"""Figures as data: lines, bands and bars that the page's script draws with Plotly in the colours of the day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from altergo_interface.dashboards.decimate import PER_COLUMN, broken, columns_for, m4, merged, packed
from altergo_interface.dashboards.views import Span
from altergo_interface.dashboards.words import moment, number
from altergo_interface.data import Times, Values

BUDGET = 240_000
"""Samples of all series of a page together: about a megabyte of the file."""
MOST_BANDS = 1500
"""Bands of one kind that a figure draws: the screen has no more columns."""


@dataclass(slots=True)
class Samples:
    """The series of a page, each once, and how much of them it can hold."""

    series: dict[str, tuple[Times, Values, Sequence[Span]]] = field(default_factory=dict)

    def add(self, key: str, t: Times, x: Values, gaps: Sequence[Span] = ()) -> str:
        """Take in a series under a key; NaN is a break in its line."""
        known = ~np.isnan(x)
        self.series[key] = t[known], x[known], [*gaps, *_unknown(t, known)]
        return key

    def _columns(self) -> int:
        return columns_for([len(t) for t, *_ in self.series.values()], BUDGET)

    def thinned(self) -> bool:
        """Whether the page holds fewer samples than there are."""
        columns = self._columns()
        return any(len(t) > PER_COLUMN * columns for t, *_ in self.series.values())

    def data(self) -> dict[str, Any]:
        """All of them as the page's script reads them, thinned where they are too many."""
        columns = self._columns()
        found = {}
        for key, (t, x, gaps) in self.series.items():
            column = int(t[-1] - t[0]) // columns if len(t) > PER_COLUMN * columns else 0
            wide = [span for span in merged(gaps, column) if span[1] - span[0] > column]
            found[key] = packed(*broken(*m4(t, x, columns), wide))
        return found


def _unknown(t: Times, known: np.ndarray[Any, np.dtype[np.bool_]]) -> list[Span]:
    """The times over which a series is NaN."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], known, [True])).astype(np.int8)))
    return [(int(t[a]), int(t[min(b, len(t) - 1)])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a figure. `band` are the keys of its lower and upper bound; `step` holds each value until the next;
    `below` puts it in a strip of its own, from 0 to 1."""

    key: str
    name: str
    band: tuple[str, str] | None = None
    step: bool = False
    below: bool = False

    def spec(self) -> dict[str, Any]:
        """As the page's script reads it."""
        return {
            "key": self.key,
            "name": self.name,
            "band": self.band,
            "step": self.step,
            "below": self.below,
        }


@dataclass(frozen=True, slots=True)
class Band:
    """Spans of time of one kind: `critical`, `warning`, `rest`, `imbalance` or `gap`."""

    kind: str
    name: str
    spans: Sequence[Span]

    def spec(self) -> dict[str, Any]:
        """As the page's script reads it, in ms; where there are too many, neighbours become one."""
        spans = sorted(self.spans)
        least = 0
        while len(spans) > MOST_BANDS:
            least = max(2 * least, (spans[-1][1] - spans[0][0]) // MOST_BANDS)
            spans = merged(self.spans, least)
        return {
            "kind": self.kind,
            "name": f"{self.name} ({len(self.spans)})",
            "spans": [[a // 1000, b // 1000] for a, b in spans],
        }


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot over event time. `marks` are series drawn as crosses, `ticks` the texts that codes stand for; `empty`
    says why there is nothing to draw."""

    title: str
    unit: str | None
    lines: Sequence[Line]
    bands: Sequence[Band] = ()
    marks: Sequence[Line] = ()
    ticks: Sequence[str] = ()
    text: str = ""
    empty: str = ""
    size: str = "large"

    def spec(self) -> dict[str, Any]:
        """As the page's script reads it."""
        return {
            "kind": "time",
            "title": self.title,
            "unit": self.unit or "",
            "lines": [line.spec() for line in self.lines],
            "marks": [line.spec() for line in self.marks],
            "bands": [band.spec() for band in self.bands if band.spans],
            "ticks": list(self.ticks),
        }


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar chart over named bins. `stacks` stand on each other: name to heights. `flagged` bins stand out."""

    title: str
    bins: Sequence[str]
    stacks: Mapping[str, Sequence[float]]
    across: str
    up: str
    flagged: Sequence[bool] = ()
    log: bool = False
    text: str = ""
    empty: str = ""
    unit: str | None = None
    size: str = "small"

    def spec(self) -> dict[str, Any]:
        """As the page's script reads it."""
        return {
            "kind": "bars",
            "title": self.title,
            "bins": list(self.bins),
            "stacks": {name: list(heights) for name, heights in self.stacks.items()},
            "across": self.across,
            "up": self.up,
            "flagged": list(self.flagged),
            "log": self.log,
        }


@dataclass(frozen=True, slots=True)
class Timeline:
    """Spans of alerts, a row for each asset: (start, end, severity), µs UTC."""

    title: str
    rows: Mapping[str, Sequence[tuple[int, int, int]]]
    text: str = ""
    empty: str = ""
    unit: str | None = None
    size: str = "tall"

    def spec(self) -> dict[str, Any]:
        """As the page's script reads it, in ms."""
        rows = [
            [name, [[a // 1000, b // 1000, severity] for a, b, severity in spans]]
            for name, spans in self.rows.items()
        ]
        return {"kind": "timeline", "title": self.title, "rows": rows}


@dataclass(slots=True)
class Drawing:
    """The figures of a page in their order, and the series that they draw."""

    samples: Samples = field(default_factory=Samples)
    figures: list[Figure | Bars | Timeline] = field(default_factory=list)

    def add(self, figure: Figure | Bars | Timeline) -> tuple[int, Figure | Bars | Timeline]:
        """Take in a figure; gives its place and itself, as a template wants them."""
        self.figures.append(figure)
        return len(self.figures) - 1, figure

    def specs(self) -> list[dict[str, Any]]:
        """All figures as the page's script reads them."""
        return [figure.spec() for figure in self.figures]


def summary(series: Iterable[tuple[str, Times, Values]], unit: str | None) -> str:
    """What a series is like, for those who do not see its plot."""
    parts = []
    for name, t, x in series:
        finite = x[np.isfinite(x)]
        if len(finite) == 0:
            parts.append(f"{name}: no values")
            continue
        low, high, last = (number(float(v)) for v in (finite.min(), finite.max(), finite[-1]))
        of = f" {unit}" if unit else ""
        parts.append(f"{name}: {len(t):,} samples, {low} to {high}{of}, at last {last}{of} ({moment(int(t[-1]))})")
    return "; ".join(parts)
