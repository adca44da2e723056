"""Models written for the platform's public boilerplate, unmodified: through a run, over cuts, on Ray and in SQL."""

import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import ray
from histories import DAY_US, START, random_history

from actors import Fleet
from altergo_interface import Model
from altergo_interface.models import Registry, discover
from twins.checks import run_checks

UPSTREAM = Path(__file__).parent / "upstream"
NAMES = ("cycle_counter", "segment_report", "table_soc", "usage_quantiles")
ASSETS = ("EV-1", "EV-2")
DAYS = 5
HOUR = DAY_US // 24
OCV = {"soc": [0.0, 0.5, 1.0], "ocv": [3.0, 3.6, 4.2]}
SETTINGS = {
    "parameters": {
        "execution": {"enabled_models": list(NAMES)},
        "sensors": {"current": {"unit": "A"}, "pack_voltage": {"unit": "V"}},
    }
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover([UPSTREAM])


def in_pieces(root: Path, *cuts: int, local: bool = True) -> Fleet:
    root.mkdir(parents=True)
    (root / "settings.json").write_text(json.dumps(SETTINGS))
    fleet = Fleet(root / "store", root / "settings.json", [UPSTREAM])
    parameters = {"capacity": 150, "chemistry": "NMC", "cells_in_series": 96, "ocv_table": OCV}
    (root / "assets.json").write_text(json.dumps([{"asset_id": asset, **parameters} for asset in ASSETS]))
    fleet.import_assets(root / "assets.json")
    history = random_history(8, ASSETS, 4 * DAYS)  # the longer, the denser
    for n, (low, high) in enumerate(pairwise([START, *cuts, START + DAYS * DAY_US])):
        piece = history.between(low, high)
        if piece.events.num_rows:
            fleet.ingest(piece.write(root / f"{n}.parquet"))
        report = fleet.run(local=local, workers=None if local else 2)
        assert (report.parked, report.broken) == ([], ())
    return fleet


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    return in_pieces(tmp_path_factory.mktemp("upstream") / "whole")


def rows(fleet: Fleet, query: str) -> list[tuple[object, ...]]:
    return fleet.sql(query).fetchall()


def test_there_is_no_sdk_here_and_none_is_left_behind(registry: Registry) -> None:
    assert importlib.util.find_spec("altergo_sdk") is None
    bare = {"altergo_sdk", "altergo_sdk.boiler_plate", "utils", "curves", "constants", "table_soc"}
    assert not bare & set(sys.modules)
    assert not [path for path in sys.path if path.startswith(str(UPSTREAM))]
    assert set(NAMES) <= set(registry)
    assert registry.broken == []
    assert all(issubclass(registry[name].cls, Model) for name in NAMES)
    assert registry["cycle_counter"].metadata["category"] == "usage"


def test_helpers_count_in_the_fingerprint_and_tests_do_not(registry: Registry) -> None:
    assert set(registry["table_soc"].files) == {
        *("table_soc/__init__.py", "table_soc/main.py", "table_soc/utils.py"),
        *("table_soc/curves/constants.py", "table_soc/curves/lookup.py"),
    }
    assert "cycle_counter/utils.py" in registry["cycle_counter"].files


FAILS = {
    "cycle_counter": "output 'undeclared' is not declared in the manifest",
    "segment_report": "declares output 'empty', 'never', 'nothing', but gives it on none",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_checks_find_what_departs_from_the_manifest_and_nothing_else(registry: Registry, name: str) -> None:
    failed = {result.name: result.detail for result in run_checks(registry[name]) if result.outcome == "failed"}
    assert list(failed) == ["manifest against behaviour"] * (name in FAILS)
    assert all(FAILS[name] in detail for detail in failed.values())


def in_turns(*cuts: int) -> Sequence[int]:
    return [START + cut for cut in cuts]


@pytest.mark.parametrize(
    "cuts",
    [
        in_turns(7 * HOUR, 2 * DAY_US, 3 * DAY_US + 13 * HOUR),
        in_turns(*(day * DAY_US + day * HOUR for day in range(1, DAYS))),
    ],
)
def test_law_1_holds_on_the_grid(whole: Fleet, tmp_path: Path, cuts: Sequence[int]) -> None:
    pieces = in_pieces(tmp_path / "pieces", *cuts)
    for name in NAMES:
        assert pieces.digest(f"model:{name}") == whole.digest(f"model:{name}"), name
    assert pieces.digest() == whole.digest()
    tables = ("outputs", "latest_outputs", "records")
    for table in tables:
        query = f"from {table} order by all"
        assert repr(rows(pieces, query)) == repr(rows(whole, query))  # NaN is not equal to itself
    assert pieces.verify(sample=10).findings == []


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


@pytest.mark.ray
@pytest.mark.usefixtures("cluster")
def test_ray_gives_the_same(whole: Fleet, tmp_path: Path) -> None:
    assert in_pieces(tmp_path / "ray", START + 2 * DAY_US + HOUR, local=False).digest() == whole.digest()


def test_labels_show_in_sql(whole: Fleet) -> None:
    found = rows(whole, "select distinct label from outputs where output = 'band' order by 1")
    assert found == [("high",), ("low",), ("middle",)]
    bands = "from outputs where output = 'band' and asset_id = 'EV-1'"
    assert rows(whole, f"select count(*) {bands} and not isnan(value)") == [(0,)]
    assert rows(whole, "select count(*) from outputs where output <> 'band' and label = 'middle'") == [(0,)]
    (newest,) = rows(whole, f"select label {bands} order by ts desc limit 1")
    assert rows(whole, f"select label {bands.replace('outputs', 'latest_outputs')}") == [newest]
    assert whole.state("EV-1")["models"]["usage_quantiles"]["outputs"]["band"] == newest[0]


def test_labels_are_kept_on_change_and_at_a_slots_end(whole: Fleet) -> None:
    query = """select label is not distinct from lag(label) over w, lead(ts::date) over w is distinct from ts::date
               from outputs where output = 'regime' and asset_id = 'EV-1' window w as (order by ts)"""
    found = rows(whole, query)
    assert len(found) > 20
    assert all(last_of_day for same_as_before, last_of_day in found if same_as_before)


def test_a_missing_label_is_a_row_without_one(whole: Fleet) -> None:
    query = "select count(*) filter (label is null) > 0, bool_and(isnan(value)) from outputs where output = 'regime'"
    assert rows(whole, query) == [(True, True)]


def test_single_numbers_and_texts_stand_at_the_slots_last_sample(whole: Fleet) -> None:
    ends = "select max(ts) from events where asset_id = 'EV-1' and sensor = 'current' group by ts::date order by 1"
    for output in ("share_charging", "dominant", "peak"):
        stamps = f"select ts from outputs where output = '{output}' and asset_id = 'EV-1' order by 1"
        assert rows(whole, stamps) == rows(whole, ends)
        assert len(rows(whole, stamps)) == DAYS


def test_seeded_cycles_are_those_of_one_call(whole: Fleet, registry: Registry) -> None:
    events = rows(whole, "select ts, value from events where asset_id = 'EV-1' and sensor = 'current' order by ts")
    series = pd.Series([x for _, x in events], index=pd.DatetimeIndex([t for t, _ in events]))
    once = registry["cycle_counter"].create({"efficiency": 1.0}).process({"current": series, "capacity": 150.0})
    (found,) = rows(whole, "select value from latest_outputs where output = 'cycles' and asset_id = 'EV-1'")
    assert found[0] == pytest.approx(once["cycles"].iloc[-1], rel=1e-12)


def test_each_folder_has_its_own_utils(whole: Fleet, registry: Registry) -> None:
    assert rows(whole, "select distinct value from outputs where output = 'gain'") == [(2.0,)]
    modules = [sys.modules[f"{registry[name].cls.__module__.partition('.')[0]}.utils"] for name in NAMES[::2]]
    assert [module.gain() for module in modules] == [1.0, 2]


def test_a_table_of_the_asset_reaches_the_model(whole: Fleet) -> None:
    low, high = rows(whole, "select min(value), max(value) from outputs where output = 'soc'")[0]
    assert 0 <= low < high <= 100  # type: ignore[operator]


def test_data_frames_show_in_sql(whole: Fleet) -> None:
    summary = "from records where kind = 'segment_summary'"
    assert rows(whole, f"select count(*) > 5, bool_and(ended_at >= started_at), bool_and(value <> 0) {summary}") == [
        (True, True, True)
    ]
    assert rows(whole, f"select bool_and((detail->>'$.samples')::int >= 3) {summary}") == [(True,)]
    details = "select distinct json_keys(detail)::varchar[] from records where kind = '{}'"
    assert rows(whole, details.format("segment_summary")) == [(["direction", "duration", "samples"],)]
    assert rows(whole, details.format("by_direction")) == [(["count", "mean"],)]
    assert rows(whole, "select distinct cell from records where kind = 'by_direction' order by 1") == [
        ("charge",),
        ("discharge",),
    ]
    assert rows(whole, details.format("totals")) == [(["longest_gap", "samples"],)]
    columns = "select distinct output, label is not null from outputs where output like 'quarters%' order by 1"
    assert rows(whole, columns) == [("quarters.busy", True), ("quarters.count", False), ("quarters.mean", False)]


def test_whole_numbers_and_truth_values_are_numbers(whole: Fleet) -> None:
    query = """select output, max(value) > 0, count(label) from outputs
               where output in ('samples', 'high', 'steps') group by 1 order by 1"""
    assert rows(whole, query) == [("high", True, 0), ("samples", True, 0), ("steps", True, 0)]


def test_what_departs_from_the_manifest_is_said(tmp_path: Path) -> None:
    fleet = in_pieces(tmp_path / "said")
    report = fleet.run(local=True, compute_type="full")
    assert report.parked == []
    said = "\n".join(report.warnings)
    assert "EV-1, EV-2: cycle_counter: returns 'undeclared', which model.json does not declare" in said
    assert "EV-1, EV-2: segment_report: declares the output 'never' and has not given it" in said
    assert "'segment_summary'" not in said
    assert "'quarters'" not in said
    assert rows(fleet, "select count(*) from outputs where output = 'undeclared'") == [(0,)]


def test_what_a_model_prints_is_not_a_result(whole: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    whole.twin("EV-1").replay()
    out, err = capsys.readouterr()
    assert (out, "counting cycles" in err) == ("", True)


def test_a_replay_shows_labels_beside_numbers(whole: Fleet) -> None:
    twin = whole.twin("EV-1").replay()
    frame = twin.outputs["usage_quantiles"]
    assert (frame["band"].dropna().isin(["low", "middle", "high"])).all()
    assert str(frame["peak"].dtype) == "float64"
    assert twin.latest["usage_quantiles"]["band"] in ("low", "middle", "high")
