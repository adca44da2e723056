"""OCV tables: packaged ones, their inverse and its uncertainty, and a user's own, through the whole engine."""

import json
import re
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Fleet
from altergo_interface import ParameterError
from altergo_interface.config import load_settings
from altergo_interface.errors import SettingsError
from altergo_interface.ocv_columns import checked_ocv, read_ocv_csv
from models._ocv import CHEMISTRIES, OcvTable, load_table, table_for

LINE = {"soc": [0.0, 1.0], "ocv": [3.0, 4.0]}


def own(**columns):
    return table_for("NMC", LINE | columns)


# The packaged tables


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
def test_a_table_is_found_in_any_case_and_interpolates(chemistry: str) -> None:
    table = load_table(chemistry.lower())
    assert table is load_table(chemistry) is table_for(chemistry)
    assert table.generic
    assert table.chemistry == chemistry
    assert table.sigma_v >= 0.005
    np.testing.assert_array_equal(table.ocv(table.soc), table.open_circuit_v)
    assert table.ocv(0.505) == pytest.approx((table.open_circuit_v[50] + table.open_circuit_v[51]) / 2)
    assert table.ocv([-1.0, 2.0]).tolist() == [table.open_circuit_v[0], table.open_circuit_v[-1]]
    with pytest.raises(ValueError, match="read-only"):
        table.open_circuit_v[0] = 0.0


def test_unknown_chemistry_names_the_nearest() -> None:
    with pytest.raises(ParameterError, match="Did you mean 'NMC'"):
        load_table("NMC811")


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
@pytest.mark.parametrize("branch", [-1.0, 0.0, 0.3, 1.0])
def test_the_inverse_finds_the_way_back_on_every_branch(chemistry: str, branch: float) -> None:
    table, soc = load_table(chemistry), np.linspace(0.0, 1.0, 977)
    np.testing.assert_allclose(table.invert(table.ocv(soc, branch), branch), soc, atol=2e-9)


def test_the_inverse_takes_a_branch_for_each_value() -> None:
    table = load_table("LFP")
    v = [table.ocv(0.5, -1.0), table.ocv(0.5, 1.0), np.nan]
    assert table.invert(v, [-1.0, 1.0, 0.0])[:2] == pytest.approx([0.5, 0.5])
    assert np.isnan(table.invert(v, [-1.0, 1.0, 0.0])[2])
    assert table.invert(v, 0.0)[1] - table.invert(v, 0.0)[0] > 0.1


def test_a_flat_piece_gives_its_middle_and_the_ends_are_clipped() -> None:
    table = table_for("LFP", {"soc": [0.0, 0.2, 0.8, 1.0], "ocv": [3.0, 3.3, 3.3, 3.6]})
    assert table.invert([2.0, 3.3, 5.0]) == pytest.approx([0.0, 0.5, 1.0])


# Its uncertainty


def test_the_uncertainty_is_what_the_inverse_spans() -> None:
    soc, sigma = own().estimate(3.25, 0.01)
    assert (soc, sigma) == pytest.approx((0.25, 0.01))
    flat = table_for("LFP", {"soc": [0.0, 0.2, 0.8, 1.0], "ocv": [3.0, 3.3, 3.3, 3.6]})
    assert flat.estimate(3.3, 0.003)[1] == pytest.approx(0.302)


@given(st.sampled_from(CHEMISTRIES), st.floats(0.0, 5.0), st.floats(1e-4, 0.1))
def test_no_estimate_is_sure_not_even_beyond_the_table(chemistry: str, v: float, sigma_v: float) -> None:
    soc, sigma = load_table(chemistry).estimate(v, sigma_v)
    assert 0.0 <= soc <= 1.0
    assert sigma > 0.0


def test_the_lfp_plateau_is_told_from_the_steep_ends() -> None:
    table = load_table("LFP")
    assert table.estimate(table.ocv(0.6), 0.005)[1] > 0.1 > 0.01 > table.estimate(table.ocv(0.05), 0.005)[1]


# Slope, energy, entropy


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
def test_the_integral_is_the_area_under_the_curve(chemistry: str) -> None:
    table = load_table(chemistry)
    for soc in (0.0, 0.123, 0.5, 0.9999, 1.0):
        fine = np.union1d(np.linspace(0.0, soc, 20_001), table.soc[table.soc <= soc])
        assert table.integral(soc) == pytest.approx(np.trapezoid(table.ocv(fine), fine), abs=1e-6)
    assert table.integral([-1.0, 2.0]).tolist() == [0.0, float(table.integral(1.0))]


def test_the_slope_is_local() -> None:
    table = table_for("NMC", {"soc": [0.0, 0.5, 1.0], "ocv": [3.0, 4.0, 4.2]})
    assert table.slope([0.0, 0.25, 0.5, 0.75, 1.0]) == pytest.approx([2.0, 2.0, 1.2, 0.4, 0.4])


def test_entropy_moves_the_voltage_with_temperature() -> None:
    table = own(docv_dt_v_per_k=[0.0, -0.0004])
    assert table.ocv(1.0, temperature_c=35.0) == pytest.approx(4.0 - 0.004)
    assert own().ocv(1.0, temperature_c=35.0) == 4.0


# What is no table


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"soc": [0.0, 0.5], "ocv": [3.0, 4.0]}, "from 0 to 1"),
        ({"soc": [0.0, 0.5, 0.5, 1.0], "ocv": [3.0, 3.5, 3.6, 4.0]}, "strictly"),
        ({"soc": [0.0, 0.5, 1.0], "ocv": [3.0, 2.9, 4.0]}, "never decrease"),
        ({"soc": [0.0, 0.5, 1.0], "ocv": [3.0, float("nan"), 4.0]}, "never decrease"),
        ({"soc": [0.0, 1.0], "ocv": [3.0, 5.1]}, "0 to 5 V"),
        ({"soc": [0.0, 1.0], "ocv": [3.0]}, "same length"),
        ({"soc": [0.0, 1.0]}, "columns ocv"),
        (LINE | {"ocv_charge": [3.0, 4.0]}, "ocv_charge and ocv_discharge"),
        (LINE | {"ocv_charge": [2.9, 4.1], "ocv_discharge": [3.1, 3.9]}, "above"),
        (LINE | {"ocv_charge": [3.1, 4.1], "ocv_discharge": [3.0, 4.0]}, "mean of its branches"),
        (LINE | {"docv_dt_v_per_k": [0.0, 0.1]}, "V/K"),
        (LINE | {"ocv": ["a", 4.0]}, "no number"),
        ([1.0], "object of columns"),
    ],
)
def test_a_bad_table_is_refused(columns, problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        checked_ocv(columns, "here")


def test_a_table_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ParameterError, match="never decrease"):
        OcvTable("NMC", np.array([0.0, 0.5, 1.0]), np.array([3.0, 2.9, 4.0]))


def test_a_csv_file_names_its_bad_row() -> None:
    with pytest.raises(ParameterError, match=r"mine.csv, row 3: ocv is 'x'"):
        read_ocv_csv(["soc,ocv,note\n", "0,3,a\n", "1,x,b\n"], "mine.csv")


# Chemistries of the settings


def declared(tmp_path, chemistries):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"parameters": {"chemistries": chemistries}}))
    return load_settings(path, {}).chemistries


def test_a_file_is_read_relative_to_the_settings(tmp_path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "mine.csv").write_text("soc,ocv\n0,3.0\n1,4.0\n")
    found = declared(tmp_path, {"nmc532": {"like": "nmc", "ocv_table": "tables/mine.csv"}, "LFP": "tables/mine.csv"})
    assert found["NMC532"].like == "NMC"
    assert found["NMC532"].ocv_table == LINE
    assert found["LFP"].like == "LFP"
    assert found["LFP"].ocv_table == LINE


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"MINE": {"ocv_table": LINE}}, "chemistries.MINE: like is missing"),
        ({"MINE": {"like": "NMX"}}, "like is 'NMX'.*NMC"),
        ({"MINE": {"like": "NMC", "tabel": LINE}}, "unknown key 'tabel'"),
        ({"NMC": "absent.csv"}, "absent.csv: No such file"),
        ({"NMC": {"ocv_table": {"soc": [0, 1], "ocv": [4, 3]}}}, "chemistries.NMC.*never decrease"),
        ({"NMC": 3}, "neither a file nor an object"),
        ({"Mine": {"like": "NMC"}, "mine": {"like": "NMC"}}, "chemistries.mine: this name is there twice"),
    ],
)
def test_a_bad_chemistry_names_file_and_key(tmp_path, entry, problem: str) -> None:
    with pytest.raises(SettingsError) as raised:
        declared(tmp_path, entry)
    assert re.search(f"(?s)settings.json.*({problem})", f"{raised.value} {raised.value.hint}")


# Own tables through the engine

MODEL = '''
from altergo_interface import Model, ModelState, Samples, register_model

@register_model("curve")
class Curve(Model):
    """Says which chemistry it was told, and the middle of the table."""
    def advance(self, state, data):
        current = data.series("current")
        if current is None or len(current) == current.lead:
            return state, {}
        table = data.get("ocv_table")
        if data["chemistry"] != "NMC":
            raise ValueError(data["chemistry"])
        middle = 0.0 if table is None else table["ocv"][0]
        t = current.t[current.lead:]
        return state, {"first": Samples(t, 0.0 * t + middle)}
'''
MANIFEST = {
    "name": "curve",
    "continuity": "stateful",
    "inputs": {
        "current": {"type": "pd.Series", "unit": "A"},
        "chemistry": {"type": "str"},
        "ocv_table": {"type": "dict", "required": False},
    },
    "outputs": {"first": {"decimation_threshold": 0.001}},
}


@pytest.fixture
def fleet_with(prepared, store, settings_document, write):
    """`fleet_with(chemistries, registry)`: the tiny fleet under these settings, its registry imported."""
    shutil.copytree(prepared / "ingested", store)
    write("mine/curve/__init__.py", "from .curve import Curve as Curve\n")
    write("mine/curve/curve.py", MODEL)
    write("mine/curve/model.json", MANIFEST)
    write("tables/a.csv", "soc,ocv\n0,3.1\n1,4.0\n")
    write("b.csv", "soc,ocv\n0,3.2\n1,4.0\n")

    def make(chemistries, registry):
        parameters = settings_document["parameters"]
        parameters |= {"execution": {"enabled_models": "curve"}, "chemistries": chemistries}
        fleet = Fleet(store, write("mine.json", settings_document), ["mine"])
        fleet.import_assets(write("registry.csv", registry))
        return fleet

    return make


def firsts(fleet):
    assert not fleet.run(local=True).parked
    rows = fleet.sql("select asset_id, value from latest_outputs where model = 'curve' order by all").fetchall()
    return dict(rows)


def reasons(fleet):
    return {item.asset_id: item.reasons for item in fleet.plan().items}


def test_settings_add_a_chemistry_and_an_asset_overrides_it(fleet_with) -> None:
    mine = {"Mine": {"like": "NMC", "ocv_table": "tables/a.csv"}}
    fleet = fleet_with(mine, "asset_id,chemistry,ocv_table\nEV-1,mine,\nEV-2,Mine,b.csv\n")
    assert firsts(fleet) == {"EV-1": 3.1, "EV-2": 3.2}
    assert fleet.sql("select distinct chemistry from assets").fetchall() == [("MINE",)]


def test_a_changed_table_recomputes(fleet_with, write) -> None:
    registry = "asset_id,chemistry,ocv_table\nEV-1,NMC,\nEV-2,NMC,b.csv\n"
    fleet = fleet_with({"NMC": "tables/a.csv"}, registry)
    assert firsts(fleet) == {"EV-1": 3.1, "EV-2": 3.2}
    assert reasons(fleet) == {}

    write("tables/a.csv", "soc,ocv\n0,3.3\n1,4.0\n")
    assert reasons(fleet) == {"EV-1": ("table_changed",), "EV-2": ("table_changed",)}
    assert firsts(fleet) == {"EV-1": 3.3, "EV-2": 3.2}

    write("b.csv", "soc,ocv\n0,3.4\n1,4.0\n")
    fleet.import_assets(write("registry.csv", registry))
    assert reasons(fleet) == {"EV-2": ("parameters_changed",)}
    assert firsts(fleet) == {"EV-1": 3.3, "EV-2": 3.4}


def test_without_a_table_there_is_none(fleet_with) -> None:
    fleet = fleet_with({}, "asset_id,chemistry\nEV-1,NMC\nEV-2,NMC\n")
    assert firsts(fleet) == {"EV-1": 0.0, "EV-2": 0.0}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("EV-1,NMC811,", r"registry.csv: row 1: unknown chemistry 'NMC811'"),
        ("EV-1,NMC,absent.csv", r"row 1: ocv_table: .*absent.csv: No such file"),
        ("EV-1,NMC,mine.json", r"mine.json: an OCV table needs the columns soc and ocv"),
    ],
)
def test_a_registry_with_a_bad_chemistry_or_table_changes_nothing(fleet_with, row: str, problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        fleet_with({}, f"asset_id,chemistry,ocv_table\n{row}\n")
