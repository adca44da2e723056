"""Voltage monitor: limits that move with temperature and load."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_voltage_monitor import (
    DAY,
    START,
    S,
    changes,
    fold,
    last_stamp,
    model,
    of_kind,
    order,
    pack,
    plain,
    random_inputs,
    random_side,
    run,
    series,
    settled,
    story,
)

from altergo_interface import ModelError, Samples, Table
from models.voltage_monitor.compensation import Derating

HOT = {"temperature_compensation": True}
STAMPS = [0, 10, 20]


def hot(volts, celsius, chemistry="NMC", **config):
    """Records and margin of three samples at one voltage and temperature."""
    inputs = {**pack(STAMPS, high=[volts] * 3, low=[volts] * 3), "chemistry": chemistry}
    inputs["temperature"] = series(STAMPS, [celsius] * 3)
    outputs, records, _ = run(inputs, **(HOT | config))
    return of_kind(records), outputs["voltage_margin"][1][-1]


@pytest.mark.parametrize(
    ("celsius", "limit"), [(-20, 4.2), (45, 4.2), (46.5, 4.18), (52.5, 4.1), (57, 4.04), (60, 4.0), (99, 4.0)]
)
def test_heat_lowers_the_high_limit_between_two_temperatures(celsius, limit):
    assert hot(limit, celsius)[0] == []
    (alert,), margin = hot(round(limit + 0.001, 4), celsius)
    assert (alert.severity, alert.value, alert.detail["limit"]) == (1, round(limit + 0.001, 4), limit)
    assert margin == pytest.approx(-0.001)
    (worse,), _ = hot(round(limit + 0.051, 4), celsius)
    assert (worse.severity, worse.detail["limit"]) == (2, pytest.approx(limit + 0.05, abs=1e-9))


@pytest.mark.parametrize(("chemistry", "limit"), [("NCA", 4.0), ("LFP", 3.4762), ("LTO", 2.6667)])
def test_other_chemistries_in_proportion(chemistry, limit):
    assert hot(limit, 70, chemistry)[0] == []
    assert hot(limit + 0.0002, 70, chemistry)[0][0].detail["limit"] == limit


def test_the_profile_can_be_configured():
    own = {"high_limit_derating_start_c": 40, "high_limit_derating_end_c": 50, "high_limit_derating_v": 0.1}
    assert hot(4.16, 45, **own)[0][0].detail["limit"] == 4.15
    assert hot(4.15, 45, **own)[0] == []


def test_without_knowing_the_temperature_the_limit_stands():
    """None at all, one that is too old, one that comes later; and by default it does not matter."""
    inputs = pack([0, 10, 300, 310], high=[4.1] * 4)
    assert of_kind(run(inputs, **HOT)[1]) == []
    old = inputs | {"temperature": series([-111, -50], [60, 20])}
    assert of_kind(run(old, **HOT)[1]) == []
    late = inputs | {"temperature": series([11], [60])}
    assert of_kind(run(late, **HOT)[1]) == []
    fresh = inputs | {"temperature": series([10, 190], [60, 60])}
    assert story(run(fresh | pack([5, 15, 40], high=[4.1] * 3), **HOT)[1]) == [(40, 15, None, 2, 4.1)]
    assert hot(4.15, 60, temperature_compensation=False) == ([], pytest.approx(0.05))


def test_the_extreme_is_what_lies_furthest_beyond_its_own_limit():
    inputs = pack([0, 10, 20, 30], high=[4.21, 4.21, 4.19, 4.19])
    inputs["temperature"] = series([0, 10, 20, 30], [20, 20, 52.5, 52.5])
    _, records, state = run(inputs, **HOT)
    newest = of_kind(records)[-1]
    assert (newest.value, newest.detail["limit"], newest.detail["extreme_at"]) == (4.19, 4.15, START + 20 * S)
    assert newest.severity == 2  # 4.19 V for 10 s beyond 4.15 V, the critical limit then
    assert state.high.alert.shift == -0.1


def test_cooling_down_clears_and_heating_up_raises():
    """4.16 V is back inside by 50 mV only when the limit is 4.21 V or more."""
    stamps = list(range(0, 130, 10))
    inputs = pack(stamps, high=[4.14] * 13)
    inputs["temperature"] = series(stamps, [60] * 4 + [20] * 9)
    outputs, records, _ = run(inputs, **HOT)
    assert story(records) == [(10, 0, None, 2, 4.14), (70, 0, 40, 2, 4.14)]
    assert changes(outputs, "voltage_margin") == [(0, pytest.approx(-0.14)), (40, pytest.approx(0.06))]


def loaded(volts, amps, ohm=0.002, **more):
    inputs = {**pack(STAMPS, low=[volts] * 3), "current": series(STAMPS, [amps] * 3), "resistance_ohm": ohm, **more}
    return of_kind(run(inputs)[1])


def test_load_lowers_the_low_limit_by_the_ohmic_drop():
    assert loaded(2.8, 100) == []
    (alert,) = loaded(2.79, 100)
    assert (alert.cell, alert.severity, alert.value, alert.detail["limit"]) == ("low", 1, 2.79, 2.8)
    assert loaded(2.99, -100)[0].detail["limit"] == 3.0  # charging lifts a cell; it excuses nothing
    assert loaded(2.99, 0)[0].detail["limit"] == 3.0
    assert loaded(2.29, 100)[0].severity == 2


def test_no_load_excuses_more_than_the_way_to_the_critical_limit():
    assert loaded(2.49, 1000)[0].detail["limit"] == 2.5
    assert loaded(1.99, 1000)[0].detail["limit"] == 2.0


def test_without_resistance_or_a_fresh_current_the_limit_stands():
    assert loaded(2.8, 100, ohm=0.0)[0].detail["limit"] == 3.0
    assert loaded(2.8, 100, current=series([-121], [100]))[0].detail["limit"] == 3.0


@pytest.mark.parametrize(
    ("inputs", "config", "message"),
    [
        ({}, {"high_limit_derating_start_c": 60, **HOT}, "high_limit_derating_end_c"),
        ({"resistance_ohm": -0.1}, {}, "resistance_ohm"),
        ({"resistance_ohm": 1.0}, {}, "resistance_ohm"),
        ({"resistance_ohm": float("nan")}, {}, "resistance_ohm"),
    ],
)
def test_what_cannot_be_compensated_is_refused(inputs, config, message):
    with pytest.raises(ModelError, match=message):
        run(pack([0]) | inputs, **config)


# ---- against a plain event loop, and however the history is cut ----


def with_conditions(rng, inputs):
    """The same with a temperature and a current at stamps of their own."""
    found = dict(inputs)
    for name, values in (("temperature", [20, 46, 50, 57, 70]), ("current", [-50, 0, 30, 90, 500])):
        side = random_side(rng)
        found[name] = Samples(side.t, rng.choice(np.array(values, dtype=float), len(side)))
    return found | {"resistance_ohm": 0.001}


def in_force(samples, t):
    known = [(s, x) for s, x in zip(samples.t.tolist(), samples.x.tolist(), strict=True) if t - 120 * S <= s <= t]
    return known[-1][1] if known else None


def effective(inputs, side):
    """The side's voltages as they compare with limits that do not move."""
    samples, x = inputs[f"v_cell_{'min' if side == 'low' else 'max'}"], []
    for t, volts in zip(samples.t.tolist(), samples.x.tolist(), strict=True):
        if side == "low":
            amps = in_force(inputs["current"], t) or 0.0
            x.append(round(volts + min(max(amps, 0.0) * 0.001, 0.5), 9))
        else:
            celsius = in_force(inputs["temperature"], t)
            share = 0.0 if celsius is None else min(max((celsius - 45) / 15, 0.0), 1.0)
            x.append(round(volts + round(0.2 * share, 4), 9))
    return Samples(samples.t, np.array(x))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_moving_limits_match_a_plain_event_loop(seed):
    rng = np.random.default_rng(seed)
    sides = {"chemistry": "NMC", "v_cell_min": random_side(rng), "v_cell_max": random_side(rng)}
    inputs = with_conditions(rng, sides)
    end = max(last_stamp(sides), START) + 40 * S
    _, records, _ = fold(model(**HOT), inputs, [START, end])
    for side, sign, warning, critical in (("low", -1, 3.0, 2.5), ("high", 1, 4.2, 4.25)):
        expected, _ = plain(effective(inputs, side), sign, warning, critical, end)
        ours = [(r.at, r.started_at, r.ended_at, r.severity) for r in of_kind(records) if r.cell == side]
        changed = [v for k, v in enumerate(ours) if k == 0 or v[1:] != ours[k - 1][1:]]
        assert changed == [v[:4] for v in expected]
        for r in of_kind(records):
            if r.cell == side:
                fixed = {("low", 1): 3.0, ("low", 2): 2.5, ("high", 1): 4.2, ("high", 2): 4.25}[side, r.severity]
                place = inputs[f"v_cell_{'min' if side == 'low' else 'max'}"].t.tolist().index(r.detail["extreme_at"])
                shift = r.value - effective(inputs, side).x[place]
                assert r.detail["limit"] == pytest.approx(fixed + shift, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_any_cut_gives_the_same_bits(seed, at_midnights):
    rng = np.random.default_rng(seed)
    inputs = with_conditions(rng, random_inputs(rng))
    start, end = START, last_stamp(inputs) + int(rng.choice([1, 500 * S]))
    stamps = np.concatenate([v.t for v in inputs.values() if isinstance(v, Samples | Table)])
    near = rng.choice(stamps, 8) + rng.choice([0, 1, 10 * S, 30 * S + 1, 120 * S, 120 * S + 1], 8)
    edges = range(START + DAY, end, DAY) if at_midnights else near.tolist()
    edges = [start, *sorted({c for c in edges if start < c < end}), end]
    once, once_records, once_state = fold(model(**HOT), inputs, [start, end])
    cut, cut_records, cut_state = fold(model(**HOT), inputs, edges)
    assert once_state.model_dump_json() == cut_state.model_dump_json()
    assert once.keys() == cut.keys()
    for name, (t, x) in once.items():
        assert np.array_equal(t, cut[name][0]), name
        assert np.array_equal(x.view(np.int64), cut[name][1].view(np.int64)), name
    by_time = sorted(cut_records, key=order)
    assert (by_time if at_midnights else settled(by_time)) == sorted(once_records, key=order)


def test_the_derating_is_bounded_and_none_without_a_temperature():
    shift = Derating(45.0, 60.0, 0.2).shift(np.array([-40.0, 45.0, 52.5, 60.0, 999.0, np.nan]))
    assert shift == pytest.approx(np.array([0, 0, -0.1, -0.2, -0.2, 0]))
