"""Voltage monitor: every rule on small histories, a plain event loop as reference, and the law of cuts."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altergo_interface import ModelError, Samples, SensorRule, Span, StepData, Table
from altergo_interface.manifest import load_manifest
from models.voltage_monitor import VoltageMonitor
from models.voltage_monitor.limits import LIMITS, limits_for

FOLDER = Path(__file__).parents[1] / "models" / "voltage_monitor"
MANIFEST = load_manifest(FOLDER / "model.json")
S = 1_000_000
DAY = 86_400 * S
START = 19_700 * DAY


def model(**config):
    return VoltageMonitor(MANIFEST.effective_configuration(config, "test"))


def at(second):
    return START + round(second * S)


def series(seconds, values, **declared):
    return Samples(np.array([at(s) for s in seconds]), np.asarray(values, dtype=float), 0, SensorRule(**declared))


def table(seconds, rows, columns=("c1", "c2", "c3"), **declared):
    t = np.array([at(s) for s in seconds])
    return Table(t, np.asarray(rows, dtype=float), tuple(columns), 0, SensorRule(**declared))


def pack(seconds, low=None, high=None, **declared):
    """Inputs of an NMC battery: both extremes on the same stamps, harmless where not given."""
    n = len(seconds)
    return {
        "chemistry": "NMC",
        "v_cell_min": series(seconds, [3.6] * n if low is None else low, **declared),
        "v_cell_max": series(seconds, [3.7] * n if high is None else high, **declared),
    }


# ---- a small engine: calls with lead-ins, folded over any cut ----


def _frozen(*arrays):
    for array in arrays:
        array.flags.writeable = False
    return arrays


def _samples(found, start, end):
    first, stop = np.searchsorted(found.t, [start, end])
    lead = int(first > 0)
    t, x = _frozen(found.t[first - lead : stop].copy(), found.x[first - lead : stop].copy())
    return Samples(t, x, lead, found.declared)


def _table(found, start, end):
    """Rows of the span, behind one row per stamp at which some cell had its last sample before it."""
    known = ~np.isnan(found.x)
    first, stop = np.searchsorted(found.t, [start, end])
    seen = np.flatnonzero(known[:stop].any(axis=0))
    lead_rows = {}
    for column in seen:
        if known[:first, column].any():
            lead_rows.setdefault(np.flatnonzero(known[:first, column])[-1], []).append(column)
    lead_x = np.full((len(lead_rows), found.x.shape[1]), np.nan)
    for row, index in enumerate(sorted(lead_rows)):
        lead_x[row, lead_rows[index]] = found.x[index, lead_rows[index]]
    t = np.concatenate((found.t[sorted(lead_rows)], found.t[first:stop]))
    x = np.concatenate((lead_x, found.x[first:stop]))[:, seen]
    return Table(*_frozen(t, x), tuple(found.columns[c] for c in seen), len(lead_rows), found.declared)


def call(inputs, start, end):
    cut = {Samples: _samples, Table: _table}
    given = {k: cut[type(v)](v, start, end) if type(v) in cut else v for k, v in inputs.items()}
    return StepData(given, Span(start, end))


def fold(m, inputs, edges):
    """(outputs: name to (stamps, values), record versions, state) after one call per pair of edges."""
    state, rows, records = m.initial(), {}, []
    for start, end in pairwise(edges):
        data = call(inputs, start, end)
        state, outputs = m.advance(state, data)
        state = m.State.model_validate_json(state.model_dump_json())
        for name, found in outputs.items():
            stamps = np.array([r.at for r in found], dtype=np.int64) if name == "records" else found.t
            assert ((start <= stamps) & (stamps < end)).all(), name
            if name == "records":
                records += found
                continue
            assert (np.diff(found.t) > 0).all()
            given = [v for v in data.values() if isinstance(v, Samples | Table)]
            assert not any(np.shares_memory(a, b) for v in given for a in (found.t, found.x) for b in (v.t, v.x))
            rows.setdefault(name, []).append(found)
    joined = {n: (np.concatenate([f.t for f in r]), np.concatenate([f.x for f in r])) for n, r in rows.items()}
    return joined, records, state


def last_stamp(inputs):
    return max(int(v.t[-1]) for v in inputs.values() if isinstance(v, Samples | Table))


def run(inputs, until=None, **config):
    """One call over everything, up to `until` (s) or just after the last sample."""
    end = last_stamp(inputs) + 1 if until is None else at(until)
    return fold(model(**config), inputs, [START - DAY, end])


def seconds(stamp):
    return None if stamp is None else (stamp - START) / S


def of_kind(records, kind="alert"):
    return [r for r in records if r.kind == kind]


def story(records):
    """Versions of alert records, short: (version, start, end, severity, extreme)."""
    found = of_kind(records)
    return [(seconds(r.at), seconds(r.started_at), seconds(r.ended_at), r.severity, r.value) for r in found]


def changes(outputs, name="voltage_status"):
    """An output as (second, value) at its first row and wherever it changes."""
    t, x = outputs[name]
    kept = np.concatenate(([True], x[1:] != x[:-1]))
    return [(seconds(a), b) for a, b in zip(t[kept], x[kept], strict=True)]


# ---- the rules ----

RAISED = [0, 5, 10]  # stamps that raise at 10 with 4.21 V


@pytest.mark.parametrize(
    ("stamps", "volts", "expected"),
    [
        pytest.param([0, 9, 10], [4.21] * 3, [(10, 0, None, 1, 4.21)], id="raised at the sample that reaches 10 s"),
        pytest.param([0, 9.9], [4.21] * 2, [], id="not yet"),
        pytest.param([0, 100], [4.21] * 2, [(100, 0, None, 1, 4.21)], id="two samples within the longest interval"),
        pytest.param([0, 121], [4.21] * 2, [], id="a gap starts the breach anew"),
        pytest.param([0, 5, 6, 12], [4.21, 4.21, 4.2, 4.21], [], id="a sample on the limit cancels"),
        pytest.param([0, 30, 60], [4.1, 4.9, 4.1], [], id="a spike of one sample"),
        pytest.param(
            [0, 5, 20, 25], [4.21, 4.23, 4.22, 4.22], [(20, 0, None, 1, 4.23)], id="extreme before it was raised"
        ),
        pytest.param([0, 5, 10], [4.26] * 3, [(10, 0, None, 2, 4.26)], id="raised critical"),
        pytest.param(
            [0, 5, 10, 15], [4.21, 4.26, 4.27, 4.26], [(10, 0, None, 1, 4.27), (15, 0, None, 2, 4.27)], id="escalated"
        ),
        pytest.param(
            [*RAISED, 15, 20, 24], [4.21] * 3 + [4.26, 4.24, 4.26],
            [(10, 0, None, 1, 4.21), (15, 0, None, 1, 4.26)], id="critical clock starts anew",
        ),
        pytest.param(
            [*RAISED, 20, 50, 51], [4.21] * 3 + [4.15] * 3,
            [(10, 0, None, 1, 4.21), (50, 0, 20, 1, 4.21)], id="cleared on a sample's stamp",
        ),
        pytest.param(
            [*RAISED, 20, 50], [4.21] * 3 + [4.15, 4.3],
            [(10, 0, None, 1, 4.21), (50, 0, 20, 1, 4.21)], id="the timer precedes a breach of its stamp",
        ),
        pytest.param(
            [*RAISED, 20, 30, 40, 75], [4.21] * 3 + [4.15, 4.1501, 4.15, 4.0],
            [(10, 0, None, 1, 4.21), (70, 0, 40, 1, 4.21)], id="not back by the hysteresis cancels clearing",
        ),
        pytest.param(
            [*RAISED, 20, 300, 330], [4.21] * 3 + [4.0] * 3,
            [(10, 0, None, 1, 4.21), (50, 0, 20, 1, 4.21)], id="cleared between samples, before the data goes stale",
        ),
        pytest.param(
            [*RAISED, 15, 16, 60, 70, 80], [4.21] * 3 + [4.1, 4.1, 4.22, 4.25, 4.23],
            [(10, 0, None, 1, 4.21), (45, 0, 15, 1, 4.21), (70, 60, None, 1, 4.25)], id="a second alert",
        ),
    ],
)  # fmt: skip
def test_high_side(stamps, volts, expected):
    assert story(run(pack(stamps, high=volts))[1]) == expected
    low = pack(stamps, low=[round(7.2 - v, 4) for v in volts])
    mirrored = [(a, b, c, d, pytest.approx(7.2 - v)) for a, b, c, d, v in expected]
    config = {"voltage_low_threshold": 3.0, "voltage_low_critical": 2.95}
    assert story(run(low, **config)[1]) == mirrored


def test_record_and_state_of_an_open_alert():
    _, records, state = run(pack([0, 5, 10, 15], low=[2.9, 2.4, 2.3, 2.4]))
    first, second = records
    assert (first.kind, first.cell, first.severity) == ("alert", "low", 1)
    assert dict(second.detail) == {"side": "low", "limit": 2.5, "extreme_at": at(10)}
    assert first.detail["limit"] == 3.0
    assert (state.status, state.severity, state.high.alert) == (1, 2, None)
    assert state.low.alert.model_dump() == {
        "started_at": at(0), "value": 2.3, "extreme_at": at(10), "cell": "", "shift": 0.0, "severity": 2,
        "limit": 2.5,
    }  # fmt: skip


def test_status_severity_and_margin():
    outputs, _, state = run(pack([*RAISED, 15, 20, 21], high=[4.21] * 3 + [4.1, 4.1, 4.1]), until=60)
    assert changes(outputs) == [(0, 0), (10, 2), (45, 0)]
    assert changes(outputs, "voltage_severity") == [(0, 0), (10, 1), (45, 0)]
    assert changes(outputs, "voltage_margin") == [(0, pytest.approx(-0.01)), (15, pytest.approx(0.1))]
    assert [seconds(t) for t in outputs["min_voltage"][0]] == [0, 5, 10, 15, 20, 21]
    assert (state.status, state.severity) == (0, 0)


def test_the_highest_severity_gives_the_status_and_high_wins_a_tie():
    stamps = [0, 10, 20, 30]
    outputs, _, _ = run(pack(stamps, low=[2.9, 2.9, 2.4, 2.4], high=[3.7, 4.21, 4.21, 4.21]))
    assert changes(outputs) == [(0, 0), (10, 1), (20, 2), (30, 1)]
    assert changes(outputs, "voltage_severity") == [(0, 0), (10, 1), (30, 2)]


def test_a_gap_is_stale_and_keeps_an_alert_open():
    inputs = pack([*RAISED, 11, 500, 520], high=[4.21] * 3 + [4.1, 4.2, 4.1])
    outputs, records, state = run(inputs, max_gap_s=20, until=545)
    assert changes(outputs) == [(0, 0), (10, 2), (31, 3), (500, 2), (540, 3)]
    assert changes(outputs, "voltage_severity") == [(0, 0), (10, 1)]
    assert len(records) == 1
    assert (state.status, state.high.clearing_since, state.high.alert.started_at) == (3, None, at(0))


def test_a_stale_side_never_hides_the_other_sides_alert():
    inputs = pack([0, 10, 20, 200]) | {"v_cell_max": series([0, 10, 100, 200], [4.21] * 4)}
    outputs, _, _ = run(inputs, max_gap_s=100)
    assert changes(outputs) == [(0, 0), (10, 2)]
    inputs["v_cell_max"] = series([0, 10, 100, 200], [3.7] * 4)
    assert changes(run(inputs, max_gap_s=100)[0]) == [(0, 0), (120, 3), (200, 0)]


@pytest.mark.parametrize(("declared", "stale_at"), [({}, 120), ({"cadence_s": 2}, 10), ({"cadence_s": 30}, 150)])
def test_the_longest_interval_comes_from_the_declaration(declared, stale_at):
    outputs, _, _ = run(pack([0, 1000], **declared))
    assert changes(outputs) == [(0, 0), (stale_at, 3), (1000, 0)]


def test_timers_fire_in_the_call_whose_span_holds_them():
    inputs = pack([*RAISED, 15], high=[4.21] * 3 + [4.1])
    m, edges = model(), [at(s) for s in (0, 16, 45, 46, 135, 136, 900)]
    state, told = m.initial(), []
    for start, end in pairwise(edges):
        state, outputs = m.advance(state, call(inputs, start, end))
        rows = outputs.get("voltage_status", Samples(np.empty(0, np.int64), np.empty(0)))
        told.append((len(outputs["records"]), [(seconds(t), x) for t, x in zip(rows.t, rows.x, strict=True)]))
    assert told[1:] == [(0, []), (1, [(45, 0)]), (0, []), (0, [(135, 3)]), (0, [])]


def test_one_version_per_day_that_set_a_new_extreme():
    midnight, hour = 86_400, 3_600
    stamps = [midnight - 20, midnight - 10, midnight - 5, midnight + 5, midnight + 9, midnight + 60]
    stamps += [2 * midnight - 100, 2 * midnight + hour, 3 * midnight + hour]
    volts = [4.21, 4.22, 4.23, 4.235, 4.24, 4.24, 4.22, 4.245, 4.21]
    inputs = pack(stamps, high=volts)
    config = {"max_gap_s": 2.0 * midnight}
    once = run(inputs, **config)[1]
    begin = midnight - 20
    assert story(once) == [
        (midnight - 10, begin, None, 1, 4.22),
        (midnight - 5, begin, None, 1, 4.23),
        (midnight + 9, begin, None, 1, 4.24),
        (2 * midnight + hour, begin, None, 1, 4.245),
    ]
    edges = [START + k * DAY for k in range(4)] + [last_stamp(inputs) + 1]
    assert fold(model(**config), inputs, edges)[1] == once


@pytest.mark.parametrize("value", [3.65, np.float32(3.65), 3.65004])
def test_a_value_on_the_limit_is_no_breach_after_rounding(value):
    inputs = {**pack([0, 10, 20], high=[value] * 3, low=[2.5] * 3), "chemistry": "LFP"}
    outputs, records, _ = run(inputs)
    assert records == []
    assert (outputs["voltage_margin"][1] == 0).all()
    inputs["v_cell_max"] = series([0, 10, 20], [3.6501] * 3)
    assert len(run(inputs)[1]) == 1
    inputs["v_cell_max"] = series([0, 10, 20], [3.6549] * 3, resolution=0.01)
    assert run(inputs)[1] == []


# ---- the table of cells ----


def test_the_table_names_the_extreme_cell():
    rows = [[3.7, 4.21, 3.6], [3.7, 4.22, 3.6], [4.23, 4.21, 3.6]]
    _, records, state = run({"chemistry": "nmc", "cell_voltages": table(RAISED, rows)})
    assert story(records) == [(10, 0, None, 1, 4.23)]
    assert records[0].detail["cell"] == "c1"
    assert state.high.alert.cell == "c1"


def test_a_cell_is_held_for_at_most_the_longest_interval():
    nan = np.nan
    rows = [[3.7, 3.9, 3.6], [3.7, nan, 3.6], [3.7, nan, nan], [3.7, nan, 3.5]]
    outputs, _, _ = run({"chemistry": "NMC", "cell_voltages": table([0, 60, 120, 180], rows)})
    assert outputs["max_voltage"][1].tolist() == [3.9, 3.9, 3.9, 3.7]
    assert outputs["min_voltage"][1].tolist() == [3.6, 3.6, 3.6, 3.5]


def test_bound_extremes_come_before_the_table():
    cells = table([0, 10], [[4.3, 4.3, 4.3]] * 2)
    outputs, _, _ = run({**pack([0, 10]), "cell_voltages": cells})
    assert outputs["max_voltage"][1].tolist() == [3.7, 3.7]
    unseen = {"v_cell_min": series([], []), "v_cell_max": series([], [])}
    assert fold(model(), {"chemistry": "NMC", "cell_voltages": cells, **unseen}, [START, at(99)])[0] == {}


# ---- limits and errors ----


@pytest.mark.parametrize(
    ("given", "config", "message"),
    [
        ({"chemistry": "NMX"}, {}, "Did you mean 'NM"),
        ({"chemistry": "lead"}, {}, "Known: NMC"),
        ({}, {}, "chemistry is missing"),
        ({"chemistry": "NMC"}, {"voltage_high_threshold": 4.25}, "voltage_high_critical"),
        ({"chemistry": "NMC"}, {"voltage_low_critical": 3.1}, "must rise"),
        ({"chemistry": "NMC"}, {"voltage_low_threshold": 4.2}, "must rise"),
        ({"chemistry": "NMC"}, {}, "no cell voltage is bound"),
    ],
)
def test_what_cannot_be_judged_is_refused(given, config, message):
    with pytest.raises(ModelError, match=message):
        model(**config).advance(model().initial(), StepData(given, Span(0, 1)))


def test_limits_rise_for_every_chemistry_and_settings_override_them():
    assert set(LIMITS) == {"LFP", "NMC", "NCA", "LCO", "LMO", "LTO"}
    for name in LIMITS:
        limits_for(name, model().config)
    config = model(voltage_high_threshold=4.1, voltage_low_critical=2.8).config
    assert limits_for("NMC", config).high_warning == 4.1
    assert limits_for("NMC", config).low_critical == 2.8


# ---- against a plain event loop, and however the history is cut ----


def random_side(rng):
    n = int(rng.integers(1, 40))
    levels = np.array([2.4, 2.9, 3.0, 3.04, 3.05, 3.7, 4.1, 4.15, 4.16, 4.2, 4.21, 4.25, 4.26, 4.3])
    level, volts = int(rng.integers(len(levels))), []
    for _ in range(n):
        level = int(np.clip(level + rng.choice([-1, 0, 0, 1, 7, -7], p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.1]), 0, 13))
        volts.append(levels[level])
    steps = rng.choice([1, 5, 9, 10, 20, 30, 31, 60, 120, 121, 400, 40_000], n, p=[0.1] * 8 + [0.05] * 4)
    return series(np.cumsum(steps) + 86_400 - rng.choice([0, 60, 300]), volts)


def random_inputs(rng):
    low, high = random_side(rng), random_side(rng)
    kind = rng.choice(["frames", "apart", "table"])
    if kind == "apart":
        return {"chemistry": "NMC", "v_cell_min": low, "v_cell_max": high}
    if kind == "frames":
        return {"chemistry": "NMC", "v_cell_min": Samples(high.t, high.x - 0.01), "v_cell_max": high}
    t = np.union1d(low.t, high.t)
    x = np.full((len(t), 3), np.nan)
    x[np.isin(t, low.t), 0], x[np.isin(t, high.t), 1] = low.x, high.x
    x[np.isin(t, high.t), 2] = np.round(high.x - 0.3, 4)
    return {"chemistry": "NMC", "cell_voltages": Table(t, x, ("c1", "c2", "c10"))}


def plain(samples, sign, warning, critical, end, gap=120 * S):
    """One side by an event loop: (at, started, ended, severity, extreme) per change but of extremes; stale stamps."""
    told, stale = [], []
    begun = grave = alert = back = last = None
    for t, x in [*zip(samples.t.tolist(), samples.x.tolist(), strict=True), (None, 0.0)]:
        now = end if t is None else t
        if back is not None and back + 30 * S <= min(last + gap, now if t is not None else now - 1):
            told.append((back + 30 * S, alert[0], back, alert[1], alert[2]))
            alert = back = None
        if last is not None and last + gap < now:
            stale.append(last + gap)
            begun = grave = back = None
        if t is None:
            return told, stale
        over, y = sign * x > sign * warning, sign * x
        if alert is None:
            begun = (begun or (t, x)) if over else None
            begun = begun and (begun[0], max(begun[1], x, key=lambda v: sign * v))
        grave = (grave or t) if y > sign * critical else None
        if alert is None and begun and t > begun[0] and t - begun[0] >= 10 * S:
            alert = [begun[0], 0, begun[1]]
            begun = None
        if alert:
            alert[2] = max(alert[2], x, key=lambda v: sign * v)
            severity = 2 if grave is not None and t > grave and t - grave >= 10 * S else 1
            if severity > alert[1]:
                alert[1] = severity
                told.append((t, alert[0], None, severity, alert[2]))
            back = (back or t) if y <= round(sign * warning - 0.05, 9) else None
        last = t
    raise AssertionError


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_alerts_match_a_plain_event_loop(seed):
    rng = np.random.default_rng(seed)
    inputs = {"chemistry": "NMC", "v_cell_min": random_side(rng), "v_cell_max": random_side(rng)}
    end = last_stamp(inputs) + int(rng.choice([1, 40 * S, 500 * S]))
    outputs, records, _ = fold(model(), inputs, [START, end])
    stale_stamps = []
    for side, sign, warning, critical in (("low", -1, 3.0, 2.5), ("high", 1, 4.2, 4.25)):
        expected, stale = plain(inputs["v_cell_min" if sign < 0 else "v_cell_max"], sign, warning, critical, end)
        ours = [(r.at, r.started_at, r.ended_at, r.severity, r.value) for r in of_kind(records) if r.cell == side]
        changed = [v for k, v in enumerate(ours) if k == 0 or v[1:4] != ours[k - 1][1:4]]
        assert changed == expected
        stale_stamps += stale
    assert set(stale_stamps) <= set(outputs["voltage_status"][0].tolist())


def settled(records):
    """Record versions without what a call that ends inside a day tells of it too early: a newer one follows."""
    kept = []
    for k, version in enumerate(records):
        identity = (version.kind, version.cell, version.started_at)
        same = [r for r in records if (r.kind, r.cell, r.started_at) == identity]
        place = same.index(version)
        newer = [r for r in same[place + 1 :] if r.at // DAY == version.at // DAY]
        if version.kind == "quality":
            outdated = bool(newer)
        else:
            only_extreme = place > 0 and version.ended_at is None and version.severity == same[place - 1].severity
            moved = any(r.detail["extreme_at"] != version.detail["extreme_at"] for r in newer)
            outdated = only_extreme and moved
        if not outdated:
            kept.append(records[k])
    return sorted(kept, key=order)


def order(record):
    return record.at, record.cell, record.kind


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_any_cut_gives_the_same_bits(seed, at_midnights):
    rng = np.random.default_rng(seed)
    inputs = random_inputs(rng)
    start, end = START, last_stamp(inputs) + int(rng.choice([1, 500 * S]))
    stamps = np.concatenate([v.t for v in inputs.values() if isinstance(v, Samples | Table)])
    near = rng.choice(stamps, 8) + rng.choice([0, 1, 10 * S, 30 * S, 30 * S + 1, 120 * S, 120 * S + 1], 8)
    edges = range(START + DAY, end, DAY) if at_midnights else near.tolist()
    edges = [start, *sorted({c for c in edges if start < c < end}), end]
    once, once_records, once_state = fold(model(), inputs, [start, end])
    cut, cut_records, cut_state = fold(model(), inputs, edges)
    assert once_state.model_dump_json() == cut_state.model_dump_json()
    assert once.keys() == cut.keys()
    for name, (t, x) in once.items():
        assert np.array_equal(t, cut[name][0]), name
        assert np.array_equal(x.view(np.int64), cut[name][1].view(np.int64)), name
    by_time = sorted(cut_records, key=order)
    assert (by_time if at_midnights else settled(by_time)) == sorted(once_records, key=order)


# ---- simulated truth ----


@pytest.mark.reference
def test_simulated_fast_charge_raises_a_high_alert(reference_data):
    truth = pd.read_parquet(reference_data / "truth/nmc_chen2020_spme_5d_1s.parquet")
    t = truth["ts"].dt.as_unit("us").astype("int64").to_numpy()
    cell = Samples(t, truth["voltage"].to_numpy(dtype=float), 0, SensorRule(resolution=0.001, cadence_s=1))
    inputs = {"chemistry": "NMC", "v_cell_min": cell, "v_cell_max": cell}
    _, records, _ = fold(model(), inputs, [int(t[0]), int(t[-1]) + 1])
    alerts = [r for r in of_kind(records) if r.cell == "high"]
    assert max(r.value for r in alerts) == pytest.approx(4.276, abs=0.002)
    assert max(r.severity for r in alerts) == 2
