"""Imbalance analysis: rests, medians, uncertainty and records on small histories, the law of cuts, reference data."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altergo_interface import ModelError, Samples, SensorRule, Span, StepData, Table
from altergo_interface.errors import ParameterError
from altergo_interface.manifest import load_manifest
from benchmarks.accuracy_imbalance import drawn_offsets, judged, own_lfp, rows, string_inputs
from benchmarks.warning_level_imbalance import comparison
from models._ocv import table_for
from models._simulator import FleetSpec, simulate_asset
from models.imbalance_analysis import ImbalanceAnalysis, hysteresis
from models.imbalance_analysis.blocks import RestRule
from models.imbalance_analysis.breaches import RANGE_LIMIT_MV
from models.imbalance_analysis.trend import theil_sen

FOLDER = Path(__file__).parents[1] / "models" / "imbalance_analysis"
MANIFEST = load_manifest(FOLDER / "model.json")
S = 1_000_000
DAY = 86_400 * S
BLOCK = 300 * S
START = 19_700 * DAY
LINEAR = {"soc": [0.0, 1.0], "ocv": [3.0, 4.0]}
"""1 mV is 0.1 % of charge everywhere."""


def model(**config):
    return ImbalanceAnalysis(MANIFEST.effective_configuration(config, "test"))


def at(second):
    return START + round(second * S)


def series(seconds, values, **declared):
    t = np.array([at(s) for s in seconds], dtype=np.int64)
    return Samples(t, np.broadcast_to(np.asarray(values, dtype=float), t.shape).copy(), 0, SensorRule(**declared))


def table(seconds, cells, columns=None, **declared):
    x = np.asarray(cells, dtype=float)
    names = columns or [f"cell_voltage_{k + 1}" for k in range(x.shape[1])]
    return Table(np.array([at(s) for s in seconds], dtype=np.int64), x, tuple(names), 0, SensorRule(**declared))


CONSTANTS = {"capacity": 100.0, "chemistry": "NMC", "ocv_table": LINEAR}


def pack(seconds, low=3.6, high=3.62, current=0.0, **more):
    """Extremes and current on the same stamps, 100 Ah, the linear table."""
    found = {
        "current": series(seconds, current),
        "v_cell_min": series(seconds, low),
        "v_cell_max": series(seconds, high),
    }
    return {**CONSTANTS, **found, **more}


# ---- a small engine: calls with lead-ins, folded over any cut ----


def frozen(*arrays):
    for array in arrays:
        array.flags.writeable = False
    return arrays


def cut_samples(found, start, end):
    first, stop = np.searchsorted(found.t, [start, end])
    lead = int(first > 0)
    return Samples(
        *frozen(found.t[first - lead : stop].copy(), found.x[first - lead : stop].copy()), lead, found.declared
    )


def cut_table(found, start, end):
    """Rows of the span, behind one row per stamp at which some cell had its last sample before it."""
    known = ~np.isnan(found.x)
    first, stop = np.searchsorted(found.t, [start, end])
    seen = np.flatnonzero(known[:stop].any(axis=0))
    leads = {}
    for column in seen:
        if known[:first, column].any():
            leads.setdefault(np.flatnonzero(known[:first, column])[-1], []).append(column)
    lead_x = np.full((len(leads), found.x.shape[1]), np.nan)
    for row, index in enumerate(sorted(leads)):
        lead_x[row, leads[index]] = found.x[index, leads[index]]
    t = np.concatenate((found.t[sorted(leads)], found.t[first:stop]))
    x = np.concatenate((lead_x, found.x[first:stop]))[:, seen]
    return Table(*frozen(t, x), tuple(found.columns[c] for c in seen), len(leads), found.declared)


def call(inputs, start, end):
    cut = {Samples: cut_samples, Table: cut_table}
    given = {k: cut[type(v)](v, start, end) if type(v) in cut else v for k, v in inputs.items()}
    return StepData(given, Span(start, end))


def fold(m, inputs, edges):
    """(outputs: name to (stamps, values), record versions, state) after one call per pair of edges."""
    state, found, records = m.initial(), {}, []
    for start, end in pairwise(edges):
        state, outputs = m.advance(state, call(inputs, start, end))
        state = m.State.model_validate_json(state.model_dump_json())
        for name, rows_ in outputs.items():
            stamps = np.array([r.at for r in rows_], dtype=np.int64) if name == "records" else rows_.t
            assert ((start <= stamps) & (stamps < end)).all(), name
            if name == "records":
                assert (np.diff(stamps) >= 0).all()
                records += rows_
                continue
            assert (np.diff(stamps) > 0).all(), name
            found.setdefault(name, []).append(rows_)
    joined = {n: (np.concatenate([f.t for f in r]), np.concatenate([f.x for f in r])) for n, r in found.items()}
    return joined, records, state


def last_stamp(inputs):
    return max(int(v.t[-1]) for v in inputs.values() if isinstance(v, Samples | Table) and len(v))


def run(inputs, until=None, **config):
    """One call over everything, up to `until` (s) or to the end of the newest sample's day."""
    end = (last_stamp(inputs) // DAY + 1) * DAY if until is None else at(until)
    return fold(model(**config), inputs, [START - DAY, end])


def blocks(outputs):
    """The second at which each block at rest began."""
    t, _ = outputs.get("confidence_level", (np.empty(0, np.int64), None))
    return [(int(stamp) + 1 - BLOCK - START) // S for stamp in t]


def column(outputs, name):
    return outputs[name][1]


# ---- blocks at rest ----

MINUTES = list(range(0, 1200, 60))


@pytest.mark.parametrize(
    ("stamps", "amps", "expected"),
    [
        pytest.param(MINUTES, 0.0, [0, 300, 600, 900], id="at rest throughout"),
        pytest.param(MINUTES, 4.99, [0, 300, 600, 900], id="below C/20"),
        pytest.param(MINUTES, 5.0, [], id="at C/20"),
        pytest.param(MINUTES, -5.0, [], id="charging"),
        pytest.param(MINUTES, [9.0] * 5 + [0.0] * 15, [300, 600, 900], id="a sample on the edge ends the hold"),
        pytest.param(
            [s + 1 for s in MINUTES], [9.0] * 5 + [0.0] * 15, [600, 900], id="a held value spoils the next block"
        ),
        pytest.param(MINUTES, [0.0] * 7 + [9.0] + [0.0] * 12, [0, 600, 900], id="one loud sample"),
        pytest.param([0, 60, 120, 900, 960, 1020], 0.0, [0, 900], id="nothing is known in a gap"),
        pytest.param([0, 60, 480, 540, 900, 1020], 0.0, [0, 300, 900], id="a minute and two of hold are enough"),
        pytest.param([0, 590, 900], [0.0, 0.0, 9.0], [0], id="110 s of hold in the next block are not"),
        pytest.param([0, 900, 1000], [9.0, 0.0, 0.0], [900], id="a stale loud value does not spoil"),
    ],
)
def test_blocks_at_rest(stamps, amps, expected):
    volts = list(range(0, 1200, 60))
    inputs = {**pack(volts), "current": series(stamps, amps)}
    outputs, _, state = run(inputs)
    assert blocks(outputs) == expected
    assert state.blocks == len(expected)


def test_slow_telemetry_counts_by_single_samples_and_says_how_sure_it_is():
    slow = {**pack(range(0, 7200, 600)), "current": series(range(0, 7200, 600), 0.0, cadence_s=600)}
    fast = pack(range(0, 7200, 10))
    outputs, _, _ = run(slow)
    assert blocks(outputs) == list(range(0, 7200, 600))
    sigma = column(outputs, "soc_imbalance_uncertainty")[-1]
    finer = column(run(fast)[0], "soc_imbalance_uncertainty")[-1]
    assert 0.0015 < finer < sigma < 0.004
    assert column(outputs, "soc_imbalance") == pytest.approx(0.02)


def test_a_block_is_evaluated_when_it_is_over():
    inputs = pack(range(0, 900, 30))
    assert blocks(run(inputs, until=299.999999)[0]) == []
    outputs, _, state = run(inputs, until=300)
    assert blocks(outputs) == [0]
    assert state.block is None
    assert run(inputs, until=301)[2].block.number == START // BLOCK + 1


def test_a_midnight_carries_no_samples():
    inputs = pack(range(80_000, 93_000, 10))
    _, _, state = run(inputs, until=86_400)
    assert state.block is None
    assert state.rest.since == at(80_000)
    assert len(state.model_dump_json()) < 1200


@pytest.mark.parametrize(("window", "count"), [(120, 10), (600, 2), (1200, 1)])
def test_the_window_is_configurable(window, count):
    assert len(run(pack(MINUTES), window_s=window)[0]["confidence_level"][0]) == count


# ---- medians ----


def test_the_median_ignores_a_spike_and_each_cell_has_its_own():
    cells = np.tile([3.600, 3.610, 3.590], (20, 1))
    cells[7] = [4.2, 3.0, 4.5]
    inputs = {**CONSTANTS, "current": series(MINUTES, 0.0), "cell_voltages": table(MINUTES, cells)}
    outputs, _, _ = run(inputs)
    assert column(outputs, "soc_imbalance") == pytest.approx(0.02, abs=3e-4)
    assert column(outputs, "highest_cell").tolist() == [2] * 4
    assert column(outputs, "lowest_cell").tolist() == [3] * 4
    assert column(outputs, "voltage_range")[7] == pytest.approx(1500)


def test_readings_that_tie_are_grouped_so_that_noise_shows_what_lies_between_two_steps():
    high = [3.620, 3.620, 3.620, 3.621, 3.621] * 4
    outputs, _, _ = run(pack(MINUTES, high=high))
    assert column(outputs, "soc_imbalance")[0] == pytest.approx(0.0200 + 0.001 * 2 / 6)
    declared = {**pack(MINUTES, high=high), "v_cell_max": series(MINUTES, high, resolution=1e-5)}
    assert column(run(declared)[0], "soc_imbalance")[0] == pytest.approx(0.02, abs=1e-5)


def test_cells_that_speak_at_different_times_and_not_at_all():
    cells = np.full((20, 4), np.nan)
    cells[::2, 0], cells[1::2, 1], cells[2::5, 2] = 3.60, 3.65, 3.62
    names = ["cell_voltage_3", "cell_voltage_11", "cell_voltage_20", "cell_voltage_21"]
    inputs = {**CONSTANTS, "current": series(MINUTES, 0.0), "cell_voltages": table(MINUTES, cells, names)}
    outputs, _, _ = run(inputs)
    assert column(outputs, "soc_imbalance") == pytest.approx(0.05)
    assert set(column(outputs, "highest_cell")) == {11}
    assert [seconds - START for seconds in outputs["voltage_range"][0][:2].tolist()] == [60 * S, 120 * S]
    alone = {**inputs, "cell_voltages": table(MINUTES, np.where(np.arange(4) == 0, cells, np.nan), names)}
    assert blocks(run(alone)[0]) == []
    assert "voltage_range" not in run(alone)[0]


def test_a_sensor_that_speaks_on_change_is_not_silent():
    rule = {"telemetry": "on_change", "max_silence_s": 1100}
    spoken = {**CONSTANTS, "current": series([0], 0.0, **rule), "v_cell_min": series([0], 3.6, **rule)}
    spoken["v_cell_max"] = series([0, 700], [3.62, 3.63], **rule)
    outputs, _, _ = run(spoken)
    assert blocks(outputs) == [0, 300, 600, 900]
    assert column(outputs, "soc_imbalance").round(3).tolist() == [0.02, 0.02, 0.03, 0.03]
    sampled = {**spoken, "v_cell_max": series([0, 700], [3.62, 3.63], max_silence_s=1100)}
    assert blocks(run(sampled)[0]) == [0, 600]


def test_the_number_of_a_cell_is_the_last_one_in_its_name():
    names = ["pack1_cell_07", "pack1_cell_12", "spare"]
    inputs = {**CONSTANTS, "current": series(MINUTES, 0.0)}
    inputs["cell_voltages"] = table(MINUTES, np.tile([3.60, 3.62, 3.61], (20, 1)), names)
    outputs, _, _ = run(inputs)
    assert (column(outputs, "lowest_cell")[0], column(outputs, "highest_cell")[0]) == (7, 12)
    inputs["cell_voltages"] = table(MINUTES, np.tile([3.60, 3.62, 3.63], (20, 1)), names)
    outputs, records, _ = run(inputs, voltage_range_limit_mv=10)
    assert np.isnan(column(outputs, "highest_cell")).all()
    assert "highest_cell" not in records[0].detail


# ---- voltage range at every sample ----


def test_range_of_extremes_with_their_own_stamps():
    inputs = pack(MINUTES)
    inputs["v_cell_min"] = series([0, 60, 400], [3.6, 3.61, 3.6])
    inputs["v_cell_max"] = series([30, 90, 390, 700], [3.62, 3.63, 3.59, 3.7])
    t, x = run(inputs)[0]["voltage_range"]
    assert [(s - START) // S for s in t.tolist()] == [30, 60, 90, 400]
    assert x == pytest.approx([20, 10, 20, 0])


def test_range_of_cells_holds_each_value_for_as_long_as_it_stands():
    cells = np.array([[3.6, np.nan], [np.nan, 3.65], [3.61, np.nan], [3.62, np.nan]])
    inputs = {**CONSTANTS, "current": series([0], 0.0), "cell_voltages": table([0, 100, 200, 300], cells)}
    t, x = run(inputs)[0]["voltage_range"]
    assert [(s - START) // S for s in t.tolist()] == [100, 200]
    assert x == pytest.approx([50, 40])
    assert len(run(inputs, max_gap_s=250)[0]["voltage_range"][0]) == 3


# ---- which inputs are read ----


def test_extremes_come_first_and_one_alone_is_not_enough():
    both = {**pack(MINUTES), "cell_voltages": table(MINUTES, np.tile([3.6, 3.65], (20, 1)))}
    assert column(run(both)[0], "soc_imbalance") == pytest.approx(0.02)
    assert "highest_cell" not in run(both)[0]
    del both["v_cell_min"]
    assert column(run(both)[0], "soc_imbalance") == pytest.approx(0.05)
    silent = {**pack(MINUTES), "v_cell_min": series([], 0.0)}
    assert run(silent)[0] == {}


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"capacity": 0.0}, ModelError, "capacity must be above 0"),
        ({"capacity": None}, ModelError, "capacity must be above 0"),
        ({"capacity": float("nan")}, ModelError, "capacity must be above 0"),
        ({"chemistry": None}, ModelError, "chemistry is missing"),
        ({"chemistry": "NCM"}, ParameterError, "unknown chemistry 'NCM'"),
        ({"ocv_table": {"soc": [0, 1], "ocv": [4, 3]}}, ParameterError, "ocv"),
        ({"v_cell_max": None}, ModelError, "no cell voltage is bound"),
    ],
)
def test_bad_input_says_what_is_wrong(change, error, said):
    inputs = {name: x for name, x in {**pack(MINUTES), **change}.items() if x is not None}
    with pytest.raises(error, match=said):
        run(inputs)


# ---- uncertainty and confidence ----


def final_sigma(**change):
    inputs = {**pack(range(0, 7200, 60)), **change}
    return float(run(inputs)[0]["soc_imbalance_uncertainty"][1][-1])


def test_what_makes_it_less_sure():
    seconds, rng = range(0, 7200, 60), np.random.default_rng(0)
    warm = {"temperature": series(seconds, 25.0)}
    usual = final_sigma(**warm)
    assert usual == pytest.approx(0.0022, abs=3e-4)
    assert final_sigma(temperature=series(seconds, -10.0)) > 1.25 * usual
    assert usual < final_sigma() < final_sigma(temperature=series(seconds, 0.0))
    assert final_sigma(**warm, v_cell_max=series(seconds, 3.62 + rng.normal(0, 0.02, 120))) > 2 * usual
    assert final_sigma(**warm, v_cell_max=series(seconds, 3.62, resolution=0.01)) > 2 * usual
    assert final_sigma(**warm, v_cell_max=series(seconds, 3.80)) > 1.3 * usual
    cells = table(seconds, np.tile([3.60, 3.61, 3.62], (120, 1)))
    each = {"current": series(seconds, 0.0), "cell_voltages": cells, **CONSTANTS, **warm}
    assert float(run(each)[0]["soc_imbalance_uncertainty"][1][-1]) < 0.9 * usual
    outputs = run({**pack(seconds), **warm}, cell_offset_mv=5)[0]
    assert outputs["soc_imbalance_uncertainty"][1][-1] > 2 * usual


def test_relaxation_fades_and_counts_for_more_where_more_was_seen():
    seconds = range(0, 14_400, 60)
    still = column(run(pack(seconds))[0], "soc_imbalance_uncertainty")
    assert (np.diff(still) < 0).all()
    assert still[0] > 1.7 * still[-1]
    fading = 3.62 + 0.02 * np.exp(-np.array(seconds) / 600)
    moving = column(run(pack(seconds, high=fading))[0], "soc_imbalance_uncertainty")
    assert moving[12] > 1.5 * still[12]
    again = np.where(np.array(seconds) == 7260, 50.0, 0.0)
    restarted = column(run(pack(seconds, current=again))[0], "soc_imbalance_uncertainty")
    assert restarted[24] == pytest.approx(still[0], rel=0.1)


def test_a_gap_between_two_small_currents_belongs_to_the_rest():
    seconds = [*range(0, 600, 60), *range(36_000, 36_600, 60)]
    long = column(run(pack(seconds))[0], "soc_imbalance_uncertainty")
    assert long[2] < 0.6 * long[1]
    loud = [0.0] * 9 + [50.0] + [0.0] * 10
    assert column(run(pack(seconds, current=loud))[0], "soc_imbalance_uncertainty")[-1] > 1.5 * long[-1]


def test_a_packaged_curve_is_less_sure_than_the_cells_own_and_says_so():
    own, packaged = pack(range(0, 7200, 60)), pack(range(0, 7200, 60))
    nmc = table_for("NMC", None)
    own["ocv_table"] = {"soc": nmc.soc.tolist(), "ocv": nmc.open_circuit_v.tolist()}
    del packaged["ocv_table"]
    sure, guessed = run(own), run(packaged)
    assert column(guessed[0], "soc_imbalance") == pytest.approx(column(sure[0], "soc_imbalance"))
    assert guessed[0]["soc_imbalance_uncertainty"][1][-1] > 2 * sure[0]["soc_imbalance_uncertainty"][1][-1]
    assert "packaged" not in " ".join(model().notices(sure[2]))
    assert ["generic NMC curve" in line for line in model().notices(guessed[2])] == [True]


def test_where_the_packaged_curve_is_steep_the_cells_own_may_not_be():
    nmc = table_for("NMC", None)
    low, high = nmc.ocv([0.06, 0.08])
    inputs = pack(range(0, 7200, 60), low=low, high=high)
    assert set(column(run({**inputs, "ocv_table": {"soc": nmc.soc.tolist(), "ocv": nmc.open_circuit_v.tolist()}})[0],
                      "confidence_level")) == {3}  # fmt: skip
    del inputs["ocv_table"]
    assert set(column(run(inputs)[0], "confidence_level")) == {0}


def test_a_state_of_charge_elsewhere_on_the_curve_is_a_doubt():
    nmc = table_for("NMC", None)
    low, high = nmc.ocv([0.40, 0.41])
    seconds = range(0, 7200, 60)
    inputs = pack(seconds, low=low, high=high)
    del inputs["ocv_table"]
    alone = column(run(inputs)[0], "soc_imbalance_uncertainty")[-1]
    agreeing = column(run({**inputs, "soc": series(seconds, 0.405)})[0], "soc_imbalance_uncertainty")[-1]
    elsewhere = column(run({**inputs, "soc": series(seconds, 0.65)})[0], "soc_imbalance_uncertainty")[-1]
    assert agreeing == pytest.approx(alone, rel=0.01)
    assert elsewhere > 1.02 * alone


LFP = table_for("LFP", None)


def lfp(soc, spread, branch, end_amps=0.0):
    """Six hours of charge or discharge to a branch, then two hours of rest of two LFP cells on it."""
    move = range(0, 21_600, 60)
    rest = range(21_600, 28_800, 60)
    low, high = LFP.ocv([soc - spread / 2, soc + spread / 2], branch)
    amps = [-20.0 * branch] * len(move) + [end_amps] * len(rest)
    inputs = pack([*move, *rest], low=low, high=high, current=amps, chemistry="LFP")
    inputs["temperature"] = series([*move, *rest], 25.0)
    inputs["ocv_table"] = {"soc": LFP.soc.tolist(), "ocv": LFP.open_circuit_v.tolist()}
    inputs["ocv_table"]["ocv_charge"] = LFP.ocv(LFP.soc, 1).tolist()
    inputs["ocv_table"]["ocv_discharge"] = LFP.ocv(LFP.soc, -1).tolist()
    return inputs


@pytest.mark.parametrize("branch", [-1, 1])
def test_lfp_is_sure_at_the_ends_and_silent_on_the_plateau(branch):
    low, _, _ = run(lfp(0.05, 0.04, branch))
    assert column(low, "soc_imbalance") == pytest.approx(0.04, abs=1e-3)
    assert set(column(low, "confidence_level")) == {3}
    flat, _, state = run(lfp(0.50, 0.04, branch))
    assert set(column(flat, "confidence_level")) <= {0}
    assert np.isnan(column(flat, "soc_imbalance")).all()
    assert np.isnan(column(flat, "soc_imbalance_uncertainty")).all()
    assert state.estimates == 0
    assert model().notices(state) == []


def test_three_millivolts_on_the_plateau_are_no_imbalance():
    inputs = lfp(0.45, 0.0, -1)
    inputs["v_cell_max"] = Samples(inputs["v_cell_max"].t, inputs["v_cell_max"].x + 0.003)
    outputs, records, _ = run(inputs)
    assert set(column(outputs, "confidence_level")) <= {0, 1}
    assert records == []


def test_the_branch_is_by_the_charge_that_went_through():
    charged, _, _ = run(lfp(0.3, 0.04, 1))
    assert column(charged, "soc_imbalance") == pytest.approx(0.04, abs=2e-3)
    assumed = lfp(0.3, 0.04, 1)
    assumed["current"] = Samples(assumed["current"].t, -assumed["current"].x)
    assert abs(column(run(assumed)[0], "soc_imbalance")[-1] - 0.04) > 4e-3
    unknown = lfp(0.3, 0.04, 1)
    rested = unknown["current"].x == 0
    unknown["current"] = Samples(unknown["current"].t[rested], unknown["current"].x[rested])
    assert run(unknown)[0]["confidence"][1][-1] < column(charged, "confidence")[-1]


def test_the_temperature_moves_the_curve():
    inputs = lfp(0.95, 0.02, 1)
    inputs["ocv_table"]["docv_dt_v_per_k"] = [0.0, *([0.0005] * 100)]
    warm = column(run(inputs)[0], "soc_imbalance")[-1]
    cold = {**inputs, "temperature": series([0], 5.0, cadence_s=60)}
    late = {**inputs, "temperature": series(range(0, 28_800, 60), 5.0)}
    assert column(run(late)[0], "soc_imbalance")[-1] != pytest.approx(warm, rel=0.01)
    assert column(run(cold)[0], "confidence")[-1] < column(run(inputs)[0], "confidence")[-1]


def test_confidence_follows_the_uncertainty():
    outputs, _, _ = run(pack(range(0, 7200, 60), high=[3.62] * 60 + [3.68] * 60))
    soc, sigma = column(outputs, "soc_imbalance"), column(outputs, "soc_imbalance_uncertainty")
    scale = np.maximum(0.01, soc / 4)
    assert column(outputs, "confidence") == pytest.approx(1 / (1 + (sigma / scale) ** 2))
    expected = np.select([sigma <= scale / 2, sigma <= scale, sigma <= 3 * scale], [3, 2, 1], 0)
    assert column(outputs, "confidence_level").tolist() == expected.tolist()


# ---- hysteresis ----


def plain_play(t, x, at_, half, capacity, gap):
    """Low and high bound of the place at each stamp, by a loop over all samples."""
    low, high, found = -half, half, []
    k = 1
    for stamp in [*at_, None]:
        while k < len(t) and (stamp is None or t[k] <= stamp):
            dt = t[k] - t[k - 1]
            if dt > gap and max(abs(x[k]), abs(x[k - 1])) >= capacity / 20:
                low, high = -half, half
            elif dt <= gap and abs(x[k - 1]) >= capacity / 200:
                dq = int(np.rint(-x[k - 1] * dt))
                low, high = (min(max(v + dq, -half), half) for v in (low, high))
            k += 1
        found.append((low, high))
    return found


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_loop_matches_a_plain_one(seed):
    rng = np.random.default_rng(seed)
    steps = rng.choice([30, 60, 119, 121, 4000], 60, p=[0.3, 0.4, 0.2, 0.05, 0.05])
    t = START + np.cumsum(steps) * S
    x = rng.choice([0.0, 3.0, -3.0, 40.0, -60.0, 200.0], 60)
    stamps = np.sort(rng.integers(t[0] - S, t[-1] + S, 8))
    rule = RestRule(limit_a=5.0, block_us=BLOCK, quiet_us=BLOCK, gap_us=120 * S)
    half = round(0.05 * 100 * 3.6e9)
    loop, branch = hysteresis.follow(Samples(t, x), None, 100.0, rule, stamps)
    *expected, end = plain_play(t.tolist(), x.tolist(), stamps.tolist(), half, 100.0, 120 * S)
    assert (loop.low, loop.high) == end
    assert branch.place.tolist() == [np.rint((a + b) / (2 * half * 0.25)) * 0.25 for a, b in expected]
    assert ((branch.sigma >= 0.25) & (branch.sigma >= [(b - a) / (2 * half) for a, b in expected])).all()


# ---- records ----


def ranges(*hours):
    """A pack at rest, each hour with its range in mV, every ten minutes."""
    seconds = np.arange(0, len(hours) * 3600, 60)
    return pack(seconds, high=3.6 + np.repeat(hours, 60) / 1000)


def told(records):
    """(hour of the version, hour of the start, hour of the end, mV) of each version."""

    def hour(stamp):
        return None if stamp is None else round((stamp - START) / (3600 * S), 2)

    return [(hour(r.at), hour(r.started_at), hour(r.ended_at), round(r.value, 3)) for r in records]


def test_a_record_opens_after_two_blocks_and_ends_when_a_day_was_back():
    hours = [20, 60, 60, 80, 70, *[39] * 30]
    _, records, state = run(ranges(*hours), voltage_range_limit_mv=50)
    assert told(records) == [(1.17, 1, None, 60), (24, 1, None, 80), (29, 1, 5, 80)]
    last = records[-1]
    assert (last.kind, last.cell, last.severity) == ("imbalance", "", None)
    assert last.detail["limit_mv"] == 50
    assert last.detail["extreme_at"] == at(3 * 3600 + 300) - 1
    assert last.detail["soc_imbalance"] == pytest.approx(0.08)
    assert state.breach.record is None


def test_one_block_beyond_the_limit_is_no_record():
    inputs = pack(range(0, 1800, 60), high=[3.62] * 10 + [3.7] * 5 + [3.62] * 15)
    assert run(inputs, voltage_range_limit_mv=50)[1] == []
    assert len(run(inputs, voltage_range_limit_mv=50, window_s=120)[1]) == 1


def test_neither_load_nor_the_hysteresis_band_nor_a_new_breach_ends_it():
    hours = [60, *[45] * 30, *[30] * 10, 55, *[30] * 26]
    _, records, state = run(ranges(*hours), voltage_range_limit_mv=50)
    assert told(records) == [(0.17, 0, None, 60), (66, 0, 42, 60)]
    loud = ranges(60, 60, 500, 60)
    loud["current"].x[120:180] = 50.0
    assert told(run(loud, voltage_range_limit_mv=50)[1]) == [(0.17, 0, None, 60)]
    assert state.breach.record is None


def test_an_open_record_stands_in_the_state_and_grows_by_one_version_a_day():
    _, records, state = run(ranges(60, 61, 62, *[60] * 30, 90, 80), voltage_range_limit_mv=50, until=None)
    assert told(records) == [(0.17, 0, None, 60), (24, 0, None, 62), (48, 0, None, 90)]
    assert state.breach.record.peak.mv == pytest.approx(90)
    assert state.breach.record.started_at == START


def test_a_record_names_the_cells():
    cells = np.tile([3.60, 3.70, 3.62], (20, 1))
    inputs = {**CONSTANTS, "current": series(MINUTES, 0.0), "cell_voltages": table(MINUTES, cells)}
    _, records, _ = run(inputs)
    assert (records[0].detail["highest_cell"], records[0].detail["lowest_cell"]) == (2, 1)


def test_the_default_limit_is_by_chemistry_and_by_the_place_on_the_curve():
    assert set(RANGE_LIMIT_MV) == {"NMC", "NCA", "LCO", "LMO", "LFP", "LTO"}
    nmc = table_for("NMC", None)

    def limit(soc, spread):
        low, high = nmc.ocv([soc - spread / 2, soc + spread / 2])
        inputs = pack(MINUTES, low=low, high=high)
        del inputs["ocv_table"]
        records = run(inputs)[1]
        return records[0].detail["limit_mv"] if records else None

    assert limit(0.87, 0.2) == 50
    assert limit(0.1, 0.06) == pytest.approx(1000 * float(np.diff(nmc.ocv([0.075, 0.125]))[0]), rel=0.02)
    assert limit(0.1, 0.04) is None
    assert limit(0.5, 0.04) is None


# ---- trend ----


def drifting(days, per_day_mv, start_mv=10.0, seed=0):
    """An hour of rest a day; the range drifts, with noise and a wild day."""
    rng = np.random.default_rng(seed)
    seconds = np.concatenate([np.arange(0, 3600, 60) + 86_400 * d for d in range(days)])
    mv = start_mv + per_day_mv * np.arange(days) + rng.normal(0, 0.5, days)
    mv[days // 2] += 30
    return pack(seconds, high=3.6 + np.repeat(mv, 60) / 1000)


def test_the_trend_is_robust_and_waits_for_two_weeks():
    outputs, _, state = run(drifting(90, 0.4))
    t, x = outputs["imbalance_trend"]
    assert ((t + 1) % DAY == 0).all()
    assert np.isnan(x[:14]).all()
    assert x[30:] == pytest.approx(0.012, rel=0.1)
    assert len(state.days.numbers) == len(state.days.medians) == 60
    assert state.days.today == ()
    falling, _, _ = run(drifting(30, -0.4, 40.0))
    assert column(falling, "imbalance_trend")[-1] == pytest.approx(-0.012, rel=0.1)


def test_theil_sen_is_the_median_of_all_slopes():
    days, y = np.array([0, 1, 3, 4]), np.array([0.0, 1.0, 2.0, 40.0])
    assert theil_sen(days, y) == pytest.approx(np.median([1, 2 / 3, 10, 0.5, 13, 38]))


def test_doubtful_estimates_do_not_enter_the_trend():
    seconds = np.arange(0, 30 * 86_400, 120)
    inputs = {**lfp(0.5, 0.04, 1)}
    inputs |= {name: series(seconds, inputs[name].x[-1]) for name in ("v_cell_min", "v_cell_max", "current")}
    outputs, _, state = run(inputs)
    assert "imbalance_trend" not in outputs
    assert state.days.numbers == ()
    assert ["curve is too flat" in line for line in model().notices(state)] == [True]


# ---- notices ----


def test_extremes_that_are_mixed_up_are_noticed():
    swapped = pack(MINUTES, low=3.62, high=3.60)
    outputs, _, state = run(swapped)
    assert column(outputs, "voltage_range").tolist() == [0] * 20
    assert column(outputs, "soc_imbalance").tolist() == [0] * 4
    assert any("mixed up" in line for line in model().notices(state))
    assert model().notices(model().initial()) == []
    assert model().notices(run(pack(MINUTES, low=3.601, high=3.6))[2]) == []


# ---- any history, any cut ----

KINDS = ("both", "apart", "cells", "on change")


def random_stamps(rng, seconds, step):
    """Stamps with gaps and pauses; some fall on a block's edge."""
    t = np.cumsum(rng.choice([step, step, step, 2 * step, 7 * step, 3000], 2 + int(seconds / step / 2)))
    t = t[t < seconds] + rng.integers(0, 3)
    edges = rng.integers(0, seconds // 300, 3) * 300
    return np.unique(np.concatenate((t, edges)))


def random_inputs(rng):
    seconds, step = int(rng.choice([7200, 20_000, 190_000])), int(rng.choice([20, 60, 170, 400]))
    if seconds == 190_000:
        step = max(step, 170)
    kind = KINDS[rng.integers(len(KINDS))]
    more = {"telemetry": "on_change", "max_silence_s": 900} if kind == "on change" else {}
    rule = {"cadence_s": step, **more}
    inputs = {"capacity": 100.0, "chemistry": str(rng.choice(["NMC", "LFP"]))}
    t = random_stamps(rng, seconds, step)
    amps = np.repeat(rng.choice([0.0, 0.3, 4.0, 30.0, -45.0], len(t) // 6 + 1, p=[0.4, 0.2, 0.1, 0.15, 0.15]), 6)
    inputs["current"] = series(t, amps[: len(t)], **rule)
    base = 3.3 + 0.02 * rng.normal()
    if kind == "cells":
        x = np.round(base + rng.normal(0, 0.01, 3) + rng.normal(0, 0.001, (len(t), 3)), 3)
        x[rng.random(x.shape) < rng.choice([0.0, 0.1, 0.6])] = np.nan
        stays = ~np.isnan(x).all(axis=1)
        inputs["cell_voltages"] = table(t[stays], x[stays], **rule)
    else:
        other = t if kind == "both" else random_stamps(rng, seconds, step)
        wide = rng.choice([0.01, 0.05, 0.2])
        inputs["v_cell_min"] = series(t, np.round(base + rng.normal(0, 0.002, len(t)), 3), **rule)
        inputs["v_cell_max"] = series(other, np.round(base + wide + rng.normal(0, wide / 3, len(other)), 3), **rule)
    for name, values in (("temperature", rng.normal(15, 10, len(t))), ("soc", rng.random(len(t)))):
        if rng.random() < 0.5:
            inputs[name] = series(t, values, **rule)
    return inputs


@settings(max_examples=250, deadline=None)
@example(1389)  # the sensors of an open block first speak in another order than they are listed
@given(st.integers(0, 2**32 - 1))
def test_any_cut_gives_the_same_bits(seed):
    rng = np.random.default_rng(seed)
    inputs = random_inputs(rng)
    start, end = START, last_stamp(inputs) + int(rng.choice([1, 500 * S, DAY]))
    stamps = np.concatenate([v.t for v in inputs.values() if isinstance(v, Samples | Table)])
    near = rng.choice(stamps, 9) + rng.choice([0, 1, 10 * S, 299 * S], 9)
    edges = (rng.choice(stamps, 9) // BLOCK + 1) * BLOCK - rng.choice([0, 1], 9)
    cuts = np.concatenate((near, edges))[: int(rng.integers(1, 18))]
    days = np.arange(START + DAY, end, DAY) if rng.random() < 0.5 else []
    config = {"window_s": float(rng.choice([300, 120, 900])), "voltage_range_limit_mv": float(rng.choice([8, 60]))}
    once = fold(model(**config), inputs, [start, end])
    cut = fold(model(**config), inputs, [start, *sorted({int(c) for c in [*cuts, *days] if start < c < end}), end])
    assert once[2].model_dump_json() == cut[2].model_dump_json()
    assert once[1] == cut[1]
    assert once[0].keys() == cut[0].keys()
    for name, (t, x) in once[0].items():
        assert np.array_equal(t, cut[0][name][0]), name
        assert np.array_equal(x.view(np.int64), cut[0][name][1].view(np.int64)), name


def plain_blocks(inputs, end):
    """Start and spread (V) of each block at rest of extremes, by loops over seconds and sorted lists."""
    current, gap = inputs["current"], inputs["current"].declared.max_interval_s()
    t = [(s - START) / S for s in current.t.tolist()]
    held = [(a, min(a + gap, b)) for a, b in pairwise([*t, (end - START) / S])]
    found = []
    for begin in range(0, int((end - START) / S) // 300 * 300, 300):
        inside = [
            (max(a, begin), min(b, begin + 300), abs(x) >= 5) for (a, b), x in zip(held, current.x, strict=True)
        ]
        inside = [(a, b, loud) for a, b, loud in inside if b > a]
        if any(loud for _, _, loud in inside) or sum(b - a for a, b, _ in inside) < 120:
            continue
        sides = []
        for name in ("v_cell_min", "v_cell_max"):
            v = inputs[name]
            mine = np.sort(v.x[(v.t >= at(begin)) & (v.t < at(begin + 300))])
            sides.append(mine)
        if all(len(side) for side in sides):
            found.append((begin, grouped(sides[1]) - grouped(sides[0])))
    return found


def grouped(x, step=0.001):
    middle = float(np.median(x))
    below, above = (x < middle - step / 4).sum(), (x > middle + step / 4).sum()
    same = len(x) - below - above
    return middle + step * (above - below) / (2 * same) if same else middle


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_blocks_and_medians_match_plain_loops(seed):
    rng = np.random.default_rng(seed)
    inputs = {"cell_voltages": None}
    while "cell_voltages" in inputs or inputs["current"].declared.telemetry == "on_change":
        inputs = random_inputs(rng)
    inputs |= {"chemistry": "NMC", "ocv_table": LINEAR}
    end = (last_stamp(inputs) // BLOCK + 2) * BLOCK
    outputs, _, _ = fold(model(cell_offset_mv=0.0), inputs, [START, end])
    expected = plain_blocks(inputs, end)
    assert blocks(outputs) == [begin for begin, _ in expected]
    if expected:
        soc = column(outputs, "soc_imbalance")
        given_ = ~np.isnan(soc)
        assert soc[given_] == pytest.approx(np.maximum([v for _, v in expected], 0.0)[given_], abs=1e-9)


# ---- reference data ----


def test_simulated_strings_and_known_curves(reference_data):
    found = {(row.data_set, row.quantity): row for row in rows(reference_data)}
    for how in ("all cells", "extremes"):
        nmc = found["string8_nmc_2d_10s", f"SOC spread at rest, {how}"]
        assert nmc.n > 400
        assert nmc.error <= nmc.target == 0.005
        assert (nmc.coverage_1, nmc.coverage_2) == (1.0, 1.0)
    lfp_ = found["resting LFP string, own curve within 1 σ", "SOC spread, medium or high"]
    assert lfp_.n > 600
    assert lfp_.error <= lfp_.target == 0.02
    assert lfp_.coverage_1 >= 0.80
    assert lfp_.coverage_2 >= 0.98
    drawn = found["resting LFP string, own curve drawn", "SOC spread, medium or high"]
    assert drawn.coverage_1 >= 0.75
    assert drawn.coverage_2 >= 0.95
    for chemistry, twice in (("NMC", 0.88), ("NCA", 0.97), ("LCO", 0.87), ("LFP", 0.97)):
        row = found[f"resting {chemistry} strings, packaged curve", "SOC spread"]
        assert row.coverage_1 >= 0.68, chemistry
        assert row.coverage_2 >= twice, chemistry


def test_lfp_by_a_curve_that_is_off_is_rarely_wrong_by_more_than_two_percent(reference_data):
    found = own_lfp(reference_data, drawn_offsets())
    assert (found["error"].abs() > 0.02).mean() < 0.015


@pytest.mark.parametrize("each", [True, False])
def test_the_lfp_string_is_on_the_plateau_and_says_so(reference_data, each):
    found = judged(*string_inputs(reference_data, "lfp_3d", each=each))
    assert len(found) > 600
    assert found["level"].max() <= 1
    given_ = found.dropna(subset=["soc"])
    assert 10 <= len(given_) <= 25
    assert (given_["error"].abs() <= 2 * given_["sigma"]).mean() > 0.9
    assert given_["error"].abs().median() < 0.005


def test_cars_beside_their_warning_level(reference_data):
    days = comparison(reference_data)
    medians = days.groupby("car")["soc_imbalance"].median()
    assert medians["baticm_car1"] == pytest.approx(0.108, abs=0.01)
    assert medians["baticm_car3"] == pytest.approx(0.042, abs=0.01)
    assert medians["baticm_car4"] == pytest.approx(0.015, abs=0.004)
    car2 = days[days["car"] == "baticm_car2"].set_index("day")
    assert car2.loc["2019-04", "soc_imbalance"].median() == pytest.approx(0.042, abs=0.01)
    assert car2.loc["2019-07-16":, "soc_imbalance"].median() > 0.11
    assert car2["trend"].iloc[-10:].median() > 0.05
    assert car2.loc["2019-07-12":, "imbalance"].all()
    opened = days[days["imbalance"]].groupby("car")["day"].min().dt.strftime("%Y-%m-%d").to_dict()
    assert opened == {"baticm_car1": "2021-05-06", "baticm_car2": "2019-05-08", "baticm_car4": "2019-07-09"}
    burnt = days[(days["car"] == "baticm_car4") & (days["warning_level"] == 3)]
    assert burnt["agreement"].tolist() == ["agree"]
    assert set(days[days["car"] == "baticm_car3"]["agreement"]) == {
        "agree", "warning while charging", "warning while standing",
    }  # fmt: skip


# ---- the simulator ----


def simulated(index, cells=0):
    asset = simulate_asset(FleetSpec(assets=index + 1, days=12, seed=1, cells=cells), index)
    rule = SensorRule(cadence_s=60)
    names = {"current": "current", "temperature": "temperature"}
    if cells:
        columns = [f"cell_voltage_{k + 1}" for k in range(cells)]
        t = asset.sensors[columns[0]][0]
        x = np.stack([asset.sensors[name][1] for name in columns], axis=1)
        inputs = {"cell_voltages": Table(t, x, tuple(columns), 0, rule)}
    else:
        inputs, names = {}, {**names, "v_cell_min": "cell_voltage_min", "v_cell_max": "cell_voltage_max"}
    inputs |= {name: Samples(*asset.sensors[sensor], 0, rule) for name, sensor in names.items()}
    inputs |= {name: asset.parameters[name] for name in ("capacity", "chemistry")}
    return asset, inputs


@pytest.mark.parametrize("cells", [0, 6])
def test_a_weak_cell_shows_as_imbalance(cells):
    asset, inputs = simulated(3, cells)
    (fault,) = asset.faults
    assert fault.kind == "weak_cell"
    first, end = int(inputs["current"].t[0]), last_stamp(inputs) + 1
    outputs, records, state = fold(model(), inputs, [*range(first, end, DAY), end])
    assert len({r.started_at for r in records}) == 1
    assert 0 <= records[0].started_at - fault.started_at < DAY
    assert state.breach.record is not None
    t, soc = outputs["soc_imbalance"]
    before, after = soc[t < fault.started_at], soc[t > fault.started_at + DAY]
    assert np.nanmax(before) < 0.03
    assert np.nanmax(after) > 0.1
    if cells:
        assert records[-1].detail["lowest_cell"] == fault.detail["cell"]


def test_sound_assets_have_no_records():
    for index in range(3):
        _, inputs = simulated(index)
        _, records, _ = fold(model(), inputs, [int(inputs["current"].t[0]), last_stamp(inputs) + 1])
        assert records == []
