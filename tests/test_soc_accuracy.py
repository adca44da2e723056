"""Accuracy of the SOC estimate, and the coverage of its uncertainty, on the reference data."""

import math

import numpy as np
import pytest

from benchmarks.accuracy_soc import (
    laboratory_lfp,
    laboratory_nca,
    simulated_lfp,
    simulated_nmc,
    vehicle_estimates,
)

pytestmark = pytest.mark.reference


@pytest.mark.parametrize("measure", [simulated_nmc, simulated_lfp])
def test_simulated_cells_reach_their_targets(reference_data, measure):
    for row in measure(reference_data):
        assert row.error <= row.target, row
        assert row.coverage_2 >= 0.95, row
        assert row.n >= 30, row


def test_simulated_nmc_is_far_better_than_its_target(reference_data):
    """Its table is exact, so that what is left is noise and relaxation: a slip of sign or time would show here."""
    anchors, continuous = simulated_nmc(reference_data)
    assert anchors.error < 0.0015
    assert continuous.error < 0.0015
    assert continuous.worst < 0.005


def test_laboratory_nca_reaches_its_target_where_it_is_warm(reference_data):
    """The 10 °C log has holes that hide up to 6 % of the charge: there the counter stands in for the lost current."""
    for row in laboratory_nca(reference_data):
        if math.isnan(row.target):
            assert row.error < 0.04, row
        else:
            assert row.error <= row.target, row
        if row.data_set != "laboratory NCA, 10 °C" or "alone" in row.quantity:
            assert row.coverage_2 >= 0.95, row


def test_laboratory_lfp_stays_within_the_plateaus_target(reference_data):
    for row in laboratory_lfp(reference_data):
        assert row.coverage_2 >= 0.95, row
        assert math.isnan(row.target) or row.error <= row.target, row


def test_real_vehicles_give_sane_results(reference_data):
    """Sentinels, holes and duplicates as they come; the BMS is no truth, and the table is not the cars' own."""
    rests, gaps = 0, 0
    for asset, found, t, bms in vehicle_estimates(reference_data):
        assert ((found.soc >= 0) & (found.soc <= 1)).all(), asset
        assert np.isfinite(found.sigma).all(), asset
        error = np.abs(found.soc - bms[np.searchsorted(t, found.t, side="right") - 1])
        assert np.mean(error <= 2 * found.sigma) > 0.9, asset
        own = np.array(
            [(r.detail["ocv_soc"], bms[np.searchsorted(t, r.at, side="right") - 1]) for r in found.evaluations]
        )
        assert np.median(np.abs(own[:, 0] - own[:, 1])) < 0.15, asset
        rests, gaps = rests + found.rests, gaps + found.gap_rests
    assert rests > 250
    assert gaps > 0.8 * rests
