"""Labels: outputs of texts are decimated, carried, stored, digested and compacted like numbers, over any cut."""

import csv
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from histories import DAY_US, START, random_history, write_assets
from hypothesis import given
from hypothesis import strategies as st
from toys import CURRENT

from actors import Fleet
from actors.cli import main
from altergo_interface import Labels, Manifest, Model, ModelError, ModelState, Samples, SettingsError, Span, StepData
from altergo_interface.models import ModelSpec
from twins import Carry
from twins.carry import Given
from twins.checks import run_checks
from twins.decimate import decimate_labels, slot_ends
from twins.outputs import Collected, collect, split

SLOT = 10
WORDS = st.sampled_from([None, "", "a", "b"])
HISTORIES = st.lists(st.tuples(st.integers(1, 25), WORDS), min_size=1, max_size=40)
LASTS: st.SearchStrategy[Given | None] = st.sampled_from([None, (0, "a"), (0, ""), (0, float("nan")), (0, 1.5)])


def words(values: list[str | None]) -> Any:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def reference(t: list[int], x: list[str | None], last: Given | None) -> list[bool]:
    """The documented rule, sample by sample."""
    keep, before = [], last
    for i, word in enumerate(x):
        known = before[1] if before is not None and before[1] == before[1] else None
        changed = before is None or known != word
        keep.append(changed or i + 1 == len(t) or t[i + 1] // SLOT != t[i] // SLOT)
        before = (t[i], float("nan") if word is None else word)
    return keep


@given(HISTORIES, LASTS, st.data())
def test_labels_are_kept_on_change_and_at_a_slots_end_over_any_cut(
    history: list[tuple[int, str | None]], last: Given | None, data: st.DataObject
) -> None:
    steps, x = zip(*history, strict=True)
    t = np.cumsum(np.array(steps, dtype=np.int64))
    edges = data.draw(st.lists(st.integers(0, int(t[-1]) // SLOT + 1), max_size=4))
    at = [0, *sorted(int(np.searchsorted(t, edge * SLOT)) for edge in edges), len(t)]
    kept: list[bool] = []
    carried = last
    for low, high in pairwise(at):
        if high > low:
            kept += decimate_labels(words(list(x[low:high])), carried, slot_ends(t[low:high], SLOT)).tolist()
            carried = (int(t[high - 1]), float("nan") if x[high - 1] is None else x[high - 1])
    assert kept == reference(t.tolist(), list(x), last)


def test_a_carry_holds_the_last_label() -> None:
    given: dict[str, Given] = {"word": (1, "NaN"), "number": (2, 0.5), "none": (3, float("nan"))}
    carry = Carry.of({}, None, {}, given)
    back = Carry.from_json(carry.to_json())
    assert repr(back.given) == repr({"none": (3, float("nan")), "number": (2, 0.5), "word": (1, "NaN")})
    assert back.digest() == carry.digest()
    assert Carry.of({}, None, {}, given | {"word": (1, "b")}).digest() != carry.digest()


def test_without_labels_a_carry_is_the_text_of_earlier_stores() -> None:
    carry = Carry.of({}, 5, {}, {"y": (1, 2.0)})
    assert carry.to_json() == '{"state":{},"through":5,"last":{},"outputs":{"y":[1,2.0]}}'
    assert Carry.from_json(carry.to_json()).labels == {}


# --- models ----------------------------------------------------------------------------------------------------


class Levels(Model):
    """Native: one label a sample, None in between."""

    def advance(self, state: Any, data: StepData) -> tuple[Any, dict[str, Any]]:
        found = data.series("current")
        if found is None:
            return state, {}
        fresh = found.x[found.lead :]
        given = np.where(fresh > 5, "high", np.where(fresh < -5, "low", None))
        return state, {"y": Labels(found.t[found.lead :], given)}


class Ranks(Model):
    """Its labels depend on the window."""

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        current = data["current"]
        return {"y": pd.Series(np.where(current > current.mean(), "above", "below"), index=current.index)}


class Remembers(Model):
    """Its labels depend on how often it was called."""

    calls = 0

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        self.calls += 1
        return {"y": pd.Series(f"call {self.calls}", index=data["current"].index)}


class Paused(ModelState):
    yet: bool = False


class Falters(Model):
    """After a pause its labels are gone for good."""

    State = Paused

    def advance(self, state: Any, data: StepData) -> tuple[Any, dict[str, Any]]:
        found = data.series("current")
        if found is None:
            return state, {}
        paused = state.yet | np.maximum.accumulate(np.diff(found.t, prepend=found.t[:1]) > 3600e6)
        return Paused(yet=bool(paused[-1])), {"y": Labels(found.t, np.where(paused, None, "fine"))}


class Continues(Model):
    """Goes on from its own last label."""

    def process(self, data: Mapping[str, Any]) -> dict[str, Any]:
        word, days = data.get("word", ""), data.get("days")
        assert days is None or days.iloc[-1] == word
        return {"y": pd.Series(f"{word}x", index=data["current"].index[-1:])}


SEEDS = {
    "current": {},
    "word": {"type": "string", "required": False, "initialisation_value": "y"},
    "days": {"type": "series", "required": False, "initialisation_value": "y"},
}


def spec_of(cls: type[Model], **more: Any) -> ModelSpec:
    manifest = {"inputs": {"current": {"unit": "A"}}, "outputs": {"y": {}}, **more}
    return ModelSpec("toy", cls, Manifest.model_validate(manifest), Path("toy"), {})


def failures(spec: ModelSpec) -> dict[str, str]:
    return {result.name: result.detail for result in run_checks(spec) if result.outcome == "failed"}


@pytest.mark.parametrize(
    "spec",
    [
        spec_of(Levels),
        spec_of(Ranks),
        spec_of(Continues, inputs=SEEDS),
        spec_of(Levels, outputs={"y": {"type": "label"}}),
    ],
)
def test_an_honest_model_of_labels_passes_every_check(spec: ModelSpec) -> None:
    # An ever longer label is what the check of bounded state is there for.
    assert set(failures(spec)) <= ({"bounded state"} if spec.cls is Continues else set())


@pytest.mark.parametrize(
    ("spec", "check", "said"),
    [
        (spec_of(Ranks, continuity="pointwise"), "call boundaries", "output 'y' differs"),
        (spec_of(Remembers), "law 1", "output 'y' differs"),
        (spec_of(Remembers), "determinism", "an instance is used again"),
        (spec_of(Falters), "invalid samples", "output 'y' is NaN from"),
        (spec_of(Levels, outputs={"y": {"type": "number"}}), "manifest against behaviour", "gives labels, such as"),
    ],
)
def test_a_broken_promise_of_labels_is_caught(spec: ModelSpec, check: str, said: str) -> None:
    assert said in failures(spec)[check]


def test_what_hourly_calls_would_change_counts_labels() -> None:
    (found,) = (result for result in run_checks(spec_of(Ranks)) if result.name == "chunk sensitivity")
    assert "'y' in " in found.detail


# --- collecting ------------------------------------------------------------------------------------------------

T = np.array([START, START + 1])


def collected(output: Any, spec: Mapping[str, Any] | None = None, last: dict[str, Given] | None = None) -> Collected:
    into = Collected()
    manifest = Manifest.model_validate({"outputs": {"y": dict(spec or {})}})
    collect(into, {"y": output}, {}, Span(START, START + 2), manifest, {} if last is None else last, DAY_US)
    return into


@pytest.mark.parametrize(
    ("output", "spec", "said"),
    [
        (Labels(T, words(["a", None])), {"type": "float"}, "such as 'a', and model.json declares numbers"),
        (Samples(T, np.array([np.nan, 1.5])), {"type": "string"}, "such as 1.5, and model.json declares labels"),
        (Labels(T, words(["a", 5])), {}, "'y' has the label 5, which is no text"),  # type: ignore[list-item]
        (Labels(T, words(["a", "\ud800"])), {}, "'y' has a label that is no valid text"),
        (Labels(T, np.array(["a", "b"])), {}, "of one length"),
        (Labels(T, words(["a"])), {}, "of one length"),
        (Samples(T, words(["a", "b"])), {}, "of one length"),
    ],
)  # fmt: skip
def test_labels_that_break_the_contract_are_refused(output: Any, spec: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        collected(output, spec)


def test_no_value_and_no_label_fit_every_declaration() -> None:
    assert collected(Labels(T, words([None, None])), {"type": "number"}).pieces
    assert collected(Samples(T, np.full(2, np.nan)), {"type": "label"}).pieces


def test_numbers_and_labels_of_one_output_stand_side_by_side() -> None:
    last: dict[str, Given] = {"y": (0, 2.5)}
    labels = collected(Labels(T, words(["a", "a"])), {"decimation_threshold": 1}, last)
    assert last == {"y": (START + 1, "a")}
    numbers = collected(Samples(T, np.array([3.0, np.nan])), {"decimation_threshold": 1}, last)
    values, said = split(labels.followed_by(numbers).columns()["y"][1])
    np.testing.assert_array_equal(values, [np.nan, np.nan, 3.0, np.nan])
    assert said == ["a", "a", None, None]


# --- a store ---------------------------------------------------------------------------------------------------

REGIME = """
import pandas as pd

from altergo_interface import Model, register_model


@register_model("regime")
class Regime(Model):
    def process(self, data):
        current = data["current"]
        return {"word": (current > 20).map({True: "dis|charge", False: "x" * 300}), "number": current}
"""


def fleet_of(root: Path, *models: str) -> Fleet:
    home = root / "models" / "regime"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(REGIME)
    manifest = {"inputs": {"current": CURRENT}, "outputs": {"word": {"type": "label"}, "number": {}}}
    (home / "model.json").write_text(json.dumps(manifest))
    parameters = {"execution": {"enabled_models": list(models)}, "sensors": {"current": {"unit": "A"}}}
    (root / "settings.json").write_text(json.dumps({"parameters": parameters}))
    fleet = Fleet(root / "store", root / "settings.json", [root / "models"])
    fleet.import_assets(write_assets(root / "assets.csv", ["A"]))
    history = random_history(1, ["A"], 12)
    for n, (low, high) in enumerate(pairwise([START, START + 3 * DAY_US, START + 4 * DAY_US])):
        fleet.ingest(history.between(low, high).write(root / f"{n}.parquet"))
        assert fleet.run(local=True).parked == []
    return fleet


def test_a_pairs_digest_does_not_depend_on_labels_beside_it(tmp_path: Path) -> None:
    alone = fleet_of(tmp_path / "alone", "eq_cycles")
    both = fleet_of(tmp_path / "both", "eq_cycles", "regime")
    assert both.digest("model:eq_cycles") == alone.digest("model:eq_cycles")


def test_labels_survive_housekeeping_and_count_in_the_digest(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "one", "regime")
    before, rows = fleet.digest(), fleet.sql("from outputs order by all").fetchall()
    assert {label for *_, label in rows} == {"dis|charge", "x" * 300, None}
    fleet.compact(every=True)
    assert (fleet.digest(), repr(fleet.sql("from outputs order by all").fetchall())) == (before, repr(rows))
    fleet.run(local=True, compute_type="full")
    assert fleet.digest() == before
    code = fleet.root.parent / "models" / "regime" / "__init__.py"
    code.write_text(REGIME.replace("dis|charge", "discharge"))
    fleet.run(local=True)
    assert fleet.digest() != before


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_replay_writes_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str) -> None:
    fleet = fleet_of(tmp_path / "one", "regime")
    out = tmp_path / f"out.{ending}"
    places = ["--store", str(fleet.root), "--settings", str(tmp_path / "one" / "settings.json")]
    with pytest.raises(SystemExit) as exit_:
        main([*places, "--models-dir", str(tmp_path / "one" / "models"), "replay", "A", "--out", str(out)])
    said = capsys.readouterr().out
    assert (exit_.value.code, "word = dis|charge" in said or "word = xxx" in said) == (0, True)
    rows = list(csv.DictReader(out.open())) if ending == "csv" else pq.read_table(out).to_pylist()
    labels = {row["label"] for row in rows if row["output"] == "word"}
    assert labels == {"dis|charge", "x" * 300}
    assert {row["label"] for row in rows if row["output"] == "number"} <= {"", None}
    assert all(row["value"] not in ("", None) for row in rows if row["output"] == "number")


def feed(home: Path, name: str) -> None:
    """Map the current of `eq_cycles` to that name."""
    document = json.loads((home / "settings.json").read_text())
    document["parameters"]["execution"]["enabled_models"].append("eq_cycles")
    document["parameters"]["models"] = {"eq_cycles": {"inputs": {"current": name}}}
    (home / "settings.json").write_text(json.dumps(document))


def test_a_label_that_nobody_declared_as_one_is_no_sample_of_a_series(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "one", "regime")
    manifest = {"inputs": {"current": CURRENT}, "outputs": {"word": {}, "number": {}}}
    (tmp_path / "one" / "models" / "regime" / "model.json").write_text(json.dumps(manifest))
    feed(tmp_path / "one", "regime:word")
    assert fleet.run(local=True).parked == []
    assert fleet.sql("select count(*) from outputs where output = 'charge_throughput_ah'").fetchall() == [(0,)]


def test_labels_cannot_feed_a_series(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "one", "regime")
    feed(tmp_path / "one", "regime:word")
    with pytest.raises(
        SettingsError, match=r"eq_cycles\.inputs\.current: output 'word' of model 'regime' is of labels"
    ):
        fleet.plan()
