"""SOC estimation: rests, gaps, branches and full charges on small histories, a plain fusion, and the law of cuts."""

import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altergo_interface import ModelError, ParameterError, Samples, SensorRule, Span, StepData
from altergo_interface.manifest import load_manifest
from models.soc_ocv_estimation import SocOcvEstimation
from models.soc_ocv_estimation.branch import follow
from models.soc_ocv_estimation.fusion import Fix, carried_on, fuse
from models.soc_ocv_estimation.grid import Grid
from models.soc_ocv_estimation.state import Branch

FOLDER = Path(__file__).parents[1] / "models" / "soc_ocv_estimation"
MANIFEST = load_manifest(FOLDER / "model.json")
S = 1_000_000
START = 19_700 * 86_400 * S
LINE = {"soc": [0.0, 1.0], "ocv": [3.0, 4.0]}
"""A cell whose OCV is 3 V + SOC."""
GAP = LINE | {"ocv_charge": [3.05, 4.05], "ocv_discharge": [2.95, 3.95]}
FLAT = {"soc": [0.0, 0.1, 0.9, 1.0], "ocv": [2.8, 3.30, 3.34, 3.60]}


def model(**config):
    return SocOcvEstimation(MANIFEST.effective_configuration(config, "test"))


def series(seconds, values, **declared):
    t = START + np.round(np.asarray(seconds, dtype=float) * S).astype(np.int64)
    return Samples(t, np.asarray(values, dtype=float), 0, SensorRule(**declared))


def inputs(seconds, amps, volts, chemistry="NMC", table=LINE, capacity=10.0, cadence_s=60.0, **more):
    """A cell's history, both sensors on the same stamps."""
    return {
        "current": series(seconds, amps, cadence_s=cadence_s),
        "voltage": series(seconds, volts, cadence_s=cadence_s),
        "capacity": capacity,
        "chemistry": chemistry,
        **({"ocv_table": table} if table else {}),
        **more,
    }


def call(given, start, end):
    """The step of [start, end) as the engine builds it: lead-ins in front, what has no sample yet left empty."""
    cut = {}
    for name, value in given.items():
        if not isinstance(value, Samples):
            cut[name] = value
            continue
        first, stop = np.searchsorted(value.t, [start, end])
        lead = int(first > 0)
        t, x = value.t[first - lead : stop].copy(), value.x[first - lead : stop].copy()
        t.flags.writeable = x.flags.writeable = False
        cut[name] = Samples(t, x, lead, value.declared)
    return StepData(cut, Span(start, end))


def fold(m, given, edges):
    """(outputs: name to (stamps, values), record versions, state) after one call per pair of edges."""
    state, rows, records = m.initial(), {}, []
    for start, end in pairwise(edges):
        state, outputs = m.advance(state, call(given, start, end))
        state = m.State.model_validate_json(state.model_dump_json())
        for name, found in outputs.items():
            stamps = np.array([r.at for r in found], dtype=np.int64) if name == "records" else found.t
            assert ((start <= stamps) & (stamps < end)).all(), name
            if name == "records":
                records += found
                continue
            assert (np.diff(found.t) > 0).all()
            rows.setdefault(name, []).append(found)
    joined = {n: (np.concatenate([f.t for f in r]), np.concatenate([f.x for f in r])) for n, r in rows.items()}
    return {n: r for n, r in joined.items() if len(r[0])}, records, state


def run(given, **config):
    stamps = np.concatenate([v.t for v in given.values() if isinstance(v, Samples)])
    return fold(model(**config), given, [int(stamps.min()), int(stamps.max()) + 1])


def at(rows, second):
    """An output's value that holds at a second; NaN before its first row."""
    t, x = rows
    i = np.searchsorted(t, START + round(second * S), side="right") - 1
    return float(x[i]) if i >= 0 else math.nan


def story(records):
    """Record versions as (known, started, ended, V), in seconds."""
    return [
        (
            (r.at - START) / S,
            (r.started_at - START) / S,
            None if r.ended_at is None else (r.ended_at - START) / S,
            r.value,
        )
        for r in records
    ]


# ---- the law of cuts ----

QUICK = {"min_rest_s": 60.0, "drift_window_s": 20.0, "spike_s": 5.0, "max_drift_mv": 5.0}


def random_history(rng):
    """Rests, spikes, gaps, full charges, and sensors that may or may not share their stamps."""
    phases = rng.choice(["rest", "rest", "drive", "charge", "full"], int(rng.integers(1, 14)))
    sizes = rng.integers(2, 40, len(phases))
    amps = np.concatenate([_phase(rng, phase, size) for phase, size in zip(phases, sizes, strict=True)])
    n = len(amps)
    full = np.repeat(phases == "full", sizes)
    steps = np.where(full, 20, rng.choice([1, 2, 5, 10, 10, 10, 10, 10, 24, 90, 400], n))
    seconds = np.cumsum(steps) + rng.choice([0, 0.25])
    volts = np.where(full, 4.2, 3.0 + np.clip(0.5 + np.cumsum(-amps) / 200, 0, 1) + rng.normal(0, 0.001, n))
    volts[rng.random(n) < 0.03] = rng.choice([0.0, 9.9])
    given = inputs(seconds, amps, np.round(volts, 3), table=GAP, capacity=1.0, cadence_s=5.0)
    shape = rng.integers(3)
    if shape == 1:
        given["voltage"] = series(seconds + rng.choice([0.1, -0.1, 3], n).cumsum() * 0.01, volts, cadence_s=5.0)
    elif shape == 2:
        kept = rng.random(n) < 0.5
        kept[0] = True
        given["voltage"] = series(seconds[kept] + 0.5, volts[kept], cadence_s=5.0)
    for name, values in (("temperature", [-20.0, 8.0, 25.0]), ("soh", [0.8, 0.9])):
        if rng.random() < 0.5:
            count = int(rng.integers(1, 6))
            given[name] = series(np.cumsum(rng.integers(1, 400, count)), rng.choice(values, count))
    return given


def _phase(rng, phase, size):
    spread = {"rest": 0.05, "drive": 3.0, "charge": 0.5, "full": 0.005}[phase]
    centre = {"rest": 0.0, "drive": 1.0, "charge": -2.0, "full": -0.03}[phase]
    amps = centre + spread * rng.standard_normal(size)
    if phase != "full":
        amps[rng.random(size) < 0.04] += 8
    return amps


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_cut_gives_the_same_bits(seed):
    rng = np.random.default_rng(seed)
    given_ = random_history(rng)
    m = model(**QUICK, rest_current=0.2)
    stamps = np.concatenate([v.t for v in given_.values() if isinstance(v, Samples)])
    first, end = int(stamps.min()), int(stamps.max()) + 1
    near = rng.choice(stamps, 8) + rng.choice([0, 1, 50 * S], 8)
    grid = rng.integers(first, end, 4) // (10 * S) * (10 * S)
    edges = [first, *sorted({int(c) for c in (*near, *grid) if first < c < end}), end]
    once, records, state = fold(m, given_, [first, end])
    cut, cut_records, cut_state = fold(m, given_, edges)
    assert state.model_dump_json() == cut_state.model_dump_json()
    assert records == cut_records
    assert once.keys() == cut.keys()
    for name, (t, x) in once.items():
        assert np.array_equal(t, cut[name][0])
        assert np.array_equal(x.view(np.int64), cut[name][1].view(np.int64)), name


def test_the_random_histories_hold_what_they_are_for():
    seen = set()
    for seed in range(300):
        _, records, state = run(random_history(np.random.default_rng(seed)), **QUICK, rest_current=0.2)
        seen |= {"gap" if r.detail["gap"] else "grid" for r in records} | {
            f"branch {r.detail['branch']}" for r in records
        }
        seen |= {"ended" for r in records if r.ended_at} | ({"full"} if state.full_used else set())
        seen |= {"waiting"} if state.rest and state.rest.waiting else set()
        seen |= {"spike"} if state.rest and state.rest.over_since else set()
    assert seen >= {"gap", "grid", "ended", "full", "waiting", "spike", "branch 1.0", "branch -1.0", "branch 0.0"}


# ---- rests ----


def still(hours, volts=3.6, cadence_s=60.0, first=1.0, **more):
    """An hour-long history at rest behind one minute of load."""
    n = round(hours * 3600 / cadence_s)
    seconds = np.arange(n + 2) * cadence_s
    amps = np.where(seconds < cadence_s, first, 0.0)
    return inputs(seconds, amps, np.full(len(seconds), volts), cadence_s=cadence_s, **more)


def warm(celsius):
    return {"temperature": series([0], [celsius])}


@pytest.mark.parametrize(
    ("more", "config", "seconds"),
    [
        ({}, {}, 7200),
        (warm(25.0), {}, 1800),
        (warm(10.0), {}, 1800),
        (warm(0.0), {}, 7200),
        (warm(5.0), {}, 4500),
        (warm(-10.0), {}, 12_600),
        (warm(-10.5), {}, None),
        (warm(-10.5), {"min_rest_s": 3000}, 3000),
        (warm(25.0) | {"chemistry": "LFP"}, {}, 3600),
        (warm(0.0) | {"chemistry": "LFP"}, {}, 7200),
        (warm(25.0) | {"chemistry": "LTO"}, {}, 1800),
    ],
)
def test_the_shortest_rest_depends_on_chemistry_and_temperature(more, config, seconds):
    _, records, _ = run(still(4, **more), **config)
    found = [known - started for known, started, _, _ in story(records)]
    assert found[:1] == ([] if seconds is None else [pytest.approx(seconds, abs=300)])


def test_a_rest_is_known_at_the_first_grid_point_and_again_at_four_times_its_length():
    outputs, records, _ = run(still(9, **warm(25.0)))
    assert [known for known, *_ in story(records)] == [2100, 7500, 29_100]
    assert {started for _, started, _, _ in story(records)} == {60}
    assert (outputs["ocv"][0] - START).tolist() == [2100 * S, 7500 * S, 29_100 * S]
    assert outputs["ocv"][1] == pytest.approx([3.6] * 3)
    assert math.isnan(at(outputs["soc"], 2040))
    assert at(outputs["soc"], 2100) == pytest.approx(0.6)
    assert [at(outputs["rest"], s) for s in (0, 2040, 2100, 32_000)] == [0, 0, 1, 1]


def test_a_voltage_that_still_moves_is_no_rest_yet():
    given_ = still(2, **warm(25.0))
    t = np.arange(len(given_["voltage"])) * 60.0
    moving = 3.6 + np.where(t < 4000, (t - 4000) * 2.5e-3 / 600, 0.0)
    given_["voltage"] = series(t, moving, cadence_s=60.0)
    _, records, _ = run(given_)
    assert story(records)[0][0] == 4200  # 0.83 mV less than ten minutes before
    _, records, _ = run(given_, max_drift_mv=3)
    assert story(records)[0][0] == 2100


@pytest.mark.parametrize(("amps", "config", "rests"), [(0.19, {}, 1), (0.2, {}, 0), (0.2, {"rest_current": 0.21}, 1)])
def test_a_rest_is_below_a_fiftieth_of_the_capacity(amps, config, rests):
    given_ = still(1, **warm(25.0))
    seconds = np.arange(len(given_["current"])) * 60.0
    _, records, _ = run(given_ | {"current": series(seconds, np.full(len(seconds), -amps), cadence_s=60.0)}, **config)
    assert len({r.started_at for r in records}) == rests


@pytest.mark.parametrize(("spike_s", "whole"), [(4, True), (5, False), (30, False)])
def test_a_short_spike_neither_ends_nor_begins_a_rest(spike_s, whole):
    seconds = np.arange(9000.0)
    over = (seconds >= 3000) & (seconds < 3000 + spike_s)
    volts = np.where(over, 3.3, 3.6)
    _, records, _ = run(inputs(seconds, np.where(over, 20.0, 0.0), volts, cadence_s=1.0, **warm(25.0)))
    if whole:
        assert {(started, ended) for _, started, ended, _ in story(records)} == {(0, None)}
        assert {v for *_, v in story(records)} == {3.6}
        return
    assert [r[1:3] for r in story(records) if r[2]] == [(0, 3000)]
    assert [known for known, _, ended, _ in story(records) if ended] == [3005]
    assert story(records)[-1][1] == 3000 + spike_s


def test_the_end_of_a_rest_is_the_first_sample_of_the_load():
    seconds = np.arange(0, 7200, 10.0)
    amps = np.where(seconds >= 5000, 5.0, 0.0)
    outputs, records, state = run(inputs(seconds, amps, np.full(len(seconds), 3.5), cadence_s=10.0, **warm(25.0)))
    assert story(records)[-1] == (5010, 0, 5000, 3.5)
    assert state.rest is None
    assert state.before is None
    assert [at(outputs["rest"], s) for s in (5000, 5010)] == [1, 0]


def test_a_load_that_a_gap_cuts_off_ends_the_rest_where_it_began():
    """Three seconds of load would be a spike, but nobody sees its end."""
    seconds = np.concatenate((np.arange(3003.0), 3003 + 100 + np.arange(10.0)))
    amps = np.where((seconds >= 3000) & (seconds < 3010), 20.0, 0.0)
    _, records, _ = run(inputs(seconds, amps, np.full(len(seconds), 3.6), cadence_s=1.0, **warm(25.0)))
    assert story(records)[-1][:3] == (3103, 0, 3000)


# ---- gaps ----


def parked(before=0.0, after=0.0, gap_h=5.0, volts=(3.9, 3.52), late_s=0.0):
    """A minute-wise drive, two still minutes, a gap, and four minutes after it."""
    seconds = np.concatenate((np.arange(10) * 60.0, 600 + gap_h * 3600 + np.arange(5) * 60.0))
    amps = np.concatenate(([5.0] * 8, [before] * 2, [after] * 5))
    found = inputs(seconds, amps, np.where(seconds < 600, *volts), **warm(25.0))
    found["voltage"] = series(seconds + late_s, found["voltage"].x, cadence_s=60.0)
    return found


@pytest.mark.parametrize("late_s", [0.0, 20.0, -20.0])
def test_a_gap_between_two_still_samples_is_a_rest(late_s):
    outputs, records, _ = run(parked(late_s=late_s))
    known, started, ended, volts = story(records)[0]
    assert (known, started, ended, volts) == (18_600 + max(late_s, 0), 480, None, 3.52)
    assert records[0].detail["gap"]
    assert at(outputs["soc"], 18_660) == pytest.approx(0.52)


@pytest.mark.parametrize("more", [{"before": 5.0}, {"after": 5.0}, {"gap_h": 0.4}])
def test_a_gap_with_load_on_one_side_or_a_short_one_is_none(more):
    assert run(parked(**more))[1] == []


def test_only_the_gaps_first_voltage_counts_not_one_from_its_beginning():
    """The voltage sensor speaks once more just after the current's last sample, still under the load's effect."""
    given_ = parked()
    seconds = np.sort(np.append((given_["voltage"].t - START) / S, 545.0))
    given_["voltage"] = series(seconds, np.where(seconds < 600, 3.9, 3.52), cadence_s=60.0)
    assert {r.value for r in run(given_)[1]} == {3.52}


def test_a_voltage_without_a_current_says_nothing():
    """Behind the gap the current speaks once, and the voltage only when that is long ago."""
    given_ = parked()
    end = 600 + 5 * 3600
    given_["current"] = series(np.append(np.arange(10) * 60.0, end), [5.0] * 8 + [0.0] * 3, cadence_s=60.0)
    given_["voltage"] = series(np.append(np.arange(10) * 60.0, end + 700), [3.9] * 10 + [3.52], cadence_s=60.0)
    assert run(given_)[1] == []


def test_a_rest_is_not_known_to_last_while_the_current_is_silent():
    """The current ends six minutes short of half an hour; the voltage may stand for longer."""
    given_ = still(0.5, **warm(25.0))
    t = np.arange(25) * 60.0
    given_["voltage"] = series(np.append(t, 2000), np.full(26, 3.6), cadence_s=200.0)
    given_["current"] = series(t, np.zeros(25), cadence_s=60.0)
    assert run(given_)[1] == []
    given_["current"] = series(t, np.zeros(25), cadence_s=80.0)
    assert [known for known, *_ in story(run(given_)[1])] == [1800]


def test_a_gap_that_is_no_rest_adds_no_charge_but_uncertainty():
    """Half an hour of unseen driving at 5 A of 10 Ah: 0.25, of unknown sign."""
    seconds = np.concatenate((np.arange(70) * 60.0, 4200 + 1800 + np.arange(3) * 60.0))
    amps = np.where(seconds < 4140, 0.0, 5.0)
    outputs, _, _ = run(inputs(seconds, amps, np.full(len(seconds), 3.6), **warm(25.0)))
    before, after = at(outputs["soc_uncertainty"], 4140), at(outputs["soc_uncertainty"], 6000)
    assert at(outputs["soc"], 6000) == at(outputs["soc"], 4140)
    assert math.sqrt(after**2 - before**2) == pytest.approx(5 * 1860 / 36_000, rel=0.02)


@pytest.mark.parametrize("gap_s", [4000, 20_000])
def test_what_a_rest_did_not_see_is_found_after_its_gap(gap_s):
    """Charged from 40 to 90 % inside a gap of the rest: the voltage says so, and the count gives way, also where the
    rest has not lasted four times as long as at its evaluation before."""
    wake = 2400 + gap_s
    seconds = np.concatenate((np.arange(40) * 60.0, wake + np.arange(8) * 60.0))
    given_ = inputs(seconds, np.zeros(len(seconds)), np.where(seconds < 2400, 3.4, 3.9), **warm(25.0))
    outputs, records, _ = run(given_)
    assert at(outputs["soc"], 2340) == pytest.approx(0.4, abs=0.005)
    assert at(outputs["soc"], wake) == pytest.approx(0.9, abs=0.01)
    assert [r.detail["gap"] for r in records] == [False, True]


def test_sparse_samples_at_rest_are_steady_or_not_like_dense_ones():
    """A logger that wakes every five minutes, three times the longest interval: each sample follows a gap."""
    seconds = np.arange(0, 7200, 300.0)
    given_ = inputs(seconds, np.zeros(24), np.full(24, 3.6), cadence_s=20.0, **warm(25.0))
    assert story(run(given_)[1])[0][0] == 1800
    falling = given_ | {"voltage": series(seconds, 3.6 - seconds * 2.5e-3 / 600, cadence_s=20.0)}
    assert run(falling)[1] == []


# ---- counting ----


def used(amps, hours=1.0, table=LINE, volts=3.6, rest_h=2.0, **more):
    """A rest, then a constant current."""
    n, m = round(rest_h * 60), round(hours * 60)
    seconds = np.arange(n + m + 1) * 60.0
    current = np.where(seconds < n * 60, 0.0, amps)
    return inputs(seconds, current, np.full(len(seconds), volts), table=table, **(warm(25.0) | more))


@pytest.mark.parametrize(("more", "capacity"), [({}, 10.0), ({"soh": series([0], [0.8])}, 8.0)])
def test_between_anchors_charge_is_counted_over_the_capacity_in_force(more, capacity):
    outputs, _, _ = run(used(3.0, **more))
    assert at(outputs["soc"], 7200) == pytest.approx(0.6)
    assert at(outputs["soc"], 9000) == pytest.approx(0.6 - 1.5 / capacity)
    assert at(outputs["soc"], 10_800) == pytest.approx(0.6 - 3.0 / capacity)
    soc = at(outputs["soc"], 10_800)
    assert at(outputs["available_energy"], 10_800) == pytest.approx(capacity * (3 * soc + soc**2 / 2))


def test_charge_raises_the_state_of_charge_and_it_stays_within_its_bounds():
    assert at(run(used(-1.0))[0]["soc"], 10_800) == pytest.approx(0.7)
    assert at(run(used(-9.0))[0]["soc"], 10_800) == 1.0
    assert at(run(used(9.0))[0]["soc"], 10_800) == 0.0


def test_uncertainty_grows_with_time_offset_gain_and_capacity():
    config = {"capacity_error": 0.03, "current_gain_error": 0.04, "current_offset": 0.1}
    outputs, records, _ = run(used(3.0), **config)
    anchor = records[-2].detail["soc_uncertainty"] if records[-1].ended_at else records[-1].detail["soc_uncertainty"]
    hours = (10_800 * S - (max(r.detail["measured_at"] for r in records) - START)) / S / 3600
    expected = math.sqrt(anchor**2 + (0.05 * 0.3) ** 2 + (0.01 * hours) ** 2 + (3 * 60 / 36_000) ** 2 / 12)
    assert at(outputs["soc_uncertainty"], 10_800) == pytest.approx(expected, rel=1e-6)


def test_a_pack_counts_its_cells():
    pack = used(3.0, cells_in_series=96.0)
    pack["voltage"] = series((pack["voltage"].t - START) / S, pack["voltage"].x * 96, cadence_s=60.0)
    outputs, one = run(pack)[0], run(used(3.0))[0]
    assert outputs["ocv"][1] == pytest.approx(one["ocv"][1])
    assert at(outputs["available_energy"], 9000) == pytest.approx(96 * at(one["available_energy"], 9000))


# ---- fusion ----


def rests_between(amps, volts, load_h=0.5, rest_h=2.0, **more):
    """Rests of one voltage each, with a constant load between two of them."""
    n, m = round(rest_h * 60), round(load_h * 60)
    current = np.concatenate([np.concatenate((np.zeros(n), np.full(m, amp))) for amp in amps])
    voltage = np.concatenate([np.full(n + m, v) for v in volts])
    return inputs(np.arange(len(current)) * 60.0, current, voltage, **(warm(25.0) | more))


def test_one_and_the_same_table_is_never_averaged_away():
    """A hundred rests at one voltage know no more of the table than one."""
    given_ = rests_between([0.0001 + 1.0, -1.0001] * 50, [3.6] * 100, load_h=0.05)
    _, records, state = run(given_)
    first, last = records[0].detail, records[-1].detail
    assert len({r.started_at for r in records}) == 100
    assert state.before is None
    assert last["soc_uncertainty"] > 0.9 * min(r.detail["ocv_soc_uncertainty"] for r in records)
    assert last["soc_uncertainty"] < first["soc_uncertainty"]


def test_on_a_plateau_the_count_holds_against_the_voltage():
    """From a well-known 5 %, 25 % are charged; the plateau's voltage says 50 %, but with a large σ."""
    given_ = rests_between([-2.5, 0.0], [3.05, 3.32], load_h=1.0, table=FLAT)
    _, records, _ = run(given_)
    last = records[-1].detail
    assert last["ocv_soc"] == pytest.approx(0.5, abs=0.02)
    assert last["ocv_soc_uncertainty"] > 0.1
    assert last["soc"] == pytest.approx(0.3, abs=0.05)


def test_where_the_curve_is_steep_the_voltage_corrects_the_count():
    """The count lost 10 %: the voltage of a steep curve is the surer one."""
    _, records, _ = run(rests_between([1.0, 0.0], [3.6, 3.45], load_h=0.5))
    assert records[-1].detail["soc"] == pytest.approx(0.45, abs=0.02)


def test_without_an_own_table_the_uncertainty_says_so_and_so_does_a_notice():
    own = run(still(2, **warm(25.0)))
    packaged = run(still(2, table=None, **warm(25.0)))
    assert packaged[1][0].detail["soc_uncertainty"] > 3 * own[1][0].detail["soc_uncertainty"]
    assert model().notices(own[2]) == []
    assert "'NMC'" in model().notices(packaged[2])[0]
    assert "ocv_table" in model().notices(packaged[2])[0]


def test_the_cold_makes_a_rest_less_sure():
    sigmas = [run(still(4, **warm(c)))[1][0].detail["soc_uncertainty"] for c in (25.0, 10.0, 0.0)]
    assert sigmas[0] < sigmas[1] < sigmas[2]


# ---- hysteresis, entropy, full charge ----


@pytest.mark.parametrize(
    ("amps", "branch"),
    [
        ([0.0, 0.0], 0.0),
        ([-1.02, 0.0], 1.0),
        ([1.02, 0.0], -1.0),
        ([2.0, -0.02, 0.0], -1.0),
        ([2.0, -0.5, 0.0], 0.0),
        ([2.0, -1.2, 0.0], 1.0),
        ([-2.0, 0.5, 0.0], 0.0),
        ([-2.0, 0.02, 0.0], 1.0),
    ],
)
def test_the_branch_follows_the_net_charge_since_the_last_reversal(amps, branch):
    """Loads of half an hour; 1 A is 5 % of the capacity."""
    given_ = rests_between(amps, [3.5] * len(amps), table=GAP, chemistry="LFP")
    _, records, _ = run(given_)
    last = records[-1].detail
    assert last["branch"] == branch
    assert last["ocv_soc"] == pytest.approx(0.5 - 0.05 * branch, abs=1e-6)
    assert (last["ocv_soc_uncertainty"] > 0.05) == (branch == 0)


def test_the_branch_is_forgotten_in_a_gap_with_unknown_charge():
    seconds = np.concatenate((np.arange(60) * 60.0, 3600 + 7200 + np.arange(200) * 60.0))
    amps = np.where(seconds < 3600, 2.0, 0.0)
    _, records, _ = run(inputs(seconds, amps, np.full(len(seconds), 3.5), "LFP", GAP, **warm(25.0)))
    assert records[0].detail["branch"] == 0.0


def test_entropy_moves_the_voltage_to_the_tables_temperature():
    table = LINE | {"docv_dt_v_per_k": [-0.001, -0.001]}
    _, records, _ = run(still(2, table=table, **warm(10.0)))
    assert records[0].detail["ocv_soc"] == pytest.approx(0.6 - 0.015)
    assert records[0].value == pytest.approx(3.6)


@pytest.mark.parametrize(
    ("amps", "volts", "minutes", "config", "full"),
    [
        (-0.4, 4.195, 6, {}, True),
        (-0.4, 4.195, 4, {}, False),
        (-0.4, 4.185, 6, {}, False),
        (-0.6, 4.195, 6, {}, False),
        (0.4, 4.195, 6, {}, False),
        (-0.4, 4.095, 6, {"full_voltage": 4.1}, True),
    ],
)
def test_a_full_charge_is_an_anchor(amps, volts, minutes, config, full):
    seconds = np.arange(30) * 60.0
    there = (seconds >= 600) & (seconds <= 600 + minutes * 60)
    given_ = inputs(seconds, np.where(there, amps, -3.0), np.where(there, volts, 4.0), capacity=10.0)
    outputs, _, _ = run(given_, **config)
    assert ("soc" in outputs) == full
    if full:
        assert (outputs["soc"][0][0] - START) / S == 900
        assert outputs["soc"][1][0] == 1.0
        assert outputs["soc_uncertainty"][1][0] == pytest.approx(0.01)


def test_a_long_full_charge_is_one_anchor_and_a_gap_parts_two():
    seconds = np.concatenate((np.arange(20), 120 + np.arange(20))) * 60.0
    given_ = inputs(seconds, np.full(40, -0.4), np.full(40, 4.2))
    outputs, _, _ = run(given_)
    falling = np.flatnonzero(np.diff(outputs["soc_uncertainty"][1]) < 0)
    assert ((outputs["soc_uncertainty"][0][falling + 1] - START) / S).tolist() == [7500]


# ---- bad input ----


def test_a_packs_voltage_without_its_cells_gives_nothing_and_a_warning():
    outputs, records, state = run(still(2, volts=350.0))
    assert "soc" not in outputs
    assert records == []
    (notice,) = model().notices(state)
    assert "none of 122 values of input 'voltage'" in notice
    assert "cells_in_series" in notice


def test_a_start_full_of_sentinels_is_no_reason_to_warn():
    given_ = still(3, **warm(25.0))
    spoilt = given_["voltage"].x.copy()
    spoilt[:40] = 655.35
    spoilt[60:150:2] = 0.0
    _, records, state = run(given_ | {"voltage": series((given_["voltage"].t - START) / S, spoilt, cadence_s=60.0)})
    assert {r.value for r in records} == {3.6}
    assert state.plausible
    assert not any("cells_in_series" in notice for notice in model().notices(state))


@pytest.mark.parametrize(
    "wrong", [{"capacity": 0.0}, {"capacity": math.nan}, {"cells_in_series": -1.0}, {"chemistry": 3}]
)
def test_a_parameter_that_is_no_use_is_refused(wrong):
    with pytest.raises(ModelError, match=next(iter(wrong))):
        run(still(1) | wrong)


def test_a_wrong_table_or_chemistry_is_refused():
    with pytest.raises(ParameterError):
        run(still(1, table={"soc": [0, 1], "ocv": [4.0, 3.0]}))
    with pytest.raises(ParameterError, match="NMX"):
        run(still(1, chemistry="NMX"))


def test_without_current_or_voltage_there_is_nothing():
    m = model()
    only = {k: v for k, v in still(3, **warm(25.0)).items() if k != "current"}
    assert m.advance(m.initial(), call(only, START, START + 9000 * S))[1] == {}
    only = {k: v for k, v in still(3, **warm(25.0)).items() if k != "voltage"}
    assert set(m.advance(m.initial(), call(only, START, START + 9000 * S))[1]) == {"rest", "records"}


# ---- parts by themselves ----


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(1e-6, 0.3), min_size=4, max_size=4), st.floats(-0.01, 0.01))
def test_no_other_weight_gives_a_smaller_variance(sigmas, innovation):
    p, r, s1, s2 = sigmas
    rules = SimpleNamespace(offset_per_us=0.0, scale=0.0)
    found = fuse(Fix(0, 0.5, p * p, s1, 0.0, 0.0), Fix(1, 0.5 + innovation * p, r * r, s2, 0.0, 0.0), rules)
    w = np.linspace(0, 1, 201)
    others = (1 - w) ** 2 * p**2 + w**2 * r**2 + ((1 - w) * s1 + w * s2) ** 2
    assert found.sigma**2 <= others.min() * (1 + 1e-9)


def test_an_anchor_carried_on_loses_certainty_by_each_cause():
    rules = SimpleNamespace(offset_per_us=1e-12, scale=0.02)
    fix = Fix(at=0, soc=0.5, variance=1e-4, common=0.01, counted=0.1, lost=1e-5)
    soc, variance = carried_on(fix, 10**10, 0.4, 3e-5, rules)
    assert soc == pytest.approx(0.2)
    assert variance == pytest.approx(1e-4 + 2e-5 + 1e-4 + (0.02 * 0.3) ** 2)


def test_points_of_reference_are_no_moments():
    grid = Grid(
        np.arange(8), np.array([0] * 4 + [1] * 4), np.zeros(8), np.array([1, 1, 1, 9, 1, 1, 1, 2]), np.array([0, 4])
    )
    assert grid.fresh(5).tolist() == [False] * 7 + [True]


def test_a_rest_that_is_evaluated_again_is_one_measurement():
    """A coarse sensor, 50 mV: its noise is not averaged away by reading it three times."""
    given_ = still(9, **warm(25.0))
    given_["voltage"] = series(
        (given_["voltage"].t - START) / S, given_["voltage"].x, cadence_s=60.0, resolution=0.05
    )
    _, records, state = run(given_)
    assert len(records) == 3
    assert state.before is None
    assert math.sqrt(state.anchor.variance) == pytest.approx(0.05 / math.sqrt(12), rel=0.1)


def test_a_full_charge_inside_a_rest_outlives_its_next_evaluation():
    seconds = np.arange(0, 9000, 60.0)
    given_ = inputs(seconds, np.where(seconds < 3000, 0.0, -0.1), np.full(len(seconds), 3.985), **warm(25.0))
    _, records, state = run(given_, full_voltage=3.99)
    assert len(records) == 2
    assert records[0].detail["soc"] == pytest.approx(0.985)
    assert records[1].detail["soc"] > 0.987
    assert state.before.soc == pytest.approx(1.0)


def test_a_voltage_that_fell_silent_is_no_open_circuit_voltage():
    given_ = still(2, **warm(25.0))
    given_["voltage"] = series(np.arange(20) * 60.0, np.full(20, 3.6), cadence_s=60.0)
    assert run(given_)[1] == []
    given_["voltage"] = series([60], [3.6], telemetry="on_change", max_silence_s=7200)
    assert story(run(given_)[1])[0][0] == 2100


def plain_branch(counted, lost_sight):
    """Side and position sample by sample."""
    side, lowest, highest, positions = 0, counted[0], counted[0], [0.0]
    for i, here in enumerate(counted[1:], start=1):
        lowest, highest = min(lowest, here), max(highest, here)
        if i in lost_sight:
            side, lowest, highest = 0, here, here
        elif side <= 0 and highest - here >= 0.05:
            side, lowest, highest = 1, here, here
        elif side >= 0 and here - lowest >= 0.05:
            side, lowest, highest = -1, here, here
        way = (highest - here if side < 0 else here - lowest) / 0.05
        positions.append(side * (1 - 2 * round(way * 4) / 4) + 0.0)
    return side, np.array(positions)


@pytest.mark.parametrize("seed", range(12))
def test_the_branch_follows_long_histories_like_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    counted = np.cumsum(rng.normal(0, rng.choice([0.0005, 0.004]), 6000))
    lost_sight = np.sort(rng.choice(np.arange(1, 6000), rng.integers(0, 4), replace=False))
    wanted = np.sort(rng.choice(6000, 60, replace=False))
    side, positions = plain_branch(counted, set(lost_sight.tolist()))
    branch, found = follow(Branch(), counted, lost_sight, wanted)
    assert branch.side == side
    assert found.tolist() == positions[wanted].tolist()
    cut = int(rng.integers(1, 5999))
    first, _ = follow(Branch(), counted[: cut + 1], lost_sight[lost_sight <= cut], np.array([], dtype=int))
    second, _ = follow(first, counted[cut:], lost_sight[lost_sight > cut] - cut, np.array([], dtype=int))
    assert second == branch
