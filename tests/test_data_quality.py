"""Data quality: counts against plain ones, the law of cuts, stuck values, contradictions, and the view."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Fleet
from altergo_interface.config import parse_settings
from altergo_interface.data import Span
from altergo_interface.models import discover
from models._simulator import FleetSpec, simulate_asset
from twins import Cursor, ParameterFact, Prepared, Twin, bind

S, H, DAY = 1_000_000, 3_600_000_000, 86_400_000_000
START = 20_000 * DAY
SENSORS = {
    "current": {"unit": "A", "current_sign": "discharge_positive", "cadence_s": 60},
    "pack_voltage": {"unit": "V", "cadence_s": 60},
    "cell_voltage_max": {"unit": "mV", "cadence_s": 60, "valid_range": [1500, 4900]},
    "soc": {"unit": "%", "cadence_s": 60},
    "temperature": {"unit": "°C", "cadence_s": 60},
    "speed": {"cadence_s": 60},
}
RANGES = {"cell_voltage_max": (1500, 4900), "temperature": (-60, 120)}
"""Declared, and of the input that the sensor feeds."""

SPEC = discover(())["data_quality"]


def twin(events, sensors=SENSORS, capacity=100.0, **config):
    declared = parse_settings({"parameters": {"sensors": sensors}}, "test", {})
    facts = [ParameterFact("capacity", capacity, None, 1)] if capacity else []
    binding = bind("data_quality", SPEC.manifest, declared, list(events), facts)
    model = SPEC.create(SPEC.manifest.effective_configuration(config, "test"))
    return Twin(model, SPEC.manifest, binding, facts, SPEC.continuity)


def fold(pair, events, cuts=()):
    """Newest record of each (sensor, day), and the state, after calls that end at these times."""
    cursor = Cursor(Prepared.of(pair.binding, events, pair.genesis()))
    state, found = pair.model.initial(), {}
    begin, end = min(int(t[0]) for t, _ in events.values()), max(int(t[-1]) for t, _ in events.values()) + 1
    edges = [begin, *sorted(cut for cut in cuts if begin < cut < end), end]
    for low, high in itertools.pairwise(edges):
        state, outputs = pair.model.advance(state, cursor.take(Span(low, high), high, pair.constants(low, {})))
        state = pair.model.State.model_validate_json(state.model_dump_json())
        for record in outputs["records"]:
            assert low <= record.at < high
            found[record.cell, record.started_at // DAY] = record
    return found, state


def minutes(n, step_s=60):
    return START + np.arange(n, dtype=np.int64) * step_s * S


def detail(found, sensor, day=20_000):
    return found[sensor, day].detail


# Counts


histories = st.builds(
    lambda seed, n: (np.random.default_rng(seed), n), st.integers(0, 2**32 - 1), st.integers(2, 300)
)


def random_events(rng, n):
    """Sensors with stamps of their own, pauses, repeated values and wrong ones, over some days."""
    events = {}
    for name in SENSORS:
        if rng.random() < 0.15:
            continue
        t = START + np.cumsum(rng.choice([20, 60, 60, 400, 9000, 40_000], n, p=[0.2, 0.3, 0.3, 0.1, 0.07, 0.03])) * S
        t = t + rng.integers(0, 9 * DAY // 10) * (rng.random() < 0.3)
        x = {"current": 60.0, "pack_voltage": 300.0, "cell_voltage_max": 3700.0, "soc": 50.0}.get(name, 20.0)
        x = x * (1 + 0.02 * np.round(rng.normal(0, 1, n)) * (rng.random(n) < 0.5))
        if name == "current":
            x = x * rng.choice([-1.0, 0.0, 1.0, 1.0], n)
        x[rng.random(n) < 0.05] = rng.choice([0.0, 65535.0, 0.7])
        for first in rng.integers(0, n, 2):
            x[first : first + rng.integers(1, 60)] = x[first]
        events[name] = (t, x)
    return events or {"speed": (START + np.arange(n) * S, np.ones(n))}


@settings(max_examples=60, deadline=None)
@given(histories, st.lists(st.floats(0, 1), max_size=6))
def test_any_cuts_give_the_same_records_and_state(history, shares):
    events = random_events(*history)
    pair = twin(events, stuck_after_s=600.0)
    low, high = min(t[0] for t, _ in events.values()), max(t[-1] for t, _ in events.values())
    cuts = [int(low + share * (high - low)) for share in shares]
    whole, pieces = fold(pair, events), fold(pair, events, cuts)
    assert {key: record.detail for key, record in whole[0].items()} == {
        key: record.detail for key, record in pieces[0].items()
    }
    assert whole[1].model_dump_json() == pieces[1].model_dump_json()


@settings(max_examples=60, deadline=None)
@given(histories)
def test_counts_are_those_of_a_plain_count(history):
    events = random_events(*history)
    found, _ = fold(twin(events), events)
    days = 0
    for sensor, (t, x) in events.items():
        frame = pd.DataFrame({"day": t // DAY, "step": np.diff(t, prepend=t[0]) / S, "x": x})
        low, high = RANGES.get(sensor, (-np.inf, np.inf))
        for day, rows in frame.groupby("day"):
            long = rows.step[rows.step > 300]
            told = detail(found, sensor, day)
            assert (told["samples"], told["gaps"], told["gap_s"]) == (len(rows), len(long), long.sum())
            assert told["out_of_range"] == ((rows.x < low) | (rows.x > high)).sum()
            days += 1
    assert days == len(found)


def test_a_sensor_that_feeds_an_input_is_judged_by_its_range_too():
    t = minutes(10)
    x = np.array([3700.0] * 8 + [4995.0, 3700.0])  # 4.995 V: inside no declared range, but no cell either
    found, _ = fold(
        twin({"cell_voltage_max": (t, x)}, {"cell_voltage_max": {"unit": "mV"}}), {"cell_voltage_max": (t, x)}
    )
    assert detail(found, "cell_voltage_max")["out_of_range"] == 1
    assert found["cell_voltage_max", 20_000].severity == 1


def test_a_day_without_a_fault_has_no_severity():
    found, _ = fold(twin({"speed": (minutes(5), np.arange(5.0))}), {"speed": (minutes(5), np.arange(5.0))})
    record = found["speed", 20_000]
    assert (record.severity, record.value, record.ended_at) == (None, 0.0, START + DAY)


# Stuck values


def drive(n=600, stuck=None, **other):
    """Ten hours of discharge at 0.05 C, one sensor stuck from the third hour to the eighth."""
    t = minutes(n)
    flowed = np.arange(n) / 60 * 5.0 / 100
    events = {
        "current": np.full(n, 5.0) + 0.1 * (np.arange(n) % 2),
        "pack_voltage": np.round(400 - 60 * flowed, 1) + 0.1 * (np.arange(n) % 3),
        "soc": np.round(90 - 100 * flowed, 1),
        "temperature": np.round(20 + np.arange(n) / 100, 1),
        **other,
    }
    if stuck:
        events[stuck] = np.where((np.arange(n) >= 180) & (np.arange(n) < 480), events[stuck][180], events[stuck])
    return {name: (t, x) for name, x in events.items()}


@pytest.mark.parametrize("sensor", ["pack_voltage", "soc"])
def test_a_sensor_that_does_not_answer_the_charge_is_stuck_from_its_proof_on(sensor):
    events = drive(stuck=sensor)
    found, _ = fold(twin(events), events)
    # 10 Ah of 100 Ah at 5.05 A: 119 minutes on.
    assert detail(found, sensor)["stuck"] == 300 - 119
    assert all(detail(found, other)["stuck"] == 0 for other in events if other != sensor)


def test_a_current_is_stuck_where_the_state_of_charge_does_not_follow():
    n = 600
    events = drive(stuck="current", soc=np.full(n, 80.0) + np.arange(n) % 2)
    assert detail(fold(twin(events), events)[0], "current")["stuck"] == 300 - 108  # its reading jumps by 1 %


def test_a_current_that_would_empty_the_battery_twice_is_stuck():
    t = minutes(30 * 60)
    events = {"current": (t, np.full(len(t), 5.0))}
    assert 0 < detail(fold(twin(events), events)[0], "current", 20_001)["stuck"] <= 6 * 60


@pytest.mark.parametrize(
    "events",
    [
        drive(),
        drive(current=np.zeros(600), pack_voltage=np.full(600, 390.0), soc=np.full(600, 50.0)),  # a rest
        drive(current=np.tile([80.0, -80.0], 300), soc=np.full(600, 50.0)),  # regulation: nothing comes or goes
        drive(temperature=np.full(600, 20.0)),  # a cool room
    ],
    ids=["drive", "rest", "regulation", "cool room"],
)
def test_a_value_that_may_stay_is_not_stuck(events):
    found, _ = fold(twin(events), events)
    assert [record.detail["stuck"] for record in found.values()] == [0] * len(events)


def test_a_temperature_is_stuck_after_a_day_and_a_whole_charge():
    t = minutes(2 * 1440)
    events = {"current": (t, 10.0 * (-1.0) ** np.arange(len(t))), "temperature": (t, np.full(len(t), 20.0))}
    found, _ = fold(twin(events), events)
    assert [detail(found, "temperature", day)["stuck"] for day in (20_000, 20_001)] == [0, 1440]


# Contradictions


def stepping(sign=1.0):
    """A day of steps between 0 and 0.5 C every ten minutes; the voltage falls by 20 V under discharge."""
    t = minutes(1440)
    current = np.where(np.arange(1440) // 10 % 2 == 0, 0.0, 50.0)
    soc = np.round(100 - np.cumsum(current) / 60 / 10, 1)
    return {"current": (t, sign * current), "pack_voltage": (t, 400 - 0.4 * current), "soc": (t, soc)}


def test_a_right_sign_contradicts_nothing():
    events = stepping()
    found, state = fold(twin(events), events)
    assert [record.detail["contradictions"] for record in found.values()] == [0, 0, 0]
    assert (state.steps, state.against) == (143, 0)
    assert twin(events).model.notices(state) == []


def test_a_wrong_sign_contradicts_voltage_and_state_of_charge():
    events = stepping(-1.0)
    pair = twin(events, capacity=10.0)
    found, state = fold(pair, events)
    assert detail(found, "pack_voltage")["contradictions"] == 143
    assert detail(found, "soc")["contradictions"] > 100
    (notice,) = pair.model.notices(state)
    assert "100% of 143 steps" in notice
    assert "current_sign" in notice


def test_a_step_across_a_cut_counts_like_any_other():
    events = stepping(-1.0)
    t = events["current"][0]
    cuts = [int(at) for at in t[10::10]]  # each falls right between the two samples of a step
    whole, pieces = fold(twin(events), events)[1], fold(twin(events), events, cuts)[1]
    assert (pieces.steps, pieces.against) == (whole.steps, whole.against) == (143, 143)


def test_single_steps_against_the_voltage_are_noise():
    events = stepping()
    t, v = events["pack_voltage"]
    v = v.copy()
    v[300:360] = 400 + (400 - v[300:360])
    events["pack_voltage"] = (t, v)
    found, state = fold(twin(events), events)
    assert detail(found, "pack_voltage")["contradictions"] == 0
    assert state.against > 0


@pytest.mark.parametrize(("unit", "scale", "wrong"), [("fraction", 100, 60), ("%", 1, 60), ("%", 100, 0)])
def test_a_percentage_is_told_from_a_fraction(unit, scale, wrong):
    x = scale * np.linspace(0.3, 0.4, 60)
    events = {"soc": (minutes(60), x)}
    found, _ = fold(twin(events, {"soc": {"unit": unit, "cadence_s": 60}}), events)
    assert detail(found, "soc")["contradictions"] == wrong


def test_without_a_capacity_only_units_are_judged():
    events = stepping(-1.0)
    found, _ = fold(twin(events, capacity=None), events)
    assert [record.detail["contradictions"] for record in found.values()] == [0, 0, 0]


# The simulator's faults


def test_a_simulated_fleet_has_the_faults_that_were_put_in_and_no_others():
    bad = {}
    for index in range(32):
        asset = simulate_asset(FleetSpec(assets=32, days=5, seed=1), index)
        events = {}
        for name, (t, x) in asset.sensors.items():
            order = np.argsort(t, kind="stable")
            fresh = np.append(True, np.diff(t[order]) > 0)
            events[name] = (t[order][fresh], x[order][fresh].astype(float))
        rules = {name: rule for name, rule in SENSORS.items() if name != "cell_voltage_max"}
        pair = twin(events, rules | {"cell_voltage_*": {"unit": "V"}}, asset.parameters["capacity"])
        for (sensor, _), record in fold(pair, events)[0].items():
            for kind in ("gaps", "out_of_range", "stuck", "contradictions"):
                if record.detail[kind]:
                    bad.setdefault(index, set()).add((sensor, kind))
    assert bad == {
        11: {(sensor, "gaps") for sensor in asset.sensors},
        15: {("cell_voltage_min", "stuck")},
        19: {("cell_voltage_max", "out_of_range")},
    }


# The view

BASE = "asset_id, sensor, day, samples, gaps, gap_s, out_of_range"


@pytest.fixture
def sick(store, settings_document, write, events):
    """`sick(models)`: a fleet with sentinels and twice delivered rows, run with these models."""
    log = events.copy()
    log.loc[log[log.sensor == "cell_voltage_max"].index[[3, 50]], "value"] = [65.535, 0.0]
    log = pd.concat([log, log.iloc[10:14]], ignore_index=True)

    def make(models, again=False):
        settings_document["parameters"]["execution"] = {"enabled_models": models}
        fleet = Fleet(store, write("mine.json", settings_document))
        if not again:
            fleet.ingest(write("events.parquet", log))
            fleet.import_assets(write("assets.csv", "asset_id,capacity,chemistry\nEV-1,50,NMC\nEV-2,80,LFP\n"))
        assert not fleet.run(local=True).parked
        return fleet

    return make


def test_what_the_model_records_is_what_a_plain_count_gives(sick):
    fleet = sick("eq_cycles")
    counted = fleet.sql(f"select {BASE} from quality order by all").fetchall()
    assert fleet.sql("select distinct stuck, contradictions from quality").fetchall() == [(None, None)]
    fleet = sick("eq_cycles,data_quality", again=True)
    assert fleet.sql(f"select {BASE} from quality order by all").fetchall() == counted
    query = "select distinct sensor, stuck > 0, contradictions from quality order by all"
    rows = fleet.sql(query).fetchall()
    # The fleet's highest cell stays at one value to the last digit while a tenth of the capacity comes and goes.
    assert ("cell_voltage_max", True, 0) in rows
    assert {row[1:] for row in rows if row[0] != "cell_voltage_max"} == {(False, 0)}


def test_repeated_rows_are_counted_by_day_and_once(sick, write, events):
    fleet = sick("data_quality")
    query = "select sensor, sum(duplicates)::int from quality group by all having sum(duplicates) > 0 order by all"
    assert fleet.sql(query).fetchall() == [("current", 4)]
    fleet.ingest(write("more.parquet", events.iloc[10:11]))
    fleet.publish()
    assert fleet.sql(query).fetchall() == [("current", 5)]
    fleet.purge("EV-1")
    assert fleet.sql(query).fetchall() == []


def test_records_show_the_days_with_faults_only(sick):
    fleet = sick("data_quality")
    query = "select asset_id, cell, severity, value, detail ->> 'out_of_range' from records where value < 10"
    assert fleet.sql(query).fetchall() == [("EV-1", "cell_voltage_max", 1, 2.0, "2")]
    assert fleet.sql("select distinct kind, cell from records").fetchall() == [("quality", "cell_voltage_max")]
    assert fleet.sql("select count(*) from quality").fetchall() == [(48,)]
