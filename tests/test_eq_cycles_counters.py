"""Equivalent cycles from the BMS's counters, and how uncertain what the current tells is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_eq_cycles import START, S, final, fold, model, series, whole

from altergo_interface import Samples
from models.eq_cycles.counters import JUMP_C, RATE_C
from models.eq_cycles.flow import aliasing_ah2

CAPACITY = 10.0
PLAIN = {"enable_efficiency_correction": False}


def total(found):
    return found["charge_throughput_ah"] + found["discharge_throughput_ah"]


def counted(seconds, values, amps=0.0, **inputs):
    """Discharge by a counter at `seconds` beside a current of `amps` every minute over the same time."""
    minutes = np.arange(0, seconds[-1] + 1, 60)
    current = series(minutes, np.full(len(minutes), amps))
    return {"capacity": CAPACITY, "current": current, "discharge_ah": series(seconds, values), **inputs}


# ---- against a plain event loop, and however the history is cut ----


def random_history(rng):
    """A current that lies about the charge, and counters with resets, roll-overs, wrong values and silences."""
    inputs = {"capacity": CAPACITY}
    steps = rng.choice([1, 30, 60, 119, 120, 121, 900], int(rng.integers(1, 40)))
    frames = np.cumsum(steps) + 0.0
    inputs["current"] = series(frames, rng.choice([-9.0, -0.1, 0.0, 0.1, 9.0], len(frames)))
    for name in ("charge_ah", "discharge_ah"):
        if rng.random() < 0.25:
            continue
        own = np.cumsum(rng.choice([5, 60, 60, 240, 1500], int(rng.integers(1, 30)))) + rng.choice([-300, 0.5])
        mixed = np.union1d(frames[rng.random(len(frames)) < 0.7], own[: len(own) // 2 + 1])
        stamps = (frames, own, mixed)[int(rng.integers(3))]
        values = np.cumsum(rng.choice([0.0, 0.01, 0.2, 0.9], len(stamps))) + 60
        values[rng.random(len(stamps)) < 0.1] = 0.0
        values[rng.random(len(stamps)) < 0.05] = 65535.0
        inputs[name] = series(stamps, np.round(np.where(values > 64, values - 64, values), 6))
    return inputs


def plain_direction(inputs, name, sign, rollover=None):
    """Charge booked, its variance and whether it is covered after each interval, by an event loop."""
    current, counter = inputs["current"], inputs.get(name)
    events = [] if counter is None else list(zip(counter.t.tolist(), counter.x.tolist(), strict=True))
    pending = pending_var = settled = settled_var = booked = 0.0
    newest = met = None
    counting = broken = 0
    rows = []
    for k, t in enumerate(current.t.tolist()):
        hours = (t - current.t[k - 1]) / S / 3600 if k else 0.0
        hours = hours if hours <= 120 / 3600 + 1e-12 else 0.0
        amps = max(sign * current.x[k - 1], 0.0) if k else 0.0
        change = max(sign * current.x[k], 0.0) - amps
        pending += amps * hours
        pending_var += (0.13 + 0.54 * min(hours * 60, 1.0)) * (change * hours) ** 2
        fresh = False
        while events and events[0][0] <= t:
            stamp, value = events.pop(0)
            if newest is not None:
                step = value - newest[1] + (rollover if rollover and value < newest[1] else 0.0)
                good = 0 <= step <= (0.1 + 20 * (stamp - newest[0]) / S / 3600) * CAPACITY
                counting, broken = counting + (step if good else 0.0), broken + (not good)
            newest, fresh = (stamp, value), True
        covered = counter is not None and newest is not None and t - newest[0] <= 120 * S
        if fresh:
            valid = met is not None and met[1] == broken
            settled += counting - met[0] if valid else pending
            settled_var += 0.0 if valid else pending_var
            covered = covered and valid
            pending = pending_var = 0.0
            met = (counting, broken)
        stale = newest is None or t - newest[0] > 120 * S
        booked = max(booked, settled + (pending if stale else 0.0))
        rows.append((booked, settled_var + (pending_var if stale else 0.0), covered))
    return rows


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 64.0]))
def test_booking_matches_a_plain_event_loop(seed, rollover):
    inputs = random_history(np.random.default_rng(seed))
    outputs, _ = whole(model(counter_rollover_ah=rollover), inputs)
    charge = plain_direction(inputs, "charge_ah", -1, rollover)
    discharge = plain_direction(inputs, "discharge_ah", 1, rollover)
    t = inputs["current"].t
    gap = np.diff(t, prepend=t[0]) > 120 * S
    unseen = gap & ~np.array([a[2] and b[2] for a, b in zip(charge, discharge, strict=True)])
    hours = np.cumsum(np.where(unseen, np.diff(t, prepend=t[0]) / S / 3600, 0.0))
    sigma = np.sqrt([a[1] + b[1] for a, b in zip(charge, discharge, strict=True)])
    for name, expected in (
        ("charge_throughput_ah", [row[0] for row in charge]),
        ("discharge_throughput_ah", [row[0] for row in discharge]),
        ("throughput_uncertainty", sigma),
        ("unobserved_hours", hours),
    ):
        assert outputs[name][1] == pytest.approx(np.array(expected), rel=1e-9, abs=1e-9), name


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["previous", "trapezoid", "next"]))
def test_any_cut_gives_the_same_bits(seed, integration):
    rng = np.random.default_rng(seed)
    inputs = random_history(rng)
    if rng.random() < 0.5:
        inputs["voltage"] = series(np.cumsum(rng.choice([50, 130], 30)), rng.choice([3.0, 4.0], 30))
    m = model(integration=integration, counter_rollover_ah=64.0, deadband_a=0.05, current_offset_a=0.01)
    stamps = np.concatenate([v.t for v in inputs.values() if isinstance(v, Samples)])
    end = int(stamps.max()) + 1
    near = rng.choice(stamps, 6) + rng.choice([0, 1, 50 * S], 6)
    edges = [0, *sorted({int(c) for c in near if 0 < c < end}), end]
    (once, once_state), (cut, cut_state) = fold(m, inputs, [0, end]), fold(m, inputs, edges)
    assert once_state.model_dump_json() == cut_state.model_dump_json()
    assert once.keys() == cut.keys()
    for name, (t, x) in once.items():
        assert np.array_equal(t, cut[name][0])
        assert np.array_equal(x.view(np.int64), cut[name][1].view(np.int64)), name
        assert name == "throughput_uncertainty" or (np.diff(x) >= 0).all()


# ---- counters, one matter at a time ----


def test_both_ends_have_the_counter_so_sampling_does_not_matter():
    current = {"current": series([0, 60, 120, 180], [99.0, -99.0, 99.0, 0.0])}
    counters = {name: series([0, 60, 120, 180], x) for name, x in (("charge_ah", [7, 7, 7.1, 7.1]),
                                                                  ("discharge_ah", [9, 9.2, 9.2, 9.5]))}  # fmt: skip
    found = final(model(**PLAIN), {"capacity": CAPACITY} | current | counters)
    assert found["charge_throughput_ah"] == pytest.approx(0.1)
    assert found["discharge_throughput_ah"] == pytest.approx(0.5)
    assert found["equivalent_cycles"] == pytest.approx(0.6 / 20)
    assert found["throughput_uncertainty"] == 0.0


def test_a_counter_tells_what_went_on_in_a_gap():
    frames = [0, 60, 86_400, 86_460]
    inputs = {"capacity": CAPACITY, "current": series(frames, [1.0] * 4)}
    alone = final(model(), inputs)
    counters = {name: series(frames, [0, 0, 8, 8.1]) for name in ("charge_ah", "discharge_ah")}
    found = final(model(), inputs | counters)
    assert (alone["unobserved_hours"], found["unobserved_hours"]) == (pytest.approx(23.983, abs=1e-3), 0.0)
    assert total(found) == pytest.approx(16.2)
    one = final(model(), inputs | {"charge_ah": counters["charge_ah"]})
    assert one["unobserved_hours"] == alone["unobserved_hours"]


@pytest.mark.parametrize(
    ("values", "rollover", "ah"),
    [
        pytest.param([5.0, 5.2, 5.4, 5.6], None, 0.6, id="counts"),
        pytest.param([5.0, 5.2, 0.0, 0.2], None, 0.4 + 0.1, id="a reset is bridged by the current"),
        pytest.param([63.7, 63.9, 0.1, 0.3], 64.0, 0.6, id="roll-over"),
        pytest.param([63.7, 63.9, 0.1, 0.3], None, 0.4 + 0.1, id="the same without a range is a reset"),
        pytest.param([5.0, 5.2, 0.1, 0.3], 64.0, 0.4 + 0.1, id="a reset far from the range is no roll-over"),
        pytest.param([5.0, 65535.0, 5.4, 5.6], None, 0.2 + 0.2, id="an impossible value costs its two intervals"),
        pytest.param([5.0, 65535.0, 5.4, 5.6], 65536.0, 0.2 + 0.2, id="nor does it roll over"),
        pytest.param([5.0, 5.2, 900.0, 900.2], None, 0.4 + 0.1, id="a counter that was set"),
    ],
)
def test_resets_and_roll_over(values, rollover, ah):
    """The current of 6 A stands in with 0.1 Ah for each interval that the counter cannot tell."""
    inputs = counted([0, 60, 120, 180], values, amps=6.0)
    found = final(model(counter_rollover_ah=rollover, **PLAIN), inputs)
    assert found["discharge_throughput_ah"] == pytest.approx(ah)


def test_the_largest_increment_that_is_believed():
    most = (JUMP_C + RATE_C / 60) * CAPACITY
    assert final(model(), counted([0, 60], [0, most * (1 - 1e-9)]))["discharge_throughput_ah"] > 4
    assert final(model(), counted([0, 60], [0, most * (1 + 1e-9)]))["discharge_throughput_ah"] == 0.0
    coarse = counted([0, 60], [0, most + 1.0]) | {"discharge_ah": series([0, 60], [0, most + 1.0], resolution=1.0)}
    assert final(model(), coarse)["discharge_throughput_ah"] > 5


def test_rounding_down_by_one_step_is_no_reset():
    """A counter that flickers between two values does not climb."""
    flicker = np.array([1.0, 1.1, 1.0, 1.1, 1.0, 1.1, 1.2])
    inputs = counted(list(range(0, 420, 60)), flicker, amps=6.0)
    declared = inputs | {"discharge_ah": series(np.arange(0, 420, 60), flicker, resolution=0.1)}
    x = whole(model(counter_rollover_ah=64.0, **PLAIN), declared)[0]["discharge_throughput_ah"][1]
    assert x == pytest.approx(np.array([0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2]))
    assert final(model(**PLAIN), inputs)["discharge_throughput_ah"] == pytest.approx(0.6)


def test_a_silent_counter_is_replaced_by_the_current_and_settles_later():
    """6 A are 0.1 Ah a minute; the counter says 0.15, and is silent from 60 to 600 s."""
    inputs = counted([0, 60, 600, 660], [0.0, 0.15, 1.5, 1.65], amps=6.0)
    x = whole(model(**PLAIN), inputs)[0]["discharge_throughput_ah"][1]
    assert x[:5] == pytest.approx([0, 0.15, 0.15, 0.15, 0.15 + 0.3])  # at 180 s its newest value is 120 s old
    assert x[9:] == pytest.approx([0.15 + 0.8, 1.5, 1.65])
    too_much = counted([0, 60, 600, 660, 720], [0.0, 0.05, 0.5, 0.55, 0.95], amps=6.0)
    x = whole(model(**PLAIN), too_much)[0]["discharge_throughput_ah"][1]
    assert x[9:] == pytest.approx([0.85, 0.85, 0.85, 0.95])  # it waits until the counter has caught up


def test_counter_samples_without_current_are_not_forgotten():
    inputs = counted([0, 60, 120], [0.0, 0.1, 0.2])
    inputs["discharge_ah"] = series([0, 60, 70, 80, 120], [0.0, 0.1, 0.12, 0.0, 0.05])
    edges = [0, START + 61 * S, START + 75 * S, START + 90 * S, START + 121 * S]
    state = whole(model(), inputs)[1]
    assert fold(model(), inputs, edges)[1].model_dump_json() == state.model_dump_json()
    assert state.discharge.ledger.breaks == 1


# ---- integration ----


@pytest.mark.parametrize(
    ("integration", "charge", "discharge", "energy"),
    [("previous", 0.0, 6.0, 6 * 4.0), ("trapezoid", 3.0, 3.0, 6 * 3.5), ("next", 6.0, 0.0, 6 * 3.0)],
)
def test_what_an_interval_takes(integration, charge, discharge, energy):
    """From +6 A at 4 V and full health to −6 A at 3 V and half health within an hour."""
    both = [0, 3600]
    inputs = {"capacity": CAPACITY, "current": series(both, [6.0, -6.0], cadence_s=3600)}
    inputs |= {"voltage": series(both, [4.0, 3.0], cadence_s=3600), "soh": series(both, [1.0, 0.5])}
    found = final(model(integration=integration), inputs)
    assert found["charge_throughput_ah"] == pytest.approx(charge)
    assert found["discharge_throughput_ah"] == pytest.approx(discharge)
    assert found["energy_throughput_wh"] == pytest.approx(energy)
    soh = {"previous": 1.0, "trapezoid": 0.75, "next": 0.5}[integration]
    assert found["equivalent_cycles"] == pytest.approx((0.98 * charge + 0.99 * discharge) / (20 * soh))


@pytest.mark.parametrize(("integration", "ah"), [("previous", 0.0), ("trapezoid", 3.0), ("next", 6.0)])
def test_the_deadband_acts_on_each_sample_before_the_mean(integration, ah):
    inputs = {"capacity": CAPACITY, "current": series([0, 3600], [0.9, 6.0], cadence_s=3600)}
    assert final(model(integration=integration, deadband_a=1.0), inputs)["discharge_throughput_ah"] == ah


def test_energy_needs_the_voltage_at_every_end_that_is_taken():
    inputs = {"capacity": 1.0, "current": series([0, 60, 120, 180], [60.0] * 4)}
    inputs["voltage"] = series([60, 120], [3.0, 5.0])
    rows = {
        rule: whole(model(integration=rule, max_gap_s=60), inputs)[0]["energy_throughput_wh"]
        for rule in ("previous", "trapezoid", "next")
    }
    stamps = {rule: ((t - START) / S).tolist() for rule, (t, _) in rows.items()}
    assert stamps == {"previous": [120, 180], "trapezoid": [120, 180], "next": [60, 120, 180]}
    assert rows["trapezoid"][1].tolist() == pytest.approx([4.0, 9.0])


# ---- uncertainty ----


def test_the_law_of_aliasing():
    """A change of 60 A over ten seconds, a minute, an hour."""
    hours = np.array([10, 60, 3600]) / 3600
    expected = [(0.13 + 0.54 / 6) * (1 / 6) ** 2, 0.67, 0.67 * 60**2]
    assert aliasing_ah2(np.full(3, 60.0), hours) == pytest.approx(np.array(expected))


def sigma(amps, config=PLAIN, seconds=60.0, **declared):
    current = series(np.arange(len(amps)) * seconds, amps, cadence_s=seconds, **declared)
    return final(model(**config), {"capacity": 1.0, "current": current})["throughput_uncertainty"]


def test_independent_parts_grow_with_the_root_and_systematic_ones_with_time():
    assert sigma([0.0, 60.0] * 50 + [0.0]) == pytest.approx(math.sqrt(100 * 0.67))
    assert sigma([-60.0, 60.0]) == pytest.approx(math.sqrt(2 * 0.67))  # one change in each direction
    assert sigma([5.0] * 100) == 0.0
    assert sigma([5.0] * 61, resolution=0.12**0.5) == pytest.approx(0.1)
    assert sigma([5.0] * 61, {"current_offset_a": 0.3}) == pytest.approx(0.3)
    assert sigma([0.0] * 61, {"current_offset_a": 0.3}) == 0.0
    assert sigma([5.0, -5.0] * 30 + [5.0], {"current_offset_a": 0.3}) == pytest.approx(
        math.hypot(0.3, sigma([5.0, -5.0] * 30 + [5.0])), rel=1e-9
    )


def test_a_current_that_may_be_noise_is_uncertain_as_a_whole():
    assert sigma([0.2] * 61, resolution=0.1) == pytest.approx(0.2)
    assert sigma([0.3] * 61, resolution=0.1) == pytest.approx(0.1 / 12**0.5)
    assert sigma([0.05] * 61, resolution=0.1) == 0.0


def test_telemetry_on_change_does_not_alias_when_it_is_held():
    told = {"telemetry": "on_change", "max_silence_s": 3600}
    assert sigma([0.0, 60.0, 0.0], **told) == 0.0
    assert sigma([0.0, 60.0, 0.0], {"integration": "next"}, **told) > 0
    assert sigma([0.0, 60.0, 0.0]) > 0


def test_a_gap_adds_no_uncertainty_because_it_adds_no_charge():
    current = series([0, 60, 6000, 6060], [5.0, 5.0, 500.0, 500.0])
    assert final(model(), {"capacity": 1.0, "current": current})["throughput_uncertainty"] == 0.0
