"""How results show themselves: a line in a REPL, a small table in a notebook, without touching the store."""

import re

import pytest

from actors import Fleet
from actors.report import RunReport
from altergo_interface.display import SHOWN, Displayed, Rows, Summary, counted
from event_store.ingest.batch import IngestReport
from twins import Plan, PlanItem
from twins.fingerprint import Fingerprint
from twins.planned import Skipped

DAY = 86_400_000_000


def item(number, asset="EV-1"):
    fingerprint = Fingerprint("f", "code", "tables", "config", "upstream", {})
    return PlanItem(asset, f"m{number}", 0, ("new_events", "late_events"), None, 0, DAY, 1_000, 0, fingerprint)


def cells(html):
    """The rows of the table, as texts."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


class Example(Displayed):
    def __init__(self, summary):
        self.summary = summary

    def _summary(self):
        return self.summary


def test_what_is_shown_is_escaped():
    hostile = "<script>alert('x')</script>&"
    html = Example(Summary(hostile, [hostile], Rows([hostile], [[hostile]], 1)))._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;") == 4


def test_a_page_of_any_colour_can_hold_it():
    html = Example(Summary("t", ["f"], Rows(["c"], [[1]], 1)))._repr_html_()
    assert not re.search(r"(?<!-)\bcolor:|background|<style|<script|class=|id=", html)


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (1 / 3, "0.333333"), (12345, "12,345"), (True, "True"), ("a", "a")]
)
def test_values_are_short(value, shown):
    assert cells(Example(Summary("t", (), Rows(["c"], [[value]], 1)))._repr_html_())[1] == [shown]


def test_one_is_no_plural():
    assert [counted(n, "pair") for n in (0, 1, 2000)] == ["0 pairs", "1 pair", "2,000 pairs"]


def test_a_plan_shows_its_extent_and_the_first_pairs():
    plan = Plan(4, "settings.json", tuple(map(item, range(SHOWN + 2))), (Skipped("EV-1", "x", "current"),))
    assert repr(plan) == "<Plan: 12 pairs to run, about 12,000 events, 1 skipped, sequence 4>"
    html = plan._repr_html_()
    head, first, *others = cells(html)
    assert head == ["asset_id", "model", "reasons", "from", "to", "events"]
    assert first == ["EV-1", "m0", "new_events, late_events", "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", "1,000"]
    assert len(others) == SHOWN - 1
    assert "… and 2 more" in html
    assert repr(Plan(4, "", ())) == "<Plan: up to date, sequence 4>"


def test_a_run_names_what_it_parked():
    report = RunReport("3f2a", 7, pairs=3, events_replayed=1200, seconds=1.26, warnings=["w"])
    assert repr(report) == "<Run 3f2a: 3 pairs, 0 parked, 1 warning, 1,200 events replayed in 1.3 s, sequence 7>"
    report.parked.append(("EV-1", "eq_cycles", "ValueError: a < b"))
    report.blocked.append(("EV-1", "soh", "eq_cycles"))
    assert cells(report._repr_html_())[1:] == [
        ["EV-1", "eq_cycles", "parked", "ValueError: a &lt; b"],
        ["EV-1", "soh", "blocked", "eq_cycles"],
    ]


def test_an_ingest_says_what_became_of_the_rows():
    report = IngestReport("3f2a91c0ff", "a.csv", appended=10, late=2, quarantined=1, reasons=(("no value", 1),))
    assert repr(report) == "<Batch 3f2a91c0: 10 events appended, 2 late, 1 quarantined>"
    assert cells(report._repr_html_())[1:] == [["no value", "1"]]
    assert repr(IngestReport("3f2a91c0ff", "a.csv", known=True)) == "<Batch 3f2a91c0: known already, skipped>"


def test_looking_at_a_fleet_that_is_not_there_makes_none(workdir):
    fleet = Fleet("nowhere")
    assert repr(fleet) == "<Fleet nowhere: no store yet>"
    assert "no store yet" in fleet._repr_html_()
    assert list(workdir.iterdir()) == []


def test_a_damaged_copy_does_not_hinder_a_look(fleet, store):
    store.mkdir()
    (store / "fleet.duckdb").write_text("no database")
    assert "no store yet" in fleet._repr_html_()


def test_a_fleet_shows_what_was_published(ran, store, snapshot):
    before = snapshot(store)
    assert repr(ran) == f"<Fleet {store}>"
    html = ran._repr_html_()
    assert "2 assets, 13,824 events, newest 2026-02-02T23:55:00Z" in html
    assert cells(html) == [
        ["model", "ok", "parked", "blocked", "newest event"],
        ["eq_cycles", "2", "0", "0", "2026-02-02T23:55:00Z"],
        ["voltage_monitor", "2", "0", "0", "2026-02-02T23:55:00Z"],
    ]
    assert snapshot(store) == before
    assert repr(ran.store()) == f"<Store {store}: segments in {store}>"


def test_a_twin_shows_its_log_and_its_models(ran):
    twin = ran.twin("EV-1")
    assert repr(twin) == (
        "<Twin EV-1: 6,912 events, 2026-01-30T00:00:00Z to 2026-02-02T23:55:00Z, 6 sensors, "
        "chemistry NMC, capacity 50, sequence 2>"
    )
    assert cells(twin._repr_html_())[1] == ["eq_cycles", "ok", "2026-02-02T23:55:00Z", "2026-02-02T00:00:00Z"]


def test_a_replay_shows_the_last_outputs(ran):
    replay = ran.twin("EV-1").replay(until="2026-01-31T00:00Z")
    assert repr(replay) == (
        "<Replay of EV-1: as of 2026-01-30T23:55:00Z, 1,728 events, eq_cycles ok, voltage_monitor ok, 0 records>"
    )
    rows = cells(replay._repr_html_())
    assert rows[0] == ["model", "output", "last value"]
    cycles = replay.latest["eq_cycles"]["equivalent_cycles"]
    assert ["eq_cycles", "equivalent_cycles", f"{cycles:.6g}"] in rows
