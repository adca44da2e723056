"""The conformance suite: every registered model passes it, and every broken promise is caught by its check."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from pydantic import ConfigDict, Field, field_serializer

from altergo_interface import Manifest, Model, ModelState, Samples, StepData
from altergo_interface.models import ModelSpec, discover
from twins.checks import CHECKS, CheckResult, run_checks, yield_checks
from twins.checks.battery import signal_of
from twins.checks.histories import SILENT_DAY, START, synthetic
from twins.checks.same import same
from twins.grid import DAY_US

X: dict[str, Any] = {"inputs": {"current": {"unit": "A"}}, "outputs": {"y": {}}}


def spec_of(cls: type[Model], manifest: Mapping[str, Any] = X, **more: Any) -> ModelSpec:
    return ModelSpec("toy", cls, Manifest.model_validate({**manifest, **more}), Path("toy"), {})


def check(name: str, spec: ModelSpec) -> CheckResult:
    return dict(yield_checks(spec))[name]()


# --- what holds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_registered_model_passes_or_says_why_not(name: str) -> None:
    results = run_checks(discover()[name])
    assert [result.name for result in results] == list(CHECKS)
    assert [result for result in results if result.outcome == "failed"] == []
    assert all(result.detail for result in results)


class Sum(ModelState):
    total: float = 0.0
    peak: float = -math.inf
    ever: float = math.nan


class Integrates(Model):
    """A sum by sample and hold, carried as the first addend."""

    State = Sum

    def advance(self, state: Sum, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.series("current")
        if found is None or len(found) < 2:
            return state, {}
        total = np.cumsum(np.concatenate(([state.total], np.abs(found.x[:-1]) * np.diff(found.t) / 3.6e9)))[1:]
        after = state.model_copy(update={"total": float(total[-1]), "peak": max(state.peak, float(found.x.max()))})
        return after, {"y": Samples(found.t[1:], total)}


class Doubles(Model):
    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"y": data["current"] * 2}


class Centres(Model):
    """Its result depends on the window that it is given."""

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"y": data["current"] - data["current"].mean()}


class GoesOn(Model):
    """A sum that begins with its own last value."""

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        current = data["current"]
        hours = np.diff(current.index.asi8) / 3.6e9
        begun = np.cumsum(np.concatenate(([data.get("y0", 0.0)], current.abs().to_numpy()[:-1] * hours)))
        return {"y": pd.Series(begun, index=current.index)}


SEEDED = {"inputs": {"current": {}, "y0": {"type": "float", "required": False, "initialisation_value": "y"}}}
HONEST = {
    "stateful": spec_of(Integrates),
    "pointwise": spec_of(Doubles, continuity="pointwise"),
    "windowed": spec_of(Centres),
    "seeded": spec_of(GoesOn, X | SEEDED),
    "whole_log": spec_of(Centres, continuity="whole_log"),
}


@pytest.mark.parametrize("continuity", HONEST)
def test_an_honest_model_of_every_continuity_passes(continuity: str) -> None:
    spec = HONEST[continuity]
    assert spec.continuity == continuity
    results = run_checks(spec)
    assert [result for result in results if result.outcome == "failed"] == []
    skipped = {result.name for result in results if result.outcome == "skipped"}
    assert ("call boundaries" in skipped) == (continuity not in ("stateful", "pointwise"))
    assert ("bounded state" in skipped) == (continuity == "whole_log")


class HandsBack(Model):
    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"y": data["current"]}


def test_giving_an_input_back_is_no_aliasing_because_it_is_read_only() -> None:
    assert check("no aliasing", spec_of(HandsBack)).outcome == "passed"


class LateFirst(Model):
    """Which of its outputs comes first depends on the cuts, because one begins a day later and is listed first."""

    def advance(self, state: Any, data: StepData) -> tuple[Any, dict[str, Any]]:
        outputs = {}
        for name, since in (("b", START + DAY_US), ("a", START)):
            found = data.series(name)
            if found is not None and (found.t >= since).any():
                outputs[f"{name}_out"] = Samples(found.t[found.t >= since], found.x[found.t >= since])
        return state, outputs


def test_the_order_of_outputs_is_no_difference() -> None:
    names = {"inputs": {"a": {}, "b": {}}, "outputs": {"a_out": {}, "b_out": {}}}
    assert check("law 1", spec_of(LateFirst, names)).outcome == "passed"


# --- what is broken, and which check says so -------------------------------------------------------------------


class ZeroesFirst(Model):
    """Gives its first interval of each call no length."""

    State = Sum

    def advance(self, state: Sum, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.series("current")
        if found is None:
            return state, {}
        t, x = found.t[found.lead :], np.abs(found.x[found.lead :])
        if not len(t):
            return state, {}
        steps = np.concatenate(([0.0], x[:-1] * np.diff(t) / 3.6e9))
        total = np.cumsum(np.concatenate(([state.total], steps)))[1:]
        return Sum(total=float(total[-1])), {"y": Samples(t, total)}


class RemembersInItself(Integrates):
    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        super().__init__(config)
        self.calls = 0

    def advance(self, state: Sum, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        self.calls += 1
        after, outputs = super().advance(state, data)
        return after, {n: Samples(s.t, s.x + self.calls) for n, s in outputs.items()}


class RemembersInItsClass(Integrates):
    calls: ClassVar[list[int]] = []

    def advance(self, state: Sum, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        self.calls.append(1)
        after, outputs = super().advance(state, data)
        return after, {n: Samples(s.t, s.x + len(self.calls)) for n, s in outputs.items()}


class WritesToInputs(Integrates):
    def advance(self, state: Sum, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.series("current")
        if found is not None:
            found.x[found.x < 0] = 0.0
        return super().advance(state, data)


class WritesToConfig(Integrates):
    def advance(self, state: Sum, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        self.config["seen"] = True
        return super().advance(state, data)


class Lists(ModelState):
    seen: tuple[float, ...] = ()
    scratch: dict[str, float] = Field(default_factory=dict)


class WritesToState(Model):
    State = Lists

    def advance(self, state: Lists, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.series("current")
        state.scratch["last"] = math.nan if found is None else float(found.x[-1])
        return state, {} if found is None else {"y": Samples(found.t, found.x)}


class Grows(Model):
    State = Lists

    def advance(self, state: Lists, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.series("current")
        if found is None:
            return state, {}
        return Lists(seen=(*state.seen, float(found.x[-1]))), {"y": Samples(found.t, found.x)}


class Rounded(ModelState):
    worst: float = 0.1234567

    @field_serializer("worst")
    def short(self, value: float) -> float:
        return round(value, 3)


class Rounds(Model):
    State = Rounded

    def advance(self, state: Any, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.series("current")
        return state, {} if found is None else {"y": Samples(found.t, found.x)}


class Holds(ModelState):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    column: Any = None


class KeepsAnArray(Model):
    State = Holds

    def advance(self, state: Holds, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.series("current")
        return (state, {}) if found is None else (Holds(column=found.x), {"y": Samples(found.t, found.x)})


class OpensItsInputs(Model):
    def advance(self, state: Any, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.series("current")
        if found is None:
            return state, {}
        x = found.x[:]
        x.flags.writeable = True
        return state, {"y": Samples(found.t, x)}


class GivesMore(Model):
    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"y": data["current"], "more": data["current"]}


class NeedsTwo(Integrates):
    """Believes that there is always an interval."""

    def advance(self, state: Sum, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.inputs["current"]
        assert isinstance(found, Samples)
        after, outputs = super().advance(state, data)
        return after.model_copy(update={"ever": float(np.diff(found.t)[0])}), outputs


class NeedsOptional(Model):
    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"y": data["current"] + data["offset"]}


class PoisonedByGaps(Model):
    """A sum that one long interval turns into NaN for ever."""

    State = Sum

    def advance(self, state: Sum, data: StepData) -> tuple[ModelState, dict[str, Any]]:
        found = data.series("current")
        if found is None or len(found) < 2:
            return state, {}
        hours = np.diff(found.t) / 3.6e9
        steps = np.where(hours > 2, math.nan, hours)
        total = np.cumsum(np.concatenate(([state.total], steps)))[1:]
        return Sum(total=float(total[-1])), {"y": Samples(found.t[1:], total)}


class Silent(Model):
    pass


OPTIONAL = {"inputs": {"current": {}, "offset": {"type": "float", "required": False}}}
BROKEN: list[tuple[str, str, ModelSpec, str]] = [
    ("false pointwise", "call boundaries", spec_of(Centres, continuity="pointwise"), "promises 'pointwise', but"),
    ("false pointwise", "law 1", spec_of(Centres, continuity="pointwise"), "declare 'windowed' or 'seeded'"),
    ("false stateful", "call boundaries", spec_of(ZeroesFirst), "output 'y' differs from 2026-01-"),
    ("false stateful", "law 1", spec_of(ZeroesFirst), "carry in the state"),
    ("instance memory", "law 1", spec_of(RemembersInItself), "output 'y' differs"),
    ("instance memory", "determinism", spec_of(RemembersInItself), "an instance is used again"),
    ("instance memory", "purity", spec_of(RemembersInItself), "changes self.calls"),
    ("class memory", "determinism", spec_of(RemembersInItsClass), "in a second replay"),
    ("written inputs", "purity", spec_of(WritesToInputs), "writes to its input 'current'"),
    ("written config", "purity", spec_of(WritesToConfig), "changes self.config"),
    ("written state", "purity", spec_of(WritesToState), "changes the state that it was given"),
    ("growing state", "bounded state", spec_of(Grows), "after 60 days to"),
    ("rounded state", "state round trip", spec_of(Rounds), "field 'worst' is 0.1234567, but comes back from"),
    ("array in the state", "no aliasing", spec_of(KeepsAnArray), "state field 'column' holds an array"),
    ("opened inputs", "no aliasing", spec_of(OpensItsInputs), "writable view of input 'current'"),
    ("output never given", "manifest against behaviour", spec_of(Doubles, outputs={"y": {}, "z": {}}), "output 'z'"),
    ("undeclared output", "manifest against behaviour", spec_of(GivesMore), "output 'more' is not declared"),
    ("no advance", "manifest against behaviour", spec_of(Doubles, continuity="stateful"), "has no `advance`"),
    ("no seed", "manifest against behaviour", spec_of(Doubles, continuity="seeded"), "no input has an `initial"),
    ("unknown unit", "manifest against behaviour", spec_of(Doubles, inputs={"current": {"unit": "Amp"}}), "'Amp'"),
    ("nothing measured", "law 1", spec_of(Doubles, inputs={}), "no input is fed by a sensor"),
    ("needs an interval", "empty and one-sample inputs", spec_of(NeedsTwo), "raises IndexError"),
    ("needs an optional", "missing optional inputs", spec_of(NeedsOptional, X | OPTIONAL), "KeyError: 'offset'"),
    ("poisoned", "invalid samples", spec_of(PoisonedByGaps), "output 'y' is NaN from 2026-01-"),
    ("no process", "law 1", spec_of(Silent), "raises NotImplementedError: Silent implements neither"),
]


@pytest.mark.parametrize(("broken", "by", "spec", "said"), BROKEN, ids=[f"{b} by {c}" for b, c, _, _ in BROKEN])
def test_a_broken_promise_is_caught_by_its_check(broken: str, by: str, spec: ModelSpec, said: str) -> None:
    result = check(by, spec)
    assert result.outcome == "failed"
    assert said in result.detail
    assert "\n" not in result.detail


@pytest.mark.parametrize("spec", [spec for _, _, spec, _ in BROKEN[::2]], ids=[b for b, _, _, _ in BROKEN[::2]])
def test_the_kit_survives_every_broken_model(spec: ModelSpec) -> None:
    results = run_checks(spec)
    assert [result.name for result in results] == list(CHECKS)
    assert any(result.outcome == "failed" for result in results)


def test_a_cut_is_named() -> None:
    said = check("call boundaries", spec_of(Centres, continuity="pointwise")).detail
    assert said == (
        "promises 'pointwise', but output 'y' differs from 2026-01-01T00:05:00Z on when the history is cut at "
        "2026-01-02: declare 'windowed' or 'seeded', or carry the state"
    )


def test_what_chunks_would_lose_is_told_in_percent() -> None:
    said = check("chunk sensitivity", spec_of(ZeroesFirst)).detail
    hourly = float(said.split("'y' by ")[1].split(" / ")[0])
    assert -8 < hourly < -3
    assert check("chunk sensitivity", HONEST["pointwise"]).detail.endswith("would change nothing")
    assert "of its rows" in check("chunk sensitivity", HONEST["windowed"]).detail


def test_alternative_inputs_are_checked_one_group_at_a_time() -> None:
    """With both groups bound it always finds `a`: only the replay without it shows the fault."""

    class Chooses(Model):
        def advance(self, state: Any, data: StepData) -> tuple[Any, dict[str, Any]]:
            found = data.series("a") if "a" in data else data.series("b")
            if found is None:
                return state, {}
            x = found.x if "a" in data else found.x - found.x.mean()
            return state, {"y": Samples(found.t, x)}

    inputs = {"a": {"required": False}, "b": {"required": False}}
    spec = spec_of(Chooses, inputs=inputs, one_of=[["a"], ["b"]])
    result = check("call boundaries", spec)
    assert result.outcome == "failed"
    assert result.detail.startswith("without a: promises 'stateful', but output 'y'")


# --- synthetic histories ---------------------------------------------------------------------------------------

INPUTS = {
    "current": {"unit": "A", "current_sign": "charge_positive"},
    "pack_voltage": {"unit": "V", "valid_range": [200, 500]},
    "v_cell_min": {"unit": "mV", "valid_range": [500, 4990]},
    "cells": {"type": "table", "unit": "V"},
    "temperature": {"unit": "K"},
    "soh": {"unit": "%"},
    "capacity": {"type": "float"},
}


def test_a_history_is_plausible_uneven_and_the_same_every_time() -> None:
    manifest = Manifest.model_validate({"inputs": INPUTS, "outputs": {}})
    events = synthetic(manifest, {})
    assert set(events) == {"current", "pack_voltage", "v_cell_min", *(f"cells_{k}" for k in (1, 2, 3, 4))} | {
        "temperature",
        "soh",
    }
    middle = {name: float(np.nanmedian(x[np.isfinite(x)])) for name, (_, x) in events.items()}
    assert 300 < middle["pack_voltage"] < 400
    assert 3000 < middle["v_cell_min"] < 4100
    assert 285 < middle["temperature"] < 310
    assert 90 < middle["soh"] < 100
    t, x = events["current"]
    assert (np.diff(t) > 0).all()
    assert not ((t - START) // DAY_US == SILENT_DAY).any()
    assert np.isnan(x).any()
    assert np.diff(t).max() > 3 * 3_600_000_000
    again = synthetic(manifest, {})
    assert all(same(column, again[name]) for name, column in events.items())


def test_without_faults_every_value_is_valid() -> None:
    manifest = Manifest.model_validate({"inputs": INPUTS, "outputs": {}})
    for name, (t, x) in synthetic(manifest, {}, faults=False).items():
        assert np.isfinite(x).all(), name
        assert np.diff(t).max() <= 301_000_000


@pytest.mark.parametrize(
    ("name", "unit", "signal"),
    [
        ("soc", "fraction", "soc"),
        ("SOH", "%", "soh"),
        ("discharge_ah", "Ah", "discharged"),
        ("charge_ah", "Ah", "charged"),
        ("t_cell", "°C", "temperature"),
        ("voltage", None, "voltage"),
        ("whatever", None, "smooth"),
        ("whatever", "furlong", "smooth"),
    ],
)
def test_an_input_means_a_signal_by_unit_then_by_name(name: str, unit: str | None, signal: str) -> None:
    spec = Manifest.model_validate({"inputs": {name: {"unit": unit}}, "outputs": {}}).inputs[name]
    assert signal_of(name, spec)[0] == signal


def test_an_example_of_the_manifest_reaches_the_model() -> None:
    class Asks(Model):
        def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
            assert data["kind"] == "pouch"
            assert (data["capacity"], data["chemistry"], data["cells_in_series"]) == (50.0, "NMC", 96.0)
            return {"y": data["current"]}

    constants = {"kind": {"type": "str", "example": "pouch"}, "chemistry": {"type": "str"}}
    numbers = {"capacity": {"type": "float"}, "cells_in_series": {"type": "float"}}
    result = check("law 1", spec_of(Asks, inputs={"current": {}, **constants, **numbers}))
    assert result.outcome == "passed", result.detail


def test_same_is_exact() -> None:
    assert same({"a": [math.nan, 1.0]}, {"a": [math.nan, 1.0]})
    assert not same(0.0, -0.0)
    assert not same({"a": 1.0}, {"a": np.nextafter(1.0, 2.0).item()})
    assert not same(np.zeros(2), np.zeros(3))
