"""The dashboard of a fleet: what wants attention, every asset, how they differ, alerts and runs."""

from collections.abc import Iterator

import numpy as np

from altergo_interface.dashboards.bundle import page
from altergo_interface.dashboards.figures import Bars, Drawing, Timeline
from altergo_interface.dashboards.views import FleetView
from altergo_interface.dashboards.words import cell, number

BINS = 24
DISTRIBUTIONS = ("cycles", "worst_margin", "imbalance", "soc", "coverage", "silent")
BELOW_ZERO_STANDS_OUT = ("worst_margin",)


def fleet_page(view: FleetView) -> str:
    """The page as HTML. The same view gives the same bytes."""
    drawing = Drawing()
    values = {
        "view": view,
        "pages": _pages(view),
        "distributions": [drawing.add(_distribution(view, key)) for key in DISTRIBUTIONS],
        "timeline": [drawing.add(figure) for figure in _alerts(view)],
        "history": [drawing.add(_history(view))],
        "cell": cell,
    }
    data = {
        "figures": drawing.specs(),
        "columns": [{"kind": column.kind, "digits": column.digits} for column in view.columns],
        "assets": [list(row) for row in view.assets],
        "links": list(view.links),
    }
    return page("fleet.html.j2", values, data, tables=True)


def _pages(view: FleetView) -> str:
    total = len(view.assets)
    written = len(view.links)
    if written >= total:
        return "Each asset leads to its own page. Those that want attention stand first."
    return (
        f"The first {written:,} of {total:,} assets, those that want attention, lead to their own pages. "
        "twins dashboard ASSET draws another one, --fleet --pages N more of them."
    )


def _distribution(view: FleetView, key: str) -> Bars:
    """How a column's values spread over the fleet."""
    column = next(one for one in view.columns if one.key == key)
    values = np.array([x for x in view.column(key) if isinstance(x, int | float)], dtype=float)
    if len(values) == 0:
        return Bars(
            column.title,
            (),
            {},
            "",
            "",
            empty=f"Nothing to show: {column.description}: no asset has it.",
            size="half",
        )
    unit = f" {column.unit}" if column.unit else ""
    if values.min() == values.max():
        same = f"{column.description}: {number(float(values[0]))}{unit} for all of {len(values):,} assets."
        return Bars(column.title, (), {}, "", "", empty=same, size="half")
    counts, edges = np.histogram(values, BINS)
    low, half, high = (number(float(x), 3) for x in np.percentile(values, (5, 50, 95)))
    return Bars(
        column.title,
        [number(float(edge), 3) for edge in edges[:-1]],
        {"assets": counts.tolist()},
        f"{column.title} from, in {column.unit}" if column.unit else f"{column.title} from",
        "assets",
        [key in BELOW_ZERO_STANDS_OUT and float(edge) < 0 for edge in edges[:-1]],
        text=f"{column.description}. {len(values):,} assets: median {half}{unit}, 5th percentile {low}, 95th {high}.",
        size="half",
    )


def _alerts(view: FleetView) -> Iterator[Bars | Timeline]:
    never = f"Nothing to show: no alert in the {view.days} days before the newest event."
    stacks = {"warning": [day[1] for day in view.alert_days], "critical": [day[2] for day in view.alert_days]}
    yield Bars(
        "Alerts by day",
        [day[0] for day in view.alert_days],
        stacks,
        "day on which they began",
        "alerts",
        text=f"{sum(map(sum, stacks.values())):,} alerts in {view.days} days.",
        empty="" if any(map(sum, stacks.values())) else never,
        size="wide",
    )
    yield Timeline(
        "Alerts by asset",
        view.alert_spans,
        text=f"The {len(view.alert_spans)} assets that were on alert for longest.",
        empty="" if view.alert_spans else never,
    )


def _history(view: FleetView) -> Bars:
    runs = [run for run in reversed(view.history) if run.seconds is not None]
    return Bars(
        "Duration of runs",
        [run.label for run in runs],
        {"seconds": [round(run.seconds or 0.0, 2) for run in runs]},
        "begun at",
        "s",
        [run.parked > 0 for run in runs],
        text="Hatched: a run that parked a pair.",
        empty="" if runs else "Nothing to show: no run has ended yet.",
        size="wide",
    )
