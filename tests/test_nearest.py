"""A wrong asset's name gets the nearest one, also among very many, and also for what merely looks alike."""

import pytest

from event_store.nearest import FEW, asset_hint, name_hint

MANY = [f"EV-{number:06}" for number in range(100_000)]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("EV-0O0123", "EV-000123"),
        ("ev-000123", "EV-000123"),
        ("EV-00l23O", "EV-001230"),
        ("EV000123", "EV-000123"),
        ("VE-099999", "EV-099999"),
    ],
)
def test_the_nearest_of_many(name, near):
    assert name_hint(MANY, name) == f"Did you mean '{near}'?"


def test_a_name_like_no_other_gets_no_guess():
    assert name_hint(MANY, "submarine") == "See: twins assets list"
    assert name_hint(["EV-1", "EV-2"], "submarine") == "Known: EV-1, EV-2"
    assert name_hint([], "submarine") == ""
    assert name_hint(MANY[:FEW], "submarine").startswith("Known: EV-000000, EV-000001")


@pytest.mark.parametrize(
    "words",
    [("state",), ("replay",), ("state", "--at", "2026-02-01"), ("plan", "--explain"), ("assets", "purge", "--yes")],
)
def test_every_command_of_one_asset_names_the_nearest(ran, twins, words):
    code, _, err = twins(*words, "EV-l")
    assert code == 2
    assert err == "error: no asset is called 'EV-l'. Did you mean 'EV-1'?\n"


def test_a_selector_names_the_nearest(ran, twins):
    code, _, err = twins("plan", "--select", "asset:EW-1")
    assert (code, err) == (2, "error: no asset matches 'EW-1'. Did you mean 'EV-1'?\n")


def test_the_catalog_answers_itself(ran):
    with ran.store().catalog.session("test") as con:
        assert asset_hint(con, "EV2") == "Did you mean 'EV-2'?"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from latest_output", "Did you mean 'latest_outputs'?"),
        ("select asset from assets", "Did you mean 'asset_id'?"),
        ("create table x(i int)", "The views are read-only; `show tables` lists them"),
    ],
)
def test_sql_names_the_nearest_in_the_same_way(ran, twins, query, said):
    code, _, err = twins("sql", query)
    assert code == 2
    assert err.startswith("error: SQL: ")
    assert err.rstrip("\n").endswith(f". {said}")
    assert err.count("\n") == 1
