"""The digest: equal for equal results however they came about, and different as soon as one bit of them is."""

import json
import shutil
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from actors import Fleet
from event_store.paths import bucket_of

SENSORS = {"*": {"cadence_s": 300}, "current": {"unit": "A", "cadence_s": 300}}
ASSETS = "asset_id,capacity,chemistry\nEV-1,50,NMC\nEV-2,80.5,LFP\n"


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """`build(frame, …)`: a store that ingested the frames one after the other, with a run after each."""

    def make(*frames):
        root = tmp_path_factory.mktemp("digest")
        parameters = {"execution": {"enabled_models": "eq_cycles,voltage_monitor"}, "sensors": SENSORS}
        (root / "settings.json").write_text(json.dumps({"parameters": parameters}))
        (root / "assets.csv").write_text(ASSETS)
        fleet = Fleet(root / "store", root / "settings.json")
        fleet.import_assets(root / "assets.csv")
        for number, frame in enumerate(frames):
            frame.to_parquet(root / f"{number}.parquet")
            fleet.ingest(root / f"{number}.parquet")
            assert not fleet.run(local=True).parked
        return fleet

    return make


@pytest.fixture(scope="module")
def changeable(build, events):
    """A store of one run over everything, and its digest. Whoever changes it puts it back."""
    fleet = build(events)
    return fleet, fleet.digest()


@pytest.fixture(scope="module")
def whole(changeable):
    """The digest of one run over everything."""
    return changeable[1]


@pytest.fixture
def one_run(changeable, tmp_path):
    """A copy of the store of one run, free to be changed."""
    original = changeable[0].root
    shutil.copytree(original, tmp_path / "store")
    return Fleet(tmp_path / "store", original.parent / "settings.json")


@example_settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_it_does_not_matter_where_runs_were_cut(data, build, events, whole):
    cuts = data.draw(st.sets(st.integers(1, 4 * 288 - 1), min_size=1, max_size=2))
    step = (events.ts - events.ts.min()) // pd.Timedelta(minutes=5)
    edges = [0, *sorted(cuts), 4 * 288]
    parts = [events[(step >= low) & (step < high)] for low, high in pairwise(edges)]
    assert build(*parts).digest() == whole


def test_it_does_not_matter_in_which_order_assets_came(build, events, whole):
    shuffled = events.sample(frac=1, random_state=1)
    first = shuffled.asset_id == "EV-1"
    assert build(shuffled[~first], shuffled[first]).digest() == whole


def test_it_does_not_matter_what_was_tried_in_between(one_run, whole):
    one_run.run(local=True, compute_type="full")
    one_run.run(local=True)
    assert one_run.digest() == whole


@pytest.mark.parametrize(
    ("sensor", "at", "value"),
    [
        ("current", 10, 0.125),  # an output, and the state after it
        ("cell_voltage_max", 4 * 288 - 1, 4.2201),  # the open slot
        ("cell_voltage_max", 288 + 65, 4.301),  # an alert's extreme
    ],
)
def test_one_event_makes_a_difference(sensor, at, value, build, events, changeable):
    unchanged, whole = changeable
    changed = events.copy()
    rows = changed[(changed.asset_id == "EV-1") & (changed.sensor == sensor)].index
    assert changed.loc[rows[at], "value"] != value
    changed.loc[rows[at], "value"] = value
    fleet = build(changed)
    assert fleet.digest() != whole
    assert fleet.digest("asset:EV-2") == unchanged.digest("asset:EV-2")


def segment(fleet, kind):
    """The largest segment of a kind."""
    return max((fleet.root / "segments" / kind).rglob("*.parquet"), key=lambda path: path.stat().st_size)


def rewrite(path, column, change, every=False):
    """Change a segment's column in its middle row or in every row, in place of all its checks."""
    table = pq.read_table(path)
    values = table.column(column).to_pylist()
    middle = len(values) // 2
    values = [change(value) if every or at == middle else value for at, value in enumerate(values)]
    field = table.schema.field(column)
    pq.write_table(table.set_column(table.schema.get_field_index(column), field, pa.array(values, field.type)), path)


def a_bit_more(x):
    return float(np.nextafter(x, np.inf)) if np.isfinite(x) else 1.0


def a_bit_later(t):
    return t + pd.Timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("kind", "column", "change"),
    [
        ("output", "value", a_bit_more),
        ("output", "ts", a_bit_later),
        ("output", "label", lambda _: "hot"),
        ("open_output", "value", a_bit_more),
        ("record", "value", a_bit_more),
        ("record", "severity", lambda severity: severity + 1),
        ("record", "ended_at", lambda t: a_bit_later(t or pd.Timestamp("2026-02-01", tz="UTC"))),
        ("record", "started_at", a_bit_later),
        ("record", "kind", lambda _: "rest"),
        ("record", "cell", lambda _: "7"),
        ("record", "detail", lambda _: "{}"),
        ("open_record", "value", a_bit_more),
    ],
)
def test_one_bit_of_a_result_makes_a_difference(kind, column, change, changeable):
    fleet, whole = changeable
    path = segment(fleet, kind)
    before = path.read_bytes()
    try:
        rewrite(path, column, lambda value: value)
        assert fleet.digest() == whole
        rewrite(path, column, change, every=column in ("kind", "cell"))  # else a version would become a record
        assert fleet.digest() != whole
    finally:
        path.write_bytes(before)


def change_head(fleet, assignment):
    with fleet.store().catalog.transaction("test") as con:
        con.execute(f"update store.heads set {assignment} where asset_id = 'EV-1' and model = 'eq_cycles'")


def test_one_bit_of_the_state_makes_a_difference(one_run, whole):
    fleet = one_run
    state = fleet.state("EV-1")["models"]["eq_cycles"]["state"]
    state["equivalent_cycles"] = a_bit_more(state["equivalent_cycles"])
    change_head(fleet, f"state = '{json.dumps(state, separators=(',', ':'))}'")
    assert fleet.digest() != whole


def test_run_ids_sequences_and_fingerprints_do_not_count(one_run, whole):
    fleet = one_run
    change_head(fleet, "run_id = 'x', seq = seq + 100, fingerprint = 'x', version = 9, tried_seq = 7")
    with fleet.store().catalog.transaction("test") as con:
        con.execute("update store.snapshots set carry = null, run_id = null")
        con.execute("update store.runs set started_at = now(), environment = '{}'")
    assert fleet.digest() == whole


def test_every_nan_is_one(one_run):
    fleet = one_run
    path = segment(fleet, "output")
    other = np.array([0x7FF8000000000001], np.uint64).view(np.float64)[0]
    rewrite(path, "value", lambda _: float("nan"))
    one = fleet.digest()
    table = pq.read_table(path)
    x = table.column("value").to_numpy().copy()
    x[len(x) // 2] = other
    pq.write_table(table.set_column(table.schema.get_field_index("value"), "value", pa.array(x)), path)
    assert fleet.digest() == one


def test_a_selection_is_the_digest_of_a_fleet_of_just_that(build, events, changeable):
    fleet, _ = changeable
    alone = build(events[events.asset_id == "EV-1"])
    assert fleet.digest("asset:EV-1") == alone.digest() == fleet.digest("EV-1")
    parts = {fleet.digest(f"asset:{a},model:{m}") for a in ("EV-1", "EV-2") for m in ("eq_cycles", "voltage_monitor")}
    assert len(parts) == 4
    assert fleet.digest("EV-*") == fleet.digest() not in parts


def test_parked_pairs_count_by_name_only(one_run, whole):
    fleet = one_run
    change_head(fleet, "status = 'parked', error = 'a fault'")
    parked = fleet.digest()
    assert parked != whole
    change_head(fleet, "state = null, latest = null, error = 'another', head = null, as_of = null")
    for path in (fleet.root / "segments" / "output" / f"b={bucket_of('EV-1'):04d}").rglob("*.parquet"):
        table = pq.read_table(path).to_pandas()
        table.loc[table.model == "eq_cycles", "value"] += 1
        table.to_parquet(path)
    assert fleet.digest() == parked
    with fleet.store().catalog.transaction("test") as con:
        con.execute("delete from store.heads where asset_id = 'EV-1' and model = 'eq_cycles'")
    assert fleet.digest() not in (parked, whole)


def test_an_empty_store_has_a_digest(fleet, assets_csv):
    fleet.import_assets(assets_csv)
    assert fleet.digest() == fleet.digest()
    assert len(fleet.digest()) == 64
