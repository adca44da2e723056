"""The replay loop: any cutting into runs gives the bits of one run, and what breaks the contract is refused."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altergo_interface import (
    Continuity,
    Manifest,
    Model,
    ModelError,
    ModelState,
    Record,
    Samples,
    StepData,
    hold,
)
from altergo_interface.config import parse_settings
from altergo_interface.data import Span
from twins import AssetSeries, Binding, Carry, Grid, ParameterFact, Replay, Twin, bind, replay
from twins.grid import DAY_US
from twins.inputs import Column
from twins.outputs import Collected, collect

S = 1_000_000
HOUR = 3600 * S
DAY = 24 * HOUR
START = 20_482 * DAY  # 2026-01-29T00:00Z: a history of days crosses a month's end
LIMIT = 5 * HOUR // 2
DECLARED = {"*": {"valid_range": [-100, 100]}, "y": {"unit": "mV", "valid_range": [-100, 100]}}


class Total(ModelState):
    """A running sum."""

    total: float = 0.0
    samples: int = 0


class RunningSum(Model):
    """Integrates x by sample and hold, and says what y was at each of its stamps."""

    State = Total

    def advance(self, state: Total, data: StepData) -> tuple[Total, dict[str, Any]]:
        x = data.series("x")
        if x is None or len(x) == x.lead:
            return state, {}
        steps = x.x[:-1] * (np.diff(x.t) / HOUR) * (data.number("gain") or 1.0)
        t, steps = (x.t[1:], steps) if x.lead else (x.t, np.concatenate(([0.0], steps)))
        sums = np.cumsum(np.concatenate(([state.total], steps)))[1:]
        y = data.series("y")
        other = hold(y, t) if y is not None else np.full(len(t), np.nan)
        after = Total(total=float(sums[-1]), samples=state.samples + len(t))
        return after, {"sum": Samples(t, sums), "y_then": Samples(t, other)}


class Doubled(Model):
    """A plain model, each sample by itself."""

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"twice": data["x"] * 2, "half": data["x"] / 2}


class Spread(Model):
    """The range of all cells' newest voltages, whatever stamps each of them has."""

    State = Total

    def advance(self, state: Total, data: StepData) -> tuple[Total, dict[str, Any]]:
        table = data.table("cells")
        if table is None or len(table) == table.lead:
            return state, {}
        held = pd.DataFrame(table.x).ffill().to_numpy()[table.lead :]
        seen = (~np.isnan(held)).sum(axis=1).astype(np.float64)
        spread = np.nanmax(held, axis=1) - np.nanmin(held, axis=1)
        sums = np.cumsum(np.concatenate(([state.total], spread)))[1:]
        t = table.t[table.lead :]
        after = Total(total=float(sums[-1]), samples=state.samples + len(t))
        return after, {"spread": Samples(t, spread), "cells_seen": Samples(t, seen), "sum": Samples(t, sums)}


class Watch(ModelState):
    """The newest stamp of x, and since when it has been silent."""

    seen: int | None = None
    silent_since: int | None = None
    worst: float = -math.inf


class Silence(Model):
    """A timer: x is silent from LIMIT after its newest sample until the next one; one record for each silence."""

    State = Watch

    def advance(self, state: Watch, data: StepData) -> tuple[Watch, dict[str, Any]]:
        x = data.series("x")
        stamps = [] if x is None else x.t[x.lead :].tolist()
        seen, since, worst = state.seen, state.silent_since, state.worst
        rows: list[tuple[int, float]] = []
        records = []
        for t in [*stamps, None]:
            until = data.span.end if t is None else t
            if seen is not None and since is None and seen + LIMIT < until:
                since = seen
                rows.append((seen + LIMIT, 1.0))
                records.append(Record("silence", since, seen + LIMIT, cell="x"))
            if t is None:
                break
            if since is not None:
                worst = max(worst, (t - since) / HOUR)
                records.append(Record("silence", since, t, ended_at=t, value=worst, cell="x"))
            rows.append((t, 0.0))
            seen, since = t, None
        out = np.array([t for t, _ in rows], dtype=np.int64), np.array([v for _, v in rows], dtype=np.float64)
        return Watch(seen=seen, silent_since=since, worst=worst), {"silent": Samples(*out), "records": records}


class Added(Model):
    """A plain model of two series: y held at the stamps of x, where both are known."""

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        held = data["y"].reindex(data["x"].index, method="ffill")
        return {"added": data["x"] + held}


class Seeded(Model):
    """The running sum, as a plain model that is given its own last value."""

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        x = data["x"]
        hours = x.index.as_unit("us").asi8 / HOUR
        steps = np.concatenate(([0.0], x.to_numpy()[:-1] * np.diff(hours)))
        sums = np.cumsum(np.concatenate(([data.get("begun", 0.0)], steps)))[1:]
        soh = data["soh"].iloc[-1] if "soh" in data else -1.0
        return {"sum": pd.Series(sums, index=x.index), "soh": pd.Series(soh, index=x.index[-1:])}


class Windowed(Model):
    """The mean and the count of a window, at its last sample; of the cells their largest, where there are any."""

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        x = data["x"]
        found = {
            "mean": pd.Series(x.mean(), index=x.index[-1:]),
            "size": pd.Series(float(len(x)), index=x.index[-1:]),
        }
        if "cells" in data:
            cells = data["cells"]
            found["largest"] = pd.Series(cells.max(axis=1).to_numpy(), index=cells.index)
            found["cells"] = pd.Series(float(cells.shape[1]), index=cells.index[-1:])
        return found


class Share(Model):
    """Each sample's share of all samples there are."""

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"share": data["x"].rank(pct=True)}


XY: dict[str, Any] = {"x": {}, "y": {"required": False, "unit": "V"}, "gain": {"type": "float", "required": False}}
MODELS: dict[str, tuple[type[Model], dict[str, Any]]] = {
    "sum": (RunningSum, {"inputs": XY, "outputs": {"sum": {"decimation_threshold": 7}, "y_then": {}}}),
    "doubled": (
        Doubled,
        {"inputs": XY, "outputs": {"twice": {}, "half": {"decimation_threshold": 20}}, "continuity": "pointwise"},
    ),
    "spread": (
        Spread,
        {
            "inputs": {
                "cells": {"type": "table", "default": ["cell_#"], "required": False},
                "x": {"required": False},
            },
            "outputs": {"spread": {"decimation_threshold": 3}, "cells_seen": {"decimation_threshold": 1}, "sum": {}},
        },
    ),
    "silence": (Silence, {"inputs": XY, "outputs": {"silent": {"decimation_threshold": 1}}}),
    "added": (Added, {"inputs": {"x": {}, "y": {}}, "outputs": {"added": {}}, "continuity": "pointwise"}),
    "seeded": (
        Seeded,
        {
            "inputs": {
                "x": {},
                "soh": {"required": False, "default": "y"},
                "begun": {"type": "float", "initialisation_value": "sum", "required": False, "default": "cell_1"},
            },
            "outputs": {"sum": {"decimation_threshold": 7}, "soh": {}},
            "continuity": "seeded",
        },
    ),
    "windowed": (
        Windowed,
        {
            "inputs": {"x": {}, "cells": {"type": "table", "default": ["cell_#"], "required": False}},
            "outputs": {"mean": {}, "size": {}, "largest": {"decimation_threshold": 9}, "cells": {}},
            "continuity": "windowed",
        },
    ),
    "share": (Share, {"inputs": {"x": {}}, "outputs": {"share": {}}, "continuity": "whole_log"}),
}

History = dict[str, list[tuple[int, float]]]


def twin_of(
    cls: type[Model],
    manifest: Mapping[str, Any],
    sensors: Sequence[str],
    facts: Sequence[ParameterFact] = (),
    model: Model | None = None,
) -> Twin:
    """A pair as the engine builds it from the sensors that the asset has so far."""
    checked = Manifest.model_validate(dict(manifest))
    declared = parse_settings({"parameters": {"sensors": DECLARED}}, "f.json", {})
    binding = bind("toy", checked, declared, sensors, facts)
    assert isinstance(binding, Binding), binding
    return Twin(model or cls({}), checked, binding, facts, checked.continuity or Continuity.STATEFUL)


def columns(history: History) -> dict[str, Column]:
    return {
        name: (np.array([t for t, _ in rows], dtype=np.int64), np.array([x for _, x in rows], dtype=np.float64))
        for name, rows in history.items()
        if rows
    }


def series_of(history: History, until: int | None = None) -> AssetSeries:
    known = {name: [row for row in rows if until is None or row[0] < until] for name, rows in history.items()}
    newest = max((rows[-1][0] for rows in known.values() if rows), default=0)
    return AssetSeries.of(columns(known), newest)


def head_of(result: Replay) -> tuple[int | None, str | None]:
    """The head's edge and the carry that is stored there; a model of the whole log stores none."""
    if not result.edges:
        return None, None
    edge = result.edges[-1]
    assert (edge.at, edge.carry is None) == (result.head, False)
    assert edge.carry is not None
    assert edge.digest == edge.carry.digest()
    return edge.at, edge.carry.to_json()


@dataclass
class Told:
    """Everything that one or many runs of a pair told the store."""

    closed: dict[str, list[Column]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    last: Replay | None = None

    def add(self, result: Replay) -> None:
        for name, column in result.closed.columns().items():
            assert (column[0] < result.head).all(), "the open slot's outputs landed in closed ones"
            self.closed.setdefault(name, []).append(column)
        assert all(record.at < result.head for record in result.closed.records)
        self.records += result.closed.records
        self.last = result

    def bits(self) -> dict[str, Any]:
        """The same bits: the same value. Closed rows joined over the runs; the open ones of the last run alone."""
        if self.last is None:
            return {}  # a required series never came
        joined = {
            name: [np.concatenate(part) for part in zip(*rows, strict=True)] for name, rows in self.closed.items()
        }
        assert all((t[1:] > t[:-1]).all() for t, _ in joined.values()), "a row was told twice"
        carry = head_of(self.last)[1]
        return {
            "closed": {name: (t.tobytes(), x.tobytes()) for name, (t, x) in joined.items() if len(t)},
            "open": {name: (t.tobytes(), x.tobytes()) for name, (t, x) in self.last.open.columns().items() if len(t)},
            "records": [repr(record) for record in self.records],
            "open records": [repr(record) for record in self.last.open.records],
            "carry": carry,
            "state": self.last.state.model_dump_json(),
            "latest": repr(self.last.latest),
            "head": self.last.head,
        }


def in_runs(name: str, history: History, cuts: Sequence[int], facts: Sequence[ParameterFact] = ()) -> Told:
    """Run whenever the log had grown to a cut, each time from the stored carry and the events from the head on."""
    cls, manifest = MODELS[name]
    told = Told()
    start, stored = None, None
    for cut in [*sorted(cuts), None]:
        series = series_of(history, cut)
        required = [key for key, spec in manifest["inputs"].items() if spec.get("required", True)]
        if not len(series) or any(key not in series.events for key in required):
            continue
        twin = twin_of(cls, manifest, sorted(series.events), facts)
        carry = twin.genesis() if stored is None else Carry.from_json(stored)
        result = replay(twin, carry, start, series.since(start))
        told.add(result)
        start, stored = head_of(result)
    return told


VALUES = st.one_of(
    st.floats(-100, 100),
    st.sampled_from([0.0, -0.0, 0.1, 3.65, 1e-300, math.nan, math.inf, -math.inf, 999.0, -100.5, 100.0]),
)
GAPS = st.sampled_from([1, S, 60 * S, HOUR, LIMIT, LIMIT + 1, 6 * HOUR, DAY - 1, DAY, DAY + 1, 3 * DAY, 40 * DAY])


@st.composite
def histories(draw: st.DrawFn) -> History:
    history: History = {}
    for name in ("x", "y", "cell_1", "cell_2", "cell_10"):
        t = START + draw(st.sampled_from([0, 1, 7 * HOUR, 23 * HOUR, DAY, 2 * DAY + 5, 33 * DAY]))
        shared = draw(st.booleans()) and name in ("cell_2", "cell_10")
        gaps = draw(st.lists(GAPS, min_size=int(name == "x"), max_size=14))
        stamps = [at for at, _ in history["cell_1"]] if shared else (t + np.cumsum([0, *gaps])[:-1]).tolist()
        history[name] = [(int(at), draw(VALUES)) for at in stamps]
    return history


@st.composite
def cuts_of(draw: st.DrawFn, history: History) -> list[int]:
    """Times at which a run happened: at, just before, just after samples and slot edges, or anywhere."""
    stamps = sorted({t for rows in history.values() for t, _ in rows})
    near = st.sampled_from(stamps).flatmap(lambda t: st.sampled_from([t, t + 1, t - t % DAY, t - t % DAY + DAY]))
    return draw(st.lists(near | st.integers(stamps[0], stamps[-1] + 1), max_size=6))


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_runs_give_the_bits_of_one(name: str, data: st.DataObject) -> None:
    history = data.draw(histories())
    cuts = data.draw(cuts_of(history))
    assert in_runs(name, history, cuts).bits() == in_runs(name, history, []).bits()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_runs_give_the_bits_of_one_where_a_parameter_changes(data: st.DataObject) -> None:
    """A value that holds from the middle of a slot on takes effect at that slot's edge, in every cutting."""
    history = data.draw(histories())
    dated = st.integers(START - DAY, START + 60 * DAY) | st.sampled_from([START, START + DAY, START + 3 * DAY])
    facts = [ParameterFact("gain", 2.0, None, 1)]
    facts += [ParameterFact("gain", float(i + 3), data.draw(dated), i) for i in range(data.draw(st.integers(1, 3)))]
    cuts = data.draw(cuts_of(history))
    assert in_runs("sum", history, cuts, facts).bits() == in_runs("sum", history, [], facts).bits()


def test_daily_runs_of_every_model_give_the_bits_of_one() -> None:
    rng = np.random.default_rng(7)
    history: History = {}
    for name in ("x", "y", "cell_1", "cell_2", "cell_10"):
        t = START + np.cumsum(rng.choice([HOUR, HOUR // 2, 3 * HOUR, 2 * DAY], 150, p=[0.5, 0.3, 0.17, 0.03]))
        history[name] = [(int(at), float(v)) for at, v in zip(t, rng.normal(0, 50, 150), strict=True)]
    for name in MODELS:
        whole = in_runs(name, history, [])
        assert in_runs(name, history, list(range(START, START + 20 * DAY, DAY))).bits() == whole.bits()
        assert whole.last is not None
        rows = [*whole.closed.values(), list(whole.last.open.columns().values())]
        assert sum(len(t) for columns in rows for t, _ in columns) > 40


def test_a_timer_may_fall_due_in_a_slot_that_nothing_visits() -> None:
    """The run that begins at a head long after the newest sample knows how far the last call had come."""
    stamps = [START + hour * HOUR for hour in (22, 24 * 3 + 1, 24 * 4 + 23, 24 * 40, 24 * 41)]
    history: History = {"x": [(t, 1.0) for t in stamps]}
    whole = in_runs("silence", history, [])
    assert in_runs("silence", history, [t + 1 for t in stamps]).bits() == whole.bits()
    fired = [int(at) for t, x in whole.closed["silent"] for at in t[x == 1]]
    assert fired == [t + LIMIT for t in stamps[:4]]
    silences = [(r.started_at, r.at, r.ended_at) for r in whole.records]
    assert silences[:2] == [(stamps[0], stamps[0] + LIMIT, None), (stamps[0], stamps[1], stamps[1])]


def one_run(name: str, history: History, facts: Sequence[ParameterFact] = ()) -> Replay:
    found = in_runs(name, history, [], facts).last
    assert found is not None
    return found


def test_the_sum_is_what_arithmetic_says() -> None:
    history = {"x": [(START + hour * HOUR, value) for hour, value in [(1, 2.0), (2, 4.0), (30, 1.0), (60, 5.0)]]}
    result = one_run("sum", history)
    assert [x.tolist() for x in result.closed.columns()["sum"]] == [
        [START + h * HOUR for h in (1, 2, 30)],
        [0, 2, 114],
    ]
    assert [x.tolist() for x in result.open.columns()["sum"]] == [[START + 60 * HOUR], [144.0]]
    assert result.state == Total(total=144.0, samples=4)
    assert result.latest["sum"] == (START + 60 * HOUR, 144.0)


def test_a_parameter_takes_effect_at_the_edge_of_its_slot() -> None:
    history = {"x": [(START + hour * HOUR, 1.0) for hour in (1, 2, 25, 26, 49, 50)]}
    facts = [ParameterFact("gain", 1.0, None, 1), ParameterFact("gain", 10.0, START + 30 * HOUR, 2)]
    sums = one_run("sum", history, facts).open.columns()["sum"][1]
    assert sums[-1] == 1 + 230 + 10 + 230 + 10  # the interval that ends at hour 25 lies in the changed slot


INVALID = [math.nan, math.inf, -math.inf, 100.1, -999.0]


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_invalid_samples_are_no_samples(name: str, data: st.DataObject) -> None:
    """Taking them out changes nothing; only the newest event of the log stays, because it says what is open."""
    history = data.draw(histories())
    history["x"] = [(START, 1.0), *((t, x) for t, x in history["x"] if t > START)]
    newest = series_of(history).newest
    history["clock"] = [(newest + 1, 0.0)]
    clean = {n: [(t, x) for t, x in rows if math.isfinite(x) and abs(x) <= 100] for n, rows in history.items()}
    told, expected = in_runs(name, history, []).bits(), in_runs(name, clean, []).bits()
    assert told == expected or (not expected and not told["open"] and not told["closed"])


def test_without_a_declared_range_only_what_is_not_finite_is_no_sample() -> None:
    values = [1.0, math.nan, math.inf, -math.inf, 1e300, -999.0]
    history: History = {"x": [(START + i, value) for i, value in enumerate(values)]}
    spy = Spy()
    checked = Manifest.model_validate({"inputs": {"x": {"valid_range": [-1e3, None]}, "y": {"required": False}}})
    binding = bind("toy", checked, parse_settings({"parameters": {}}, "f.json", {}), ["x"], [])
    assert isinstance(binding, Binding)
    twin = Twin(spy, checked, binding, (), Continuity.STATEFUL)
    replay(twin, twin.genesis(), None, series_of(history))
    assert spy.calls[0].inputs["x"].x.tolist() == [1.0, 1e300, -999.0]  # type: ignore[union-attr]


@pytest.mark.parametrize("value", INVALID)
def test_an_invalid_sample_opens_a_slot_but_reaches_no_model(value: float) -> None:
    result = one_run("sum", {"x": [(START, 1.0), (START + 5 * DAY, value)]})
    assert result.head == START + 5 * DAY
    assert result.state == Total(total=0.0, samples=1)
    assert result.open.columns() == {}


class Spy(Model):
    """Remembers every call."""

    State = Total

    def __init__(self) -> None:
        super().__init__({})
        self.calls: list[StepData] = []

    def advance(self, state: Total, data: StepData) -> tuple[Total, dict[str, Any]]:
        self.calls.append(data)
        return Total(samples=state.samples + 1), {}


def spied(history: History, grid: Grid | None = None, facts: Sequence[ParameterFact] = ()) -> tuple[Spy, Replay]:
    spy = Spy()
    twin = twin_of(Spy, {"inputs": XY, "outputs": {}}, list(history), facts, model=spy)
    twin = Twin(spy, twin.manifest, twin.binding, facts, Continuity.STATEFUL, grid or Grid())
    return spy, replay(twin, twin.genesis(), None, series_of(history))


def test_spans_touch_and_empty_slots_are_not_called() -> None:
    """January's two slots in one call, nothing for the empty February, March's slot, the open one of April."""
    days = [0, 1, 40, 63]  # 29 and 30 January, 10 March, 2 April
    spy, result = spied({"x": [(START + day * DAY + HOUR, 1.0) for day in days]})
    spans = [(call.span.start - START, call.span.end - START) for call in spy.calls]
    assert spans == [(0, 2 * DAY), (2 * DAY, 41 * DAY), (41 * DAY, 63 * DAY + HOUR + 1)]
    assert [len(call.inputs["x"]) for call in spy.calls] == [2, 2, 2]  # type: ignore[arg-type]
    assert [call.inputs["x"].lead for call in spy.calls] == [0, 1, 1]  # type: ignore[union-attr]
    edges = [(edge.at - START) // DAY for edge in result.edges]
    assert {3, 31, 62, 63} <= set(edges)
    assert len(edges) <= 16


@settings(max_examples=40, deadline=None)
@given(histories())
def test_spans_always_touch_cover_their_samples_and_end_at_edges(history: History) -> None:
    spy, _ = spied(history)
    newest = series_of(history).newest
    for before, after in pairwise(spy.calls):
        assert before.span.end == after.span.start
        assert before.span.end % DAY == 0
    for call in spy.calls:
        given_rows = [s for s in call.values() if isinstance(s, Samples)]
        assert any(len(s) > s.lead for s in given_rows), "called without a new sample"
        for s in given_rows:
            assert s.lead <= 1
            assert ((s.t[s.lead :] >= call.span.start) & (s.t[s.lead :] < call.span.end)).all()
            assert (s.t[: s.lead] < call.span.start).all()
    assert all(call.span.end <= newest + 1 for call in spy.calls)


def test_slots_of_invalid_or_foreign_samples_alone_are_not_visited() -> None:
    history = {
        "x": [(START, 1.0), (START + 3 * DAY, math.nan), (START + 35 * DAY, 999.0)],
        "other": [(START + 20 * DAY, 1.0), (START + 64 * DAY, 1.0)],
    }
    spy, result = spied(history)
    assert [(call.span.start, call.span.end) for call in spy.calls] == [(START, START + DAY)]
    assert result.head == START + 64 * DAY


def test_a_smaller_grid_has_smaller_slots() -> None:
    spy, result = spied({"x": [(START + HOUR + 5, 1.0), (START + 3 * HOUR + 7, 1.0)]}, Grid(HOUR))
    assert [call.span.start - START for call in spy.calls] == [HOUR, 2 * HOUR]
    assert spy.calls[1].span.end == START + 3 * HOUR + 8
    assert result.head == START + 3 * HOUR


def test_units_reach_the_model_converted() -> None:
    spy, _ = spied({"x": [(START, 50.0)], "y": [(START, 50.0)]})
    assert (spy.calls[0].inputs["x"].x[0], spy.calls[0].inputs["y"].x[0]) == (50.0, 0.05)  # type: ignore[union-attr]


def test_a_parameter_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="parameter 'gain' is 'much', not a float"):
        spied({"x": [(START, 1.0)]}, facts=[ParameterFact("gain", "much", None, 1)])


def test_a_parameter_without_a_value_yet_is_an_absent_key() -> None:
    facts = [ParameterFact("gain", 5, START + 40 * DAY, 1)]
    spy, _ = spied({"x": [(START, 1.0), (START + 50 * DAY, 1.0)]}, facts=facts)
    assert ["gain" in call for call in spy.calls] == [False, True]
    assert spy.calls[-1].number("gain") == 5.0


def test_models_cannot_write_into_the_events() -> None:
    history = {"x": [(START, 1.0), (START + 2 * DAY, 2.0)]}
    spy, _ = spied(history)
    for call in spy.calls:
        with pytest.raises(ValueError, match="read-only"):
            call.inputs["x"].x[0] = 9.0  # type: ignore[union-attr]


def test_a_plain_model_that_changes_its_input_in_place_harms_nobody() -> None:
    class Clips(Model):
        def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
            data["x"][data["x"] < 0] = 0.0
            return {"y": data["x"]}

    series = series_of({"x": [(START, -1.0), (START + HOUR, 2.0)]})
    twin = twin_of(Clips, {"inputs": {"x": {}}, "outputs": {"y": {}}, "continuity": "pointwise"}, ["x"])
    result = replay(twin, twin.genesis(), None, series)
    assert result.open.columns()["y"][1].tolist() == [0.0, 2.0]
    assert series.events["x"][1].tolist() == [-1.0, 2.0]


def test_a_bound_input_without_samples_yet_is_there_and_empty() -> None:
    spy, _ = spied({"x": [(START, 1.0)], "y": [(START + 2 * DAY, 1.0)]})
    assert [set(call) for call in spy.calls] == [{"x", "y"}, {"x", "y"}]
    assert [call.series("y") is None for call in spy.calls] == [True, False]


def test_only_cells_with_a_sample_so_far_have_a_column() -> None:
    tables = []

    class Looks(Model):
        def advance(self, state: Any, data: StepData) -> tuple[Any, dict[str, Any]]:
            tables.append(data.inputs["cells"])
            return state, {}

    history = {
        "cell_10": [(START + 1, 1.0), (START + 3 * DAY, 4.0)],
        "cell_2": [(START, 2.0), (START + 40 * DAY, 5.0)],
        "cell_3": [(START + 40 * DAY, 3.0)],
    }
    twin = twin_of(Looks, MODELS["spread"][1], list(history))
    replay(twin, twin.genesis(), None, series_of(history))
    assert [table.columns for table in tables] == [("cell_2", "cell_10")] * 2 + [("cell_2", "cell_3", "cell_10")]
    assert [table.lead for table in tables] == [0, 2, 2]
    first = [[2.0, math.nan], [math.nan, 1.0]]
    np.testing.assert_array_equal(tables[0].x, first)
    np.testing.assert_array_equal(tables[2].x, [[2, math.nan, math.nan], [math.nan, math.nan, 4], [5, 3, math.nan]])


Says = Callable[[StepData], Mapping[str, Any]]


class Says1(Model):
    """Says whatever a test tells it to, in the second call."""

    State = Total

    def __init__(self, says: Says) -> None:
        super().__init__({})
        self._says = says

    def advance(self, state: Total, data: StepData) -> tuple[Total, Mapping[str, Any]]:
        after = Total(samples=state.samples + 1)
        return after, self._says(data) if after.samples == 2 else {}


def said(says: Says) -> Replay:
    """A closed call for two days of January, a closed one for 10 March (which speaks), an open one."""
    history: History = {"x": [(START + day * DAY + HOUR, float(day)) for day in (0, 1, 40, 63)]}
    manifest = {"inputs": {"x": {}}, "outputs": {"out": {}}}
    twin = twin_of(Model, manifest, ["x"], model=Says1(says))
    return replay(twin, Says1(says) and twin.genesis(), None, series_of(history))


def rows(*stamps: int, **kinds: Any) -> dict[str, Any]:
    t = np.array(stamps, dtype=kinds.get("t", np.int64))
    return {"out": Samples(t, np.zeros(len(stamps), dtype=kinds.get("x", np.float64)))}


def record(at: int) -> dict[str, Any]:
    return {"records": [Record("alert", START, at)]}


LEAD, LOW, HIGH = START + DAY + HOUR, START + 2 * DAY, START + 41 * DAY
REFUSED: dict[str, tuple[Says, str]] = {
    "before the span": (lambda d: rows(LOW - 1), "'out' is stamped before the span"),
    "beside the lead-in": (lambda d: rows(LEAD, LEAD + 1), "'out' is stamped before the span"),
    "at the span's end": (lambda d: rows(LOW, HIGH), "'out' is stamped after the span"),
    "twice at a stamp": (lambda d: rows(LOW, LOW), "stamps do not increase"),
    "backwards": (lambda d: rows(LOW + 1, LOW), "stamps do not increase"),
    "float stamps": (lambda d: rows(LOW, t=np.float64), "int64 stamps and float64 values"),
    "whole values": (lambda d: rows(LOW, x=np.int64), "int64 stamps and float64 values"),
    "more stamps than values": (lambda d: {"out": Samples(np.array([LOW]), np.zeros(2))}, "of one length"),
    "undeclared": (lambda d: {"more": rows(LOW)["out"]}, "'more' is not declared"),
    "a Series": (lambda d: {"out": pd.Series([1.0])}, "is no Samples but Series"),
    "a record too early": (lambda d: record(LOW - 1), "'alert' is stamped outside the span"),
    "a record too late": (lambda d: record(HIGH), "'alert' is stamped outside the span"),
    "records that are none": (lambda d: {"records": [1]}, "no list of Record"),
    "one record": (lambda d: {"records": record(LOW)["records"][0]}, "no list of Record"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_outputs_that_break_the_contract_are_refused(case: str) -> None:
    says, what = REFUSED[case]
    with pytest.raises(ModelError, match=what):
        said(says)


def test_the_whole_span_may_be_used_and_lead_ins_are_dropped() -> None:
    result = said(lambda d: rows(LEAD, LOW, HIGH - 1) | record(LOW))
    assert result.closed.columns()["out"][0].tolist() == [LOW, HIGH - 1]
    assert [r.at for r in result.closed.records] == [LOW]
    assert result.latest["out"][0] == HIGH - 1
    assert said(lambda d: {"out": rows()["out"]}).closed.columns() == {}


def test_the_open_slot_ends_just_after_the_newest_event() -> None:
    history: History = {"x": [(START, 1.0), (START + DAY, 2.0)], "later": [(START + DAY + 5, 0.0)]}
    manifest = {"inputs": {"x": {}}, "outputs": {"out": {}}}
    newest = START + DAY + 5
    for stamp, fits in ((newest, True), (newest + 1, False)):
        twin = twin_of(Model, manifest, ["x"], model=Says1(lambda d, at=stamp: rows(at)))  # type: ignore[misc]
        if fits:
            assert replay(twin, twin.genesis(), None, series_of(history)).open.columns()["out"][0].tolist() == [stamp]
        else:
            with pytest.raises(ModelError, match="after the span"):
                replay(twin, twin.genesis(), None, series_of(history))


def test_what_a_plain_model_returns_is_checked() -> None:
    class Plain(Model):
        def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
            return {"y": pd.Series([1.0])}

    twin = twin_of(Plain, {"inputs": {"x": {}}, "outputs": {"y": {}}, "continuity": "pointwise"}, ["x"])
    with pytest.raises(ModelError, match="'y' has no DatetimeIndex"):
        replay(twin, twin.genesis(), None, series_of({"x": [(START, 1.0)]}))


def test_what_a_model_raises_comes_out_unchanged() -> None:
    def fails(data: StepData) -> Mapping[str, Any]:
        raise ZeroDivisionError("by hand")

    with pytest.raises(ZeroDivisionError, match="by hand"):
        said(fails)


def test_the_given_carry_is_left_alone() -> None:
    history: History = {"x": [(START, 1.0), (START + DAY, 2.0), (START + 2 * DAY, 3.0)]}
    twin = twin_of(RunningSum, MODELS["sum"][1], ["x"])
    first = replay(twin, twin.genesis(), None, series_of(history, START + 2 * DAY))
    edge, before = head_of(first)
    carry = Carry.from_json(str(before))
    for _ in range(2):
        replay(twin, carry, edge, series_of(history).since(edge))
    assert carry.to_json() == before


def test_since_keeps_the_newest_stamp_and_the_events_from_there_on() -> None:
    series = series_of({"x": [(START, 1.0), (START + 5, 2.0)], "y": [(START + 9, 3.0)]})
    tail = series.since(START + 5)
    assert {name: t.tolist() for name, (t, _) in tail.events.items()} == {"x": [START + 5], "y": [START + 9]}
    assert (len(series), len(tail), tail.newest) == (3, 2, START + 9)
    assert series.since(None) is series


def test_a_series_that_is_late_to_begin_leaves_no_sample_behind(  # a sentinel is its first reading
) -> None:
    history: History = {"x": [(START + HOUR, 1.0), (START + 2 * HOUR, 2.0)], "y": [(START + HOUR, math.nan)]}
    history["y"].append((START + 2 * HOUR, 5.0))
    assert in_runs("added", history, [START + HOUR + 1]).bits() == in_runs("added", history, []).bits()


def test_equal_carries_have_equal_hashes_wherever_the_history_was_cut() -> None:
    """Outputs come in another order where one of them begins later: the hash must not see it."""

    class Two(Model):
        State = Total

        def advance(self, state: Total, data: StepData) -> tuple[Total, dict[str, Any]]:
            x, y = data.series("x"), data.series("y")
            found = {} if y is None else {"of_y": Samples(y.t[y.lead :], y.x[y.lead :])}
            return state, found | ({} if x is None else {"of_x": Samples(x.t[x.lead :], x.x[x.lead :])})

    history: History = {"x": [(START + n * DAY, 1.0) for n in range(4)], "y": [(START + DAY + 1, 2.0)]}
    twin = twin_of(Two, {"inputs": XY, "outputs": {"of_x": {}, "of_y": {}}}, ["x", "y"])
    whole = replay(twin, twin.genesis(), None, series_of(history))
    first = replay(twin, twin.genesis(), None, series_of(history, START + DAY + 1))
    edge, stored = head_of(first)
    rest = replay(twin, Carry.from_json(str(stored)), edge, series_of(history).since(edge))
    assert rest.edges[-1].digest == whole.edges[-1].digest


def test_a_seeded_model_comes_to_what_a_stateful_one_does() -> None:
    """It is given its own last value, which no sensor of that name can take the place of, and one sample before."""
    stamps = [START + h * HOUR for h in (1, 2, 30, 31, 60, 200, 201)]
    history: History = {"x": [(t, float(n + 1)) for n, t in enumerate(stamps)], "cell_1": [(t, 99.0) for t in stamps]}
    seeded, stateful = one_run("seeded", history), one_run("sum", history)
    assert seeded.latest["sum"] == stateful.latest["sum"]
    assert stateful.latest["sum"][1] == 1 + 2 * 28 + 3 + 4 * 29 + 5 * 140 + 6


def test_a_window_holds_its_own_samples_alone() -> None:
    history: History = {"x": [(START + h * HOUR, float(h)) for h in (1, 2, 30, 60, 61, 62)], "cell_1": [(START, 1.0)]}
    result = one_run("windowed", history)
    assert result.closed.columns()["size"][1].tolist() == [2, 1]
    assert result.closed.columns()["mean"][1].tolist() == [1.5, 30.0]
    assert result.open.columns()["size"][1].tolist() == [3]
    assert result.closed.columns()["largest"][0].tolist() == [START]  # the cell had its say on the first day alone


def test_a_plain_model_is_not_called_before_all_that_it_requires_has_begun() -> None:
    days = [START + day * DAY + HOUR for day in range(20)]
    history: History = {"x": [(t, 1.0) for t in days], "y": [(START + 26 * HOUR, 3000.0)]}
    rows = one_run("added", history | {"y": [(START + 26 * HOUR, 30.0)]})
    stamps = [t for part in (rows.closed, rows.open) for t in part.columns()["added"][0].tolist()]
    assert stamps == days[1:]  # from the slot on in which the last of them begins
    assert one_run("added", history).open.columns() == {}  # out of range: it has never begun


def test_of_two_versions_at_one_time_the_later_one_stands() -> None:
    """Nothing stored tells them apart: which of the two was shown, and so the digest, would be chance."""
    first, second = Record("rest", 1, 5, value=1.0), Record("rest", 1, 5, ended_at=5, value=2.0)
    other, later = Record("rest", 1, 5, cell="b", value=3.0), Record("rest", 1, 6, value=4.0)
    into = Collected()
    collect(into, {"records": [first, other, second, later]}, {}, Span(0, 10), Manifest(), {}, DAY_US)
    assert [(record.cell, record.at, record.value) for record in into.records] == [
        ("", 5, 2.0),
        ("b", 5, 3.0),
        ("", 6, 4.0),
    ]
