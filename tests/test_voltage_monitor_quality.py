"""Voltage monitor: breaches that do not last, dirt in the data, injected faults, and the real cars."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_voltage_monitor import (
    DAY,
    START,
    S,
    at,
    fold,
    last_stamp,
    model,
    of_kind,
    pack,
    random_side,
    run,
    seconds,
    table,
)

from actors import Fleet
from benchmarks.accuracy_voltage import DELIVERY, OVER_VOLTAGE, SOUND, WEAK_CELL, fleet, injected, judged, peak
from benchmarks.warning_level_voltage import warning_level_voltage

DETAIL = ("what", "side", "count", "limit", "value", "at")


def spikes(records):
    """Quality records, short: (version, start, end, count, worst, its time)."""
    return [
        (*map(seconds, (r.at, r.started_at, r.ended_at)), r.detail["count"], r.value, seconds(r.detail["at"]))
        for r in of_kind(records, "quality")
    ]


def test_a_spike_is_a_quality_event_and_no_alert():
    outputs, records, state = run(pack([0, 30, 60], high=[4.1, 4.9, 4.1]))
    assert of_kind(records) == []
    (record,) = of_kind(records, "quality")
    assert (record.cell, record.severity, record.value) == ("high", 1, 4.9)
    assert (record.started_at, record.at, record.ended_at) == (at(30), at(60), at(60))
    assert dict(record.detail) == dict(zip(DETAIL, ("spike", "high", 1, 4.2, 4.9, at(30)), strict=True))
    assert outputs["voltage_status"][1].tolist() == [0, 0, 0]
    assert state.high.pending is None


@pytest.mark.parametrize(
    ("stamps", "volts", "expected"),
    [
        pytest.param([0, 5, 9, 12], [4.21, 4.3, 4.21, 4.2], [(12, 0, 12, 1, 4.3, 5)], id="shorter than the delay"),
        pytest.param([0, 10, 30], [4.21, 4.1, 4.1], [(10, 0, 10, 1, 4.21, 0)], id="at the very beginning"),
        pytest.param([0, 10, 500, 510], [4.1, 4.3, 4.3, 4.1],
                     [(510, 10, 510, 2, 4.3, 10)], id="silence ends one, the next sample another"),
        pytest.param([0, 10, 20, 30, 40, 50], [4.3, 4.1, 4.4, 4.1, 4.3, 4.1],
                     [(50, 0, 50, 3, 4.4, 20)], id="three in a day, the worst is told"),
        pytest.param([0, 10, 20], [4.3, 4.3, 4.1], [], id="an alert is none"),
        pytest.param([0, 10, 20, 25, 60, 70], [4.3, 4.3, 4.1, 4.3, 4.1, 4.1], [], id="nor is a part of one"),
        pytest.param([0, 10, 20, 60, 61, 70], [4.3, 4.3, 4.1, 4.1, 4.3, 4.1],
                     [(70, 61, 70, 1, 4.3, 61)], id="after an alert it is one again"),
        pytest.param([0, 10], [4.1, 4.3], [], id="not yet known"),
    ],
)  # fmt: skip
def test_what_counts_as_a_spike(stamps, volts, expected):
    assert spikes(run(pack(stamps, high=volts))[1]) == expected
    mirrored = run(pack(stamps, low=[round(7.2 - v, 4) for v in volts]), voltage_low_critical=2.95)[1]
    assert [(*s[:4], pytest.approx(7.2 - s[4]), s[5]) for s in spikes(mirrored)] == expected


def test_silence_tells_when_the_sample_has_become_too_old():
    inputs = pack([0, 10], high=[4.1, 4.3])
    assert spikes(run(inputs, until=130)[1]) == []
    assert spikes(run(inputs, until=131)[1]) == [(130, 10, 130, 1, 4.3, 10)]


def test_one_record_per_side_and_day():
    stamps = np.arange(0, 3 * 86_400, 60) + 30
    high, low = np.where(np.arange(len(stamps)) % 2, 4.3, 4.1), np.where(np.arange(len(stamps)) % 7, 3.5, 2.9)
    inputs = pack(stamps, low=low, high=high)
    records = of_kind(run(inputs)[1], "quality")
    assert [r.detail["count"] for r in records if r.cell == "high"] == [719, 720, 720]
    assert len(records) == 6
    assert len({(r.cell, r.started_at) for r in records}) == 6
    edges = [START - DAY, *(START + k * DAY for k in range(4))]
    assert sorted(fold(model(), inputs, edges)[1], key=repr) == sorted(run(inputs)[1], key=repr)


def test_a_spike_of_a_table_names_its_cell():
    rows = [[3.7, 3.7, 3.6], [3.7, 4.8, 3.6], [3.7, 3.7, 3.6]]
    (record,) = run({"chemistry": "NMC", "cell_voltages": table([0, 30, 60], rows)})[1]
    assert (record.detail["cell"], record.value) == ("c2", 4.8)


def plain_spikes(samples, sign, warning, end, gap=120 * S):
    """(first sample, known at, worst) of every breach that came to no alert, by an event loop."""
    found, begun, alert, back, back_last = [], None, False, None, 0
    for t, x in [*zip(samples.t.tolist(), samples.x.tolist(), strict=True), (None, 0.0)]:
        now = end if t is None else t
        last = begun[1] if begun else None
        if back is not None and back + 30 * S <= min(back_last + gap, now if t is not None else now - 1):
            alert, back, begun = False, None, None
        if begun and not alert and last + gap < now:
            found.append((begun[0], last + gap, begun[2]))
            begun = None
        if back is not None and back_last + gap < now:
            back = None
        if t is None:
            return found
        if sign * x > sign * warning:
            begun = (begun[0], t, max(begun[2], x, key=lambda v: sign * v)) if begun else (t, t, x)
            alert = alert or (t > begun[0] and t - begun[0] >= 10 * S)
        else:
            if begun and not alert:
                found.append((begun[0], t, begun[2]))
            begun = begun if alert else None
        inside = sign * x <= round(sign * warning - 0.05, 9)
        back = (back or t) if alert and inside else None
        back_last = t
    raise AssertionError


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_spikes_match_a_plain_event_loop(seed):
    rng = np.random.default_rng(seed)
    inputs = {"chemistry": "NMC", "v_cell_min": random_side(rng), "v_cell_max": random_side(rng)}
    end = last_stamp(inputs) + int(rng.choice([1, 40 * S, 500 * S]))
    edges = [START, *range(START + DAY, end, DAY), end]
    records = of_kind(fold(model(), inputs, edges)[1], "quality")
    for side, sign, warning in (("low", -1, 3.0), ("high", 1, 4.2)):
        expected: dict[int, list] = {}
        for found in plain_spikes(inputs["v_cell_min" if sign < 0 else "v_cell_max"], sign, warning, end):
            expected.setdefault(found[1] // DAY, []).append(found)
        told = [
            (day[0][0], day[-1][1], len(day), max((f[2] for f in day), key=lambda v: sign * v))
            for day in expected.values()
        ]
        ours = [(r.started_at, r.at, r.detail["count"], r.value) for r in records if r.cell == side]
        assert ours == told


# ---- dirt, through the whole engine ----

SETTINGS = """{"parameters": {"sensors": {
  "current": {"unit": "A", "current_sign": "discharge_positive", "cadence_s": 60},
  "pack_voltage": {"unit": "V", "valid_range": [50, 1000], "cadence_s": 60},
  "cell_voltage_*": {"unit": "V", "cadence_s": 60}, "temperature": {"unit": "°C", "cadence_s": 60},
  "soc": {"unit": "%"}},
  "models": {"eq_cycles": {"inputs": {"voltage": "pack_voltage"}},
             "voltage_monitor": {"configuration": {"temperature_compensation": true}}},
  "execution": {"enabled_models": "eq_cycles,voltage_monitor"}}}"""
DIRT = {
    "cell_voltage_max": [65.535, 65535.0, 5.0, 66.535],
    "cell_voltage_min": [0.0, 65.535, 0.1],
    "temperature": [125.0, 255.0, 6553.5],
    "pack_voltage": [1310.7, 0.0],
}


def events_of(asset):
    parts = [
        pd.DataFrame({"asset_id": "EV", "sensor": name, "ts": pd.to_datetime(t, unit="us", utc=True), "value": x})
        for name, (t, x) in asset.sensors.items()
    ]
    return pd.concat(parts, ignore_index=True)


def told_by(folder, events, asset):
    """A store's digest and its alerts after one run over these events."""
    folder.mkdir()
    (folder / "settings.json").write_text(SETTINGS)
    parameters = ",".join(str(asset.parameters[name]) for name in ("capacity", "chemistry"))
    (folder / "assets.csv").write_text(f"asset_id,capacity,chemistry\nEV,{parameters}\n")
    events.to_parquet(folder / "events.parquet")
    found = Fleet(folder / "store", folder / "settings.json")
    found.ingest(folder / "events.parquet")
    found.import_assets(folder / "assets.csv")
    assert found.run(local=True).parked == []
    return found.digest(), found.sql("select kind, cell from records").fetchall()


def test_dirt_raises_no_alert_and_moves_no_counter(tmp_path):
    """Sentinels instead of samples, duplicates, and days of silence: the result is that of the samples left."""
    asset = fleet(9, 1, 60, 0)
    clean = events_of(asset)
    silent = (clean["ts"] - clean["ts"].min()).between(pd.Timedelta("3D"), pd.Timedelta("8D"))
    clean = clean[~silent].reset_index(drop=True)
    rng = np.random.default_rng(1)
    dirty, hit = clean.copy(), np.zeros(len(clean), dtype=bool)
    for sensor, values in DIRT.items():
        places = rng.choice(clean.index[clean["sensor"] == sensor][1:-1], 200, replace=False)
        dirty.loc[places, "value"] = np.resize(values, 200)
        hit[places] = True
    dirty = pd.concat([dirty, dirty.sample(500, random_state=1)], ignore_index=True)
    digest, records = told_by(tmp_path / "dirty", dirty, asset)
    assert records == []
    assert digest == told_by(tmp_path / "clean", clean[~hit], asset)[0]


# ---- injected faults, simulated truth, real cars ----


@pytest.mark.parametrize("cells", [0, 12])
@pytest.mark.parametrize("cadence_s", [10, 60, 300])
@pytest.mark.parametrize("index", [WEAK_CELL, OVER_VOLTAGE])
def test_every_injected_fault_is_an_alert_at_the_expected_moment(index, cadence_s, cells):
    for verdict in injected(index, cadence_s, cells, seeds=(1, 2)):
        assert verdict.expected > 0
        assert (verdict.raised, verdict.agreeing, verdict.inside) == (verdict.expected, verdict.expected, True)


@pytest.mark.parametrize("index", SOUND + DELIVERY)
def test_a_sound_asset_raises_none(index):
    verdict = judged(fleet(index, 1, 60, 0))
    assert (verdict.raised, verdict.quality) == (0, 0)


@pytest.mark.reference
def test_the_simulated_cell_that_is_charged_too_far(reference_data):
    assert peak(reference_data) == pytest.approx(4.276, abs=0.002)


@pytest.mark.reference
@pytest.mark.parametrize("cells", [False, True])
def test_the_real_cars_warn_of_voltage_on_one_day_only(reference_data, cells):
    """On every other day with a warning all cells keep 30 mV or more to their limits: it is of something else."""
    days = warning_level_voltage(reference_data, cells=cells)
    alerts = days[days["severity"] > 0]
    assert alerts[["car", "warning_level", "severity"]].to_numpy().tolist() == [["baticm_car4", 3.0, 2]]
    assert alerts["day"].dt.strftime("%F").tolist() == ["2019-07-09"]
    assert alerts["while_warning"].tolist() == ["cells beyond a limit"]
    apart = days[days["agreement"].eq(False)]
    assert len(apart) > 80
    assert (apart["severity"] == 0).all()
    assert apart["margin_v"].min() > 0.03
    assert days.loc[days["agreement"].isna(), "car"].unique().tolist() == ["baticm_car1"]
