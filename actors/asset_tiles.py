"""The figures at the head of an asset's dashboard."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from actors.asset_tables import NEWEST
from actors.wording import counted
from altergo_interface.dashboards import ModelView, OutputView, RecordView
from altergo_interface.dashboards.words import number
from twins.binding import ParameterFact, value_at

Tile = tuple[str, str, bool]
"""What, its value, and whether it stands out."""

_FIGURES = (
    ("equivalent cycles", "equivalent_cycles"),
    ("state of charge", "soc"),
    ("available energy", "available_energy"),
    ("voltage margin", "voltage_margin"),
    ("imbalance, last rest", "soc_imbalance"),
)
_WATCHED = ("alert", "imbalance")
"""Kinds of records that somebody has to look at while they are open."""
_STATUS = ("parked", "blocked", "skipped", "new", "ok")
_DESCRIBED = (("chemistry", "{}"), ("capacity", "{} Ah"), ("cells_in_series", "{} cells in series"))


def tiles(models: Sequence[ModelView], records: Iterable[RecordView]) -> list[Tile]:
    """State of the models, open records, and the newest figures with their uncertainty."""
    latest = {o.name: o for model in models for o in model.outputs if len(o.t) and not o.labels}
    found = [_models(models), _open(records)]
    for title, name in _FIGURES:
        if name in latest:
            told = told_figure(latest[name], latest.get(f"{name}_uncertainty"))
            found.append((title, told, name == "voltage_margin" and told.startswith("-")))
        if name == "soc_imbalance" and name in latest and np.isfinite(latest[name].x).any():
            worst = number(float(np.nanmax(latest[name].x)), 3)
            found.append(("imbalance, worst", f"{worst} {latest[name].unit or ''}".rstrip(), False))
    return found


def about(parameters: Sequence[ParameterFact], seq: int) -> str:
    """What kind of battery it is, and up to where its events are known."""
    values = [(text, value_at(parameters, name, NEWEST)) for name, text in _DESCRIBED]
    known = [text.format(f"{value:g}" if isinstance(value, float) else value) for text, value in values if value]
    return " · ".join([*known, f"events up to sequence {seq}"])


def _models(models: Sequence[ModelView]) -> Tile:
    counts = Counter(model.status for model in models)
    wrong = counts["parked"] + counts["blocked"] > 0
    told = ", ".join(f"{counts[status]} {status}" for status in _STATUS if counts[status])
    return "models", told or "none", wrong


def _open(records: Iterable[RecordView]) -> Tile:
    counts = Counter(record.kind for record in records if record.ended_at is None and record.kind in _WATCHED)
    told = ", ".join(counted(count, kind) for kind, count in sorted(counts.items()))
    return "open", told or "nothing", bool(counts)


def told_figure(output: OutputView, sigma: OutputView | None) -> str:
    """The newest known value, with no more digits than its uncertainty has."""
    unit = output.unit or ""
    known = output.x[np.isfinite(output.x)]
    spread = 0.0 if sigma is None or not np.isfinite(sigma.x[-1]) else float(sigma.x[-1])
    if len(known) == 0:
        return "unknown"
    if spread <= 0:
        return f"{number(float(known[-1]))} {unit}".rstrip()
    places = max(0, 1 - math.floor(math.log10(spread)))
    return f"{known[-1]:,.{places}f} ± {spread:,.{places}f} {unit}".rstrip()
