"""Equivalent cycles: the formula against plain arithmetic, the law of cuts, and measured and simulated truth."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altergo_interface import ModelError, Samples, SensorRule, Span, StepData
from altergo_interface.manifest import load_manifest
from models.eq_cycles import EqCycles

FOLDER = Path(__file__).parents[1] / "models" / "eq_cycles"
S = 1_000_000
START = 1_700_000_000 * S
SUMS = ("equivalent_cycles", "charge_throughput_ah", "discharge_throughput_ah", "unobserved_hours")
ALWAYS = (*SUMS, "throughput_uncertainty")


def model(**config):
    return EqCycles(load_manifest(FOLDER / "model.json").effective_configuration(config, "test"))


def series(seconds, values, **declared):
    t = START + np.round(np.asarray(seconds, dtype=float) * S).astype(np.int64)
    return Samples(t, np.asarray(values, dtype=float), 0, SensorRule(**declared))


def call(inputs, start, end):
    """The step of [start, end) as the engine builds it: lead-ins in front, what has no sample yet left out."""
    given = {}
    for name, value in inputs.items():
        if not isinstance(value, Samples):
            given[name] = value
            continue
        first, stop = np.searchsorted(value.t, [start, end])
        lead = int(first > 0)
        if stop:
            t, x = value.t[first - lead : stop].copy(), value.x[first - lead : stop].copy()
            t.flags.writeable = x.flags.writeable = False
            given[name] = Samples(t, x, lead, value.declared)
    return StepData(given, Span(start, end))


def fold(m, inputs, edges):
    """Outputs (name to stamps and values) and state after one call per pair of edges; the state goes through JSON."""
    state, rows = m.initial(), {}
    for start, end in pairwise(edges):
        data = call(inputs, start, end)
        state, outputs = m.advance(state, data)
        state = m.State.model_validate_json(state.model_dump_json())
        for name, found in outputs.items():
            assert len(found) == 0 or (start <= found.t[0] and found.t[-1] < end), name
            assert not any(np.shares_memory(found.t, v.t) for v in data.values() if isinstance(v, Samples))
            rows.setdefault(name, []).append(found)
    joined = {n: (np.concatenate([f.t for f in r]), np.concatenate([f.x for f in r])) for n, r in rows.items()}
    return {n: r for n, r in joined.items() if len(r[0])}, state


def whole(m, inputs):
    end = max(int(v.t[-1]) for v in inputs.values() if isinstance(v, Samples)) + 1
    return fold(m, inputs, [0, end])


def final(m, inputs):
    return {name: x[-1] for name, (_, x) in whole(m, inputs)[0].items()}


def random_history(rng):
    n = int(rng.integers(1, 40))

    def stamps(count):
        return np.cumsum(rng.choice([0.1, 1, 7, 60, 119.9, 120, 120.000001, 700], count))

    inputs = {"capacity": 3.1, "current": series(stamps(n), rng.choice([-5.3, -0.004, 0, 0.011, 2.7], n))}
    for name, values in (("soh", [0.8, 0.9, 1.01]), ("voltage", [350.1, 400.7])):
        if rng.random() < 0.7:
            count = int(rng.integers(1, 20))
            inputs[name] = series(stamps(count) + rng.choice([-500, 0, 1000]), rng.choice(values, count))
    return inputs


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_cut_gives_the_same_bits(seed):
    rng = np.random.default_rng(seed)
    inputs = random_history(rng)
    m = model(deadband_a=0.01)
    stamps = np.concatenate([v.t for v in inputs.values() if isinstance(v, Samples)])
    end = int(stamps.max()) + 1
    near = rng.choice(stamps, 6) + rng.choice([0, 1, 50 * S], 6)
    edges = [0, *sorted({int(c) for c in near if 0 < c < end}), end]
    once, once_state = fold(m, inputs, [0, end])
    cut, cut_state = fold(m, inputs, edges)
    assert once_state.model_dump_json() == cut_state.model_dump_json()
    assert once.keys() == cut.keys()
    for name, (t, x) in once.items():
        assert np.array_equal(t, cut[name][0])
        assert np.array_equal(x.view(np.int64), cut[name][1].view(np.int64)), name


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_sums_match_plain_arithmetic(seed):
    inputs = random_history(np.random.default_rng(seed))
    current, soh, voltage = inputs["current"], inputs.get("soh"), inputs.get("voltage")
    cycles = charge = discharge = energy = unobserved = 0.0
    for k in range(len(current) - 1):
        begin, hours, amps = current.t[k], (current.t[k + 1] - current.t[k]) / S / 3600, current.x[k]
        if hours * 3600 > 120 + 1e-9:
            unobserved += hours
            continue
        health = [x for t, x in zip(soh.t, soh.x, strict=True) if t <= begin] if soh else []
        volts = (
            [x for t, x in zip(voltage.t, voltage.x, strict=True) if begin - 120 * S <= t <= begin] if voltage else []
        )
        eta = 0.99 if amps >= 0 else 0.98
        cycles += abs(amps) * hours * eta / (2 * 3.1 * (health[-1] if len(health) else 1.0))
        charge += -amps * hours if amps < 0 else 0.0
        discharge += amps * hours if amps >= 0 else 0.0
        energy += abs(volts[-1] * amps) * hours if len(volts) else 0.0
    found = final(model(), inputs)
    assert [found[name] for name in SUMS] == pytest.approx([cycles, charge, discharge, unobserved], rel=1e-12)
    assert found.get("energy_throughput_wh", 0.0) == pytest.approx(energy, rel=1e-12)


@pytest.mark.parametrize(
    ("config", "declared", "amps", "cycles"),
    [
        ({}, {}, [3.6, 0], 0.99 * 0.1 / 4),
        ({}, {}, [-3.6, 0], 0.98 * 0.1 / 4),
        ({"enable_efficiency_correction": False}, {}, [-3.6, 9], 0.1 / 4),
        ({"charge_efficiency": 1, "deadband_a": 3.6}, {}, [-3.6, 0], 0.1 / 4),
        ({"deadband_a": 3.7}, {}, [-3.6, 0], 0.0),
        ({}, {"resolution": 3.7}, [-3.6, 0], 0.0),
        ({"deadband_a": 0}, {"resolution": 3.7}, [3.6, 0], 0.99 * 0.1 / 4),
        ({"max_gap_s": 99}, {}, [3.6, 0], 0.0),
        ({}, {"cadence_s": 19}, [3.6, 0], 0.0),
        ({}, {"cadence_s": 20}, [3.6, 0], 0.99 * 0.1 / 4),
        ({}, {"telemetry": "on_change", "max_silence_s": 99, "cadence_s": 50}, [3.6, 0], 0.0),
    ],
)
def test_one_interval_of_100_s_at_2_ah(config, declared, amps, cycles):
    found = final(model(**config), {"capacity": 2.0, "current": series([0, 100], amps, **declared)})
    assert found["equivalent_cycles"] == pytest.approx(cycles, rel=1e-12)


def test_a_value_of_exactly_the_deadband_counts_as_float32_too():
    current = series([0, 60], np.array([0.02, 0], dtype=np.float32))
    assert final(model(deadband_a=0.02), {"capacity": 1.0, "current": current})["discharge_throughput_ah"] > 0


def test_the_first_sample_emits_the_carry():
    inputs = {"capacity": 1.0, "initial_equivalent_cycles": 12.5, "current": series([0], [1.0])}
    outputs, state = whole(model(), inputs)
    assert {name: x.tolist() for name, (_, x) in outputs.items()} == {name: [0.0] for name in ALWAYS} | {
        "equivalent_cycles": [12.5]
    }
    assert state.equivalent_cycles == 12.5


def test_energy_has_rows_only_where_the_interval_began_with_a_fresh_voltage():
    inputs = {
        "capacity": 1.0,
        "current": series([0, 60, 120, 180, 240], [1] * 5),
        "voltage": series([50, 60], [3, 4]),
    }
    t, x = whole(model(max_gap_s=60), inputs)[0]["energy_throughput_wh"]
    assert ((t - START) / S).tolist() == [120, 180, 240]
    assert x == pytest.approx(np.array([4, 8, 12]) / 60)


def test_without_voltage_there_is_no_energy_and_without_current_nothing():
    assert "energy_throughput_wh" not in whole(model(), {"capacity": 1.0, "current": series([0, 1], [1, 1])})[0]
    state, outputs = model().advance(model().initial(), StepData({"capacity": 1.0}, Span(0, 10)))
    assert state.model_dump_json() == model().initial().model_dump_json()
    assert outputs == {}


@pytest.mark.parametrize("capacity", [0.0, -1.0, math.nan, math.inf, None])
def test_a_capacity_that_is_no_positive_number_is_refused(capacity):
    inputs = {"current": series([0], [1.0])} | ({} if capacity is None else {"capacity": capacity})
    with pytest.raises(ModelError, match="capacity"):
        whole(model(), inputs)


def test_a_negative_start_is_refused():
    with pytest.raises(ModelError, match="initial_equivalent_cycles"):
        whole(model(), {"capacity": 1.0, "initial_equivalent_cycles": -1.0, "current": series([0], [1.0])})


@pytest.mark.parametrize(("gap", "told"), [(399, False), (401, True)])
def test_more_than_a_tenth_unobserved_is_told(gap, told):
    steps = [0, *np.cumsum([100.0] * 36), 3600 + gap]
    _, state = whole(model(), {"capacity": 1.0, "current": series(steps, [1] * len(steps))})
    notices = model().notices(state)
    assert bool(notices) == told
    assert all("'current'" in line and "cadence_s" in line for line in notices)
    assert model().notices(model().initial()) == []


@pytest.mark.reference
@pytest.mark.parametrize("cell", ["nmc_chen2020_spme_5d_1s", "lfp_prada2013_spm_hyst_5d_1s"])
def test_simulated_throughput_within_a_thousandth(reference_data, cell):
    truth = pd.read_parquet(reference_data / f"truth/{cell}.parquet")
    current = Samples(truth["ts"].dt.as_unit("us").astype("int64").to_numpy(), truth["current"].to_numpy(dtype=float))
    m = model(enable_efficiency_correction=False, deadband_a=0.02)
    found = final(m, {"capacity": 5.0, "current": current})
    true_ah = truth["true_throughput_ah"].iloc[-1]
    assert found["equivalent_cycles"] * 10 == pytest.approx(true_ah, rel=1e-3)
    assert found["charge_throughput_ah"] + found["discharge_throughput_ah"] == pytest.approx(true_ah, rel=1e-3)


@pytest.mark.reference
def test_laboratory_drive_cycles_meet_the_testers_counter(reference_data):
    """The counter is net, so discharge less charge is compared, on the drive cycles at 1 s and 25 °C."""
    rows = pd.read_parquet(reference_data / "lab_panasonic_18650pf.parquet")
    drives = ["Cycle_1", "Cycle_2", "Cycle_3", "Cycle_4", "HWFTa", "HWFTb", "LA92", "NN", "US06"]
    for drive in drives:
        test = rows[rows["asset_id"] == f"pan18650pf_25C_{drive}"].drop_duplicates(["ts", "sensor"])
        wide = test.pivot(index="ts", columns="sensor", values="value").dropna(subset="current")
        current = Samples(wide.index.as_unit("us").asi8, wide["current"].to_numpy(dtype=float))
        found = final(model(), {"capacity": 2.9, "current": current})
        net_ah = found["discharge_throughput_ah"] - found["charge_throughput_ah"]
        counter = wide["ref_ah_discharged"].dropna()
        assert net_ah == pytest.approx(counter.iloc[-1] - counter.iloc[0], rel=5e-3), drive
