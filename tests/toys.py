"""Models of every continuity, as a folder: what the shipped models, which are stateful, do not cover."""

import json
from pathlib import Path
from typing import Any

CURRENT: dict[str, Any] = {"type": "pd.Series", "unit": "A"}

HELD = '''
"""Seconds in which the current was held above zero."""

import numpy as np

from altergo_interface import Model, ModelState, Samples, register_model


class Sum(ModelState):
    seconds: float = 0.0


@register_model("held")
class Held(Model):
    State = Sum

    def advance(self, state, data):
        x = data.series("current")
        if x is None or len(x) == x.lead:
            return state, {}
        t, steps = x.t[1:], np.where(x.x[:-1] > 0, np.diff(x.t) / 1e6, 0.0)
        if not x.lead:
            t, steps = x.t, np.concatenate(([0.0], steps))
        sums = np.cumsum(np.concatenate(([state.seconds], steps)))[1:]
        return Sum(seconds=float(sums[-1])), {"seconds": Samples(t, sums)}
'''

LATEST = '''
"""The newest current alone: a state that re-converges with the next sample, and a record while it is high."""

import numpy as np

from altergo_interface import Model, ModelState, Record, Samples, register_model


class Last(ModelState):
    value: float = 0.0
    since: int | None = None


@register_model("latest")
class Latest(Model):
    State = Last

    def advance(self, state, data):
        x = data.series("current")
        if x is None or len(x) == x.lead:
            return state, {}
        since, records = state.since, []
        for t, value in zip(x.t[x.lead :].tolist(), x.x[x.lead :].tolist()):
            if value > 100 and since is None:
                since = t
                records.append(Record("high", since, t, value=value))
            elif value <= 100 and since is not None:
                records.append(Record("high", since, t, ended_at=t, value=value))
                since = None
        t, values = x.t[x.lead :], x.x[x.lead :]
        outputs = {"value": Samples(t, values + 0.0), "records": records}
        return Last(value=float(values[-1]), since=since), outputs
'''

SEEDED = '''
"""Ampere-hours, as a plain model that is seeded with its own last value."""

import pandas as pd

from altergo_interface import Model, register_model


@register_model("seeded")
class Seeded(Model):
    def process(self, data):
        current = data["current"]
        hours = current.index.to_series().diff().dt.total_seconds().fillna(0.0) / 3600
        charge = (current.shift().fillna(0.0).abs() * hours).cumsum() + data.get("begun", 0.0)
        return {"charge": charge}
'''

WINDOWED = '''
"""A window's mean, its largest quantile and its length, as a plain model."""

import pandas as pd

from altergo_interface import Model, register_model


@register_model("windowed")
class Windowed(Model):
    def process(self, data):
        current = data["current"]
        last = current.index[-1:]
        top = pd.Series(current.quantile(0.9), index=last)
        size = pd.Series(1.0 * len(current), index=last)
        return {"mean": pd.Series(current.mean(), index=last), "top": top, "size": size}
'''

POINTWISE = '''
"""The current's magnitude, as a plain model."""

from altergo_interface import Model, register_model


@register_model("magnitude")
class Magnitude(Model):
    def process(self, data):
        return {"magnitude": data["current"].abs()}
'''

WHOLE = '''
"""Each sample's rank among all there are, as a plain model."""

from altergo_interface import Model, register_model


@register_model("ranked")
class Ranked(Model):
    def process(self, data):
        return {"rank": data["current"].rank(pct=True)}
'''

BELOW = '''
"""Counts the changes of another model's output."""

from altergo_interface import Model, ModelState, Samples, register_model


class Count(ModelState):
    n: int = 0
    last: float = -1.0


@register_model("below")
class Below(Model):
    State = Count

    def advance(self, state, data):
        x = data.series("source")
        if x is None or len(x) == x.lead:
            return state, {}
        n, last, rows = state.n, state.last, []
        for value in x.x[x.lead :].tolist():
            n, last = n + (value != last), value
            rows.append(float(n))
        import numpy as np

        return Count(n=n, last=last), {"changes": Samples(x.t[x.lead :], np.array(rows))}
'''

TOYS: dict[str, tuple[str, dict[str, Any]]] = {
    "held": (HELD, {"outputs": {"seconds": {"decimation_threshold": 500}}}),
    "latest": (LATEST, {"outputs": {"value": {"decimation_threshold": 20}}}),
    "seeded": (
        SEEDED,
        {
            "inputs": {
                "current": CURRENT,
                "begun": {"type": "float", "required": False, "initialisation_value": "charge"},
            },
            "outputs": {"charge": {"decimation_threshold": 3}},
        },
    ),
    "windowed": (WINDOWED, {"outputs": {"mean": {}, "top": {}, "size": {}}}),
    "magnitude": (POINTWISE, {"outputs": {"magnitude": {"decimation_threshold": 10}}, "continuity": "pointwise"}),
    "ranked": (WHOLE, {"outputs": {"rank": {}}, "continuity": "whole_log"}),
    "below": (
        BELOW,
        {"inputs": {"source": {"default": "latest:value"}}, "outputs": {"changes": {"decimation_threshold": 5}}},
    ),
}


def write_toys(folder: Path, *names: str) -> Path:
    """Write the named models, or all, as a folder for `--models-dir`."""
    for name in names or TOYS:
        code, manifest = TOYS[name]
        home = folder / name
        home.mkdir(parents=True, exist_ok=True)
        (home / "__init__.py").write_text(code)
        (home / "model.json").write_text(json.dumps({"name": name, "inputs": {"current": CURRENT}} | manifest))
    return folder
