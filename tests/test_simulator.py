"""The fleet simulator keeps its promises: determinism, exact truth, limits, and faults that are as declared."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from altergo_interface.errors import ParameterError, SelectionError
from models._simulator import (
    FAULT_KINDS,
    AssetHistory,
    Fault,
    FleetSpec,
    simulate_asset,
    simulate_fleet,
)
from models._simulator.circuit import first_order
from models._simulator.pack import CELL_LIMITS_V
from models._simulator.simulation import simulate

FLEET = FleetSpec(assets=84, days=3, seed=7)  # every kind of fault on every duty
SOUND = FleetSpec(assets=84, days=3, seed=7, faults=False)


@cache
def fleet() -> tuple[AssetHistory, ...]:
    return tuple(simulate_fleet(FLEET))


def with_fault(kind: str) -> list[tuple[AssetHistory, AssetHistory, Fault]]:
    """(faulty asset, the same asset without its fault, fault) for one kind."""
    return [
        (asset, simulate_asset(SOUND, index), asset.faults[0])
        for index, asset in enumerate(fleet())
        if asset.faults and asset.faults[0].kind == kind
    ]


def limits(asset: AssetHistory) -> tuple[float, float]:
    return CELL_LIMITS_V[str(asset.parameters["chemistry"])]


def inside(t: NDArray[np.int64], fault: Fault) -> NDArray[np.bool_]:
    return (t >= fault.started_at) & (t < fault.ended_at)


def longest_run(mask: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def assert_same(a: AssetHistory, b: AssetHistory, samples: int | None = None) -> None:
    assert a.asset_id == b.asset_id
    assert a.parameters == b.parameters
    assert a.sensors.keys() == b.sensors.keys()
    for name, (t, values) in a.sensors.items():
        np.testing.assert_array_equal(t[:samples], b.sensors[name][0][:samples])
        np.testing.assert_array_equal(values[:samples], b.sensors[name][1][:samples])


# Determinism


def test_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    for index in (0, 3, 4, 7, 11):
        assert_same(simulate_asset(FLEET, index), fleet()[index])
    other = simulate_asset(FleetSpec(assets=1, days=3, seed=8), 0)
    assert not np.array_equal(other.sensors["current"][1], fleet()[0].sensors["current"][1])


def test_an_asset_does_not_depend_on_the_size_of_the_fleet() -> None:
    for asset, known in zip(simulate_fleet(FleetSpec(assets=5, days=3, seed=7)), fleet()[:5], strict=True):
        assert_same(asset, known)
        assert asset.faults == known.faults
        assert asset.truth == known.truth


def test_a_longer_sound_history_begins_with_the_shorter_one() -> None:
    longer = FleetSpec(assets=84, days=5, seed=7, faults=False)
    for index in range(6):
        assert_same(simulate_asset(longer, index), simulate_asset(SOUND, index), samples=3 * 1440)


def test_wrong_specs_are_refused() -> None:
    sound = FleetSpec(assets=1, days=1)
    changes: list[dict[str, Any]] = [{"days": 0}, {"assets": -1}, {"cadence_s": 0}, {"start_us": 1}]
    for wrong in changes:
        with pytest.raises(ParameterError):
            replace(sound, **wrong)
    with pytest.raises(SelectionError):
        simulate_asset(FLEET, 84)


# Physics


def test_first_order_equals_a_plain_loop() -> None:
    drive = np.random.default_rng(1).normal(size=3000)
    for keep in (0.0, 0.3, 0.9, 0.9999):
        expected = np.empty(len(drive))
        expected[0] = 0.7
        for k in range(len(drive) - 1):
            expected[k + 1] = keep * expected[k] + (1 - keep) * drive[k]
        np.testing.assert_allclose(first_order(drive, keep, 0.7), expected, rtol=1e-10, atol=1e-13)


def test_first_order_step_response_is_exponential() -> None:
    step = first_order(np.ones(1000), float(np.exp(-60 / 300)), 0.0)
    np.testing.assert_allclose(step, 1 - np.exp(-60 * np.arange(1000) / 300), atol=1e-14)


def test_state_of_charge_stays_in_bounds_and_counts_the_current() -> None:
    for index in range(30):
        sim = simulate(SOUND, index)
        assert sim.soc.min() >= 0.05
        assert sim.soc.max() <= 0.98
        counted = sim.soc[0] - np.cumsum(sim.current) * 60 / 3600 / sim.pack.capacity_ah
        np.testing.assert_allclose(sim.soc[1:], counted, atol=1e-12)


def test_sound_assets_keep_ten_millivolts_from_their_limits() -> None:
    for asset in (simulate_asset(SOUND, index) for index in range(84)):
        low, high = limits(asset)
        assert asset.sensors["cell_voltage_min"][1].min() >= low + 0.01
        assert asset.sensors["cell_voltage_max"][1].max() <= high - 0.01


@pytest.mark.parametrize("cadence_s", [1, 10, 600])
def test_limits_and_truth_hold_at_other_cadences(cadence_s: int) -> None:
    spec = FleetSpec(assets=4, days=1, seed=3, cadence_s=cadence_s, faults=False)
    for asset in simulate_fleet(spec):
        low, high = limits(asset)
        assert len(asset.sensors["soc"][0]) == 86_400 // cadence_s
        assert asset.sensors["cell_voltage_min"][1].min() >= low + 0.01
        assert asset.sensors["cell_voltage_max"][1].max() <= high - 0.01
        counted = np.abs(asset.sensors["current"][1]).sum() * cadence_s / 3600
        assert counted == pytest.approx(asset.truth["throughput_ah"], rel=0.01)


def test_truth_throughput_is_the_integral_of_the_delivered_current() -> None:
    for index in range(12):
        asset = simulate_asset(SOUND, index)
        current, truth = asset.sensors["current"][1], asset.truth
        discharged, charged = np.maximum(current, 0).sum() / 60, np.maximum(-current, 0).sum() / 60
        # Rectified sensor noise at rest adds up to 0.4 %.
        assert discharged == pytest.approx(truth["discharge_throughput_ah"], rel=0.004)
        assert charged == pytest.approx(truth["charge_throughput_ah"], rel=0.004)
        assert truth["throughput_ah"] == truth["charge_throughput_ah"] + truth["discharge_throughput_ah"]
        cycles = truth["throughput_ah"] / (2 * float(str(asset.parameters["capacity"])))
        assert truth["equivalent_cycles"] == pytest.approx(cycles, rel=1e-12)
        net_ah = truth["discharge_throughput_ah"] - truth["charge_throughput_ah"]
        drop = truth["initial_soc"] - truth["final_soc"]
        assert net_ah == pytest.approx(drop * float(str(asset.parameters["capacity"])), abs=1e-9)


def test_a_closed_cycle_loses_energy_but_not_much() -> None:
    for index in range(12):
        asset = simulate_asset(SOUND, index)
        power = asset.sensors["pack_voltage"][1] * asset.sensors["current"][1]
        charged, discharged = -power[power < 0].sum() / 60, power[power > 0].sum() / 60
        assert 0.9 < discharged / charged < 0.998
        assert charged + discharged == pytest.approx(asset.truth["energy_wh"], rel=0.004)


def test_cell_sensors_agree_with_the_extremes_and_the_pack() -> None:
    asset = simulate_asset(FleetSpec(assets=1, days=1, cells=12), 0)
    cells = np.array([asset.sensors[f"cell_voltage_{k}"][1] for k in range(1, 13)])
    assert asset.parameters["cells_in_series"] == 12
    np.testing.assert_array_equal(cells.min(axis=0), asset.sensors["cell_voltage_min"][1])
    np.testing.assert_array_equal(cells.max(axis=0), asset.sensors["cell_voltage_max"][1])
    np.testing.assert_allclose(cells.sum(axis=0), asset.sensors["pack_voltage"][1], atol=0.03)


# Faults


def test_one_asset_in_four_is_faulty_and_all_kinds_occur() -> None:
    kinds = [asset.faults[0].kind for asset in fleet() if asset.faults]
    assert len(kinds) == 21
    assert set(kinds) == set(FAULT_KINDS)
    assert not any(asset.faults for asset in simulate_fleet(SOUND))


@pytest.mark.parametrize("cells", [0, 8])
def test_weak_cell_stays_under_the_low_limit_for_minutes(cells: int) -> None:
    # Assets 3, 31 and 59 carry it: one of each duty.
    for index, days in ((3, 3), (31, 3), (59, 3), (3, 1), (31, 1), (59, 1)):
        asset = simulate_asset(FleetSpec(assets=84, days=days, seed=7, cells=cells), index)
        fault, (low, high) = asset.faults[0], limits(asset)
        t, lowest = asset.sensors["cell_voltage_min"]
        assert fault.kind == "weak_cell"
        assert 0.2 < float(str(fault.detail["capacity_factor"])) < 0.99
        assert longest_run(lowest < low - 0.02) >= 5
        assert lowest[~inside(t, fault)].min(initial=np.inf) >= low + 0.01
        assert asset.sensors["cell_voltage_max"][1].max() <= high - 0.01


def test_weak_cell_touches_no_other_cell() -> None:
    asset = simulate_asset(FleetSpec(assets=4, days=2, cells=8), 3)
    sound = simulate_asset(FleetSpec(assets=4, days=2, cells=8, faults=False), 3)
    names = [f"cell_voltage_{k}" for k in range(1, 9)]
    changed = [n for n in names if not np.array_equal(asset.sensors[n][1], sound.sensors[n][1])]
    assert changed == [f"cell_voltage_{asset.faults[0].detail['cell']}"]
    assert asset.truth["throughput_ah"] == sound.truth["throughput_ah"]


def test_over_voltage_is_clear_lasts_minutes_and_returns_by_far() -> None:
    for asset, _, fault in with_fault("over_voltage"):
        (low, high), (t, highest) = limits(asset), asset.sensors["cell_voltage_max"]
        hit = inside(t, fault)
        assert hit.sum() == 10
        np.testing.assert_allclose(highest[hit], high + 0.1, atol=0.006)
        assert highest[~hit].max() <= high - 0.05
        assert np.all(asset.sensors["current"][1][hit] < 0)
        assert asset.sensors["cell_voltage_min"][1].min() >= low + 0.01


def test_gap_removes_its_events_and_no_other() -> None:
    for asset, sound, fault in with_fault("gap"):
        for name, (t, values) in sound.sensors.items():
            kept = ~inside(t, fault)
            assert 180 <= (~kept).sum() == fault.detail["events_per_sensor"]
            np.testing.assert_array_equal(asset.sensors[name][0], t[kept])
            np.testing.assert_array_equal(asset.sensors[name][1], values[kept])


def test_stuck_repeats_one_value_where_the_truth_moves() -> None:
    for asset, sound, fault in with_fault("stuck"):
        (t, values), truth = asset.sensors[fault.sensor], sound.sensors[fault.sensor][1]
        hit = inside(t, fault)
        assert hit.sum() >= 180
        assert set(values[hit]) == {fault.detail["value"]}
        assert len(set(truth[hit])) > 10
        np.testing.assert_array_equal(values[~hit], truth[~hit])


def test_sentinels_are_single_samples_as_declared() -> None:
    for asset, sound, fault in with_fault("sentinel"):
        (t, values), truth = asset.sensors["cell_voltage_max"], sound.sensors["cell_voltage_max"][1]
        changed = values != truth
        assert t[changed].tolist() == fault.detail["times"]
        assert values[changed].tolist() == fault.detail["values"] == [65.535, 0.0] * 3
        assert longest_run(changed) == 1
        assert (t[changed][0], t[changed][-1] + 60_000_000) == (fault.started_at, fault.ended_at)


def test_late_events_arrive_after_later_ones_and_none_is_lost() -> None:
    for asset, sound, fault in with_fault("late"):
        for name, (t, values) in asset.sensors.items():
            hit = np.flatnonzero(inside(t, fault))
            assert t[hit[0] - 1] == fault.detail["delivered_after"]
            assert t[hit[0] - 1] > t[hit].max()
            order = np.argsort(t, kind="stable")
            np.testing.assert_array_equal(t[order], sound.sensors[name][0])
            np.testing.assert_array_equal(values[order], sound.sensors[name][1])


def test_duplicates_are_identical_and_the_rest_is_untouched() -> None:
    for asset, sound, fault in with_fault("duplicate"):
        for name, (t, values) in asset.sensors.items():
            unique, first, counts = np.unique(t, return_index=True, return_counts=True)
            assert set(counts[inside(unique, fault)]) == {2}
            assert set(counts[~inside(unique, fault)]) == {1}
            np.testing.assert_array_equal(values[first], sound.sensors[name][1])
            np.testing.assert_array_equal(values, values[first][np.searchsorted(unique, t)])


@pytest.mark.parametrize("cadence_s", [10, 600])
def test_every_fault_fits_a_single_day_at_any_cadence(cadence_s: int) -> None:
    spec = FleetSpec(assets=84, days=1, seed=5, cadence_s=cadence_s)
    end = spec.start_us + 86_400_000_000
    for index in range(3, 84, 4):
        (fault,) = simulate_asset(spec, index).faults
        assert spec.start_us <= fault.started_at < fault.ended_at <= end
