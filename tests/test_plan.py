"""The plan: each cause alone gives exactly its reason, parked pairs stay parked, and nothing runs for nothing."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from altergo_interface import Manifest
from altergo_interface.config import Settings
from altergo_interface.parameters import SENSOR_OVERRIDES
from twins import AssetFacts, Binding, Fingerprint, Head, Missing, ParameterFact, PlanItem, Skipped, bind, plan_asset
from twins.facts import Arrival, Mask, Rung
from twins.planned import Blocked, PlannedModel, Request

DAY = 86_400_000_000
EDGE = 100 * DAY
PARTS: dict[str, Any] = {
    "code": {"toy.py": "1"},
    "tables": {"curve.csv": "1"},
    "configuration": {"gain": 1.0},
    "upstream": {"above": "1"},
}


def made(**changes: Any) -> Fingerprint:
    """A fingerprint with another value in the named sections."""
    return Fingerprint.of(PARTS | {name: {"changed": value} for name, value in changes.items()})


MADE = made()
MANIFEST = Manifest.model_validate(
    {
        "inputs": {
            "current": {"default": ["Current", "I"]},
            "soh": {"required": False},
            "capacity": {"type": "float", "default": ["Capacity", "capacity"]},
        }
    }
)
PARAMETERS = (ParameterFact("capacity", 50.0, None, 2), ParameterFact("site", "Ulm", None, 2))
MODEL = PlannedModel("toy", MADE)
ASSET = AssetFacts(
    asset_id="EV-1",
    bucket=3,
    sensors=frozenset({"I"}),
    parameters=PARAMETERS,
    arrivals=(Arrival(1, 1000, 90 * DAY, EDGE + 5), Arrival(5, 40, EDGE - DAY, EDGE + 5)),
    first_ts=90 * DAY,
    last_ts=EDGE + 5,
    events=1040,
)


def replace(value: Any, **changes: Any) -> Any:
    """A named tuple or dataclass with other values."""
    return value._replace(**changes) if hasattr(value, "_replace") else dataclasses.replace(value, **changes)


def bound(asset: AssetFacts) -> Binding | Missing:
    return bind("toy", MANIFEST, Settings(), asset.sensors, asset.parameters)


def choices(asset: AssetFacts = ASSET) -> dict[str, str]:
    found = bound(asset)
    assert isinstance(found, Binding)
    return found.choices


LADDER = tuple(Rung(EDGE - days * DAY, f"hash {days}", EDGE - days * DAY, full=True) for days in (9, 3, 2, 1, 0))
HEAD = Head(
    model="toy",
    head=EDGE,
    through=EDGE,
    as_of=EDGE + 5,
    seq=5,
    run=3,
    version=7,
    status="ok",
    fingerprint=MADE,
    tried=MADE,
    tried_seq=5,
    choices=choices(),
    tried_choices=choices(),
    open_events=12,
    edges=LADDER,
)
PARKED = replace(HEAD, status="parked", fingerprint=made(code="old", configuration="old"), seq=3)


def test_a_parked_pair_whose_input_has_switched_is_tried_once() -> None:
    """The good choices stay, for what a retry has to replay; what counts for being planned are the tried ones."""
    before = choices() | {next(iter(choices())): "another sensor"}
    assert plan(head=replace(HEAD, status="parked", choices=before)) is None
    again = plan(head=replace(HEAD, status="parked", tried_choices=before))
    assert again is not None
    assert again.reasons == ("config_changed",)


def plan(
    asset: AssetFacts = ASSET, head: Head | None = HEAD, model: PlannedModel = MODEL, mode: str = "incremental"
) -> PlanItem | None:
    """The one item of an asset with one model, or None where it is up to date."""
    heads = {} if head is None else {head.model: head}
    asked = model if mode == "incremental" else replace(model, request=replace(model.request, mode=mode))
    items, skipped, blocked = plan_asset(asset, [(asked, bound(asset))], heads)
    assert (skipped, blocked) == ([], [])
    return items[0] if items else None


def reasons(*args: Any, **kwargs: Any) -> tuple[str, ...]:
    item = plan(*args, **kwargs)
    return () if item is None else item.reasons


def arrived(*arrivals: Arrival, **changes: Any) -> AssetFacts:
    return replace(ASSET, arrivals=(*ASSET.arrivals, *arrivals), **changes)


def told(*facts: ParameterFact, **changes: Any) -> AssetFacts:
    return replace(ASSET, parameters=(*ASSET.parameters, *facts), **changes)


ALONE: dict[str, Callable[[], tuple[str, ...]]] = {
    "new_asset": lambda: reasons(head=None),
    "new_events": lambda: reasons(arrived(Arrival(6, 10, EDGE + 6, EDGE + 99))),
    "late_events": lambda: reasons(arrived(Arrival(6, 10, EDGE - 9, EDGE - 1))),
    "code_changed": lambda: reasons(model=replace(MODEL, fingerprint=made(code="new"))),
    "config_changed": lambda: reasons(model=replace(MODEL, fingerprint=made(configuration="new"))),
    "table_changed": lambda: reasons(model=replace(MODEL, fingerprint=made(tables="new"))),
    "parameters_changed": lambda: reasons(told(ParameterFact("capacity", 48.0, None, 6))),
    "retry": lambda: reasons(head=replace(HEAD, status="parked"), mode="retry"),
    "full": lambda: reasons(mode="full"),
    "manual": lambda: reasons(mode="manual"),
}


@pytest.mark.parametrize("reason", ALONE)
def test_each_cause_alone_gives_exactly_its_reason(reason: str) -> None:
    assert ALONE[reason]() == (reason,)


def test_up_to_date_means_nothing_to_do() -> None:
    assert plan() is None
    assert plan(head=replace(HEAD, version=8, open_events=0)) is None


def test_duplicates_alone_are_nothing() -> None:
    assert plan(arrived(Arrival(6, 0, None, None))) is None


def test_an_event_at_the_edge_is_new_and_one_before_it_is_late() -> None:
    assert reasons(arrived(Arrival(6, 1, EDGE, EDGE))) == ("new_events",)
    assert reasons(arrived(Arrival(6, 1, EDGE - 1, EDGE - 1))) == ("late_events",)
    assert reasons(arrived(Arrival(6, 2, EDGE - 1, EDGE))) == ("new_events", "late_events")


def test_before_the_first_closed_slot_everything_is_new() -> None:
    head = replace(HEAD, head=None, as_of=None, fingerprint=None)
    asset = arrived(Arrival(6, 3, EDGE - 99 * DAY, EDGE))
    item = plan(asset, head)
    assert item is not None
    assert item.reasons == ("new_events",)
    assert (item.start, item.events) == (None, ASSET.events)


@pytest.mark.parametrize("name", ["capacity", *SENSOR_OVERRIDES])
def test_parameters_that_the_pair_uses_count(name: str) -> None:
    assert reasons(told(ParameterFact(name, "x", None, 6))) == ("parameters_changed",)
    assert reasons(told(ParameterFact(name, "x", EDGE + DAY, 6))) == ("parameters_changed",)
    assert reasons(told(ParameterFact(name, "x", None, 5))) == ()


def test_a_parameter_that_the_pair_does_not_use_does_not_count() -> None:
    assert reasons(told(ParameterFact("site", "Bonn", None, 6))) == ()


@pytest.mark.parametrize(
    "asset",
    [
        replace(ASSET, sensors=frozenset({"I", "Current"})),
        told(ParameterFact("Capacity", 50.0, None, 4)),
    ],
    ids=["a sensor that goes before", "a parameter that goes before"],
)
def test_an_input_that_switches_its_source_is_another_configuration(asset: AssetFacts) -> None:
    assert choices(asset) != choices()
    assert reasons(asset) == ("config_changed",)


def test_a_first_feed_is_no_switch() -> None:
    later = replace(ASSET, sensors=frozenset({"I", "soh_x"}))
    assert reasons(later) == ()
    head = replace(HEAD, choices={"capacity": "parameter capacity"})
    assert reasons(head=head) == ()


def test_several_causes_are_all_named() -> None:
    asset = replace(
        arrived(Arrival(6, 2, EDGE - 1, EDGE)), parameters=(*PARAMETERS, ParameterFact("capacity", 1.0, None, 6))
    )
    model = replace(MODEL, fingerprint=made(code="new", configuration="new", tables="new"))
    changed = ("code_changed", "table_changed", "config_changed", "parameters_changed")
    everything = ("new_events", "late_events", *changed)
    assert reasons(asset, model=model) == everything
    assert reasons(asset, model=model, mode="full") == ("full", *everything)
    assert reasons(asset, head=replace(HEAD, status="parked"), model=model, mode="retry") == ("retry", *everything)


STAYS_PARKED: dict[str, AssetFacts] = {
    "nothing": ASSET,
    "new events": arrived(Arrival(6, 10, EDGE + 6, EDGE + 99)),
    "late events": arrived(Arrival(6, 10, EDGE - 9, EDGE - 1)),
    "a parameter told before it was tried": told(ParameterFact("capacity", 48.0, None, 5)),
    "a parameter that it does not use": told(ParameterFact("site", "Bonn", None, 6)),
}


@pytest.mark.parametrize("asset", STAYS_PARKED.values(), ids=STAYS_PARKED)
@pytest.mark.parametrize("good", [PARKED.fingerprint, None], ids=["with a good state", "never good"])
def test_a_parked_pair_stays_parked(asset: AssetFacts, good: Fingerprint | None) -> None:
    """Even where its last good state is of older code: what it was tried with has not changed."""
    assert reasons(asset, replace(PARKED, fingerprint=good)) == ()


@pytest.mark.parametrize(
    ("asset", "model", "reason"),
    [
        (ASSET, replace(MODEL, fingerprint=made(code="new")), "code_changed"),
        (ASSET, replace(MODEL, fingerprint=made(configuration="new")), "config_changed"),
        (replace(ASSET, sensors=frozenset({"I", "Current"})), MODEL, "config_changed"),
        (told(ParameterFact("capacity", 48.0, None, 6)), MODEL, "parameters_changed"),
    ],
)
def test_a_parked_pair_runs_when_what_it_was_tried_with_changes(
    asset: AssetFacts, model: PlannedModel, reason: str
) -> None:
    assert reasons(asset, PARKED, model) == (reason,)


def test_retry_takes_parked_pairs_alone_and_goes_on_from_their_last_good_head() -> None:
    parked = replace(HEAD, status="parked")
    item = plan(head=parked, mode="retry")
    assert item is not None
    assert (item.start, item.first_ts) == (EDGE, EDGE)
    assert plan(mode="retry") is None
    assert plan(head=None, mode="retry") is None


def test_retry_starts_from_genesis_where_the_good_state_is_of_other_code() -> None:
    item = plan(head=replace(PARKED, seq=5), mode="retry")
    assert item is not None
    assert item.reasons == ("retry", "code_changed", "config_changed")
    assert item.start is None


def test_an_item_that_goes_on_says_from_where_and_how_much() -> None:
    asset = arrived(Arrival(6, 10, EDGE + 6, EDGE + 99), Arrival(8, 5, EDGE + 7, EDGE + 120), last_ts=EDGE + 120)
    assert plan(asset) == PlanItem(
        asset_id="EV-1",
        model="toy",
        bucket=3,
        reasons=("new_events",),
        start=EDGE,
        first_ts=EDGE,
        last_ts=EDGE + 120,
        events=12 + 10 + 5,
        version=7,
        fingerprint=MADE,
        head=EDGE,
        through=EDGE,
    )


@pytest.mark.parametrize("reason", ["new_asset", "code_changed", "config_changed", "full"])
def test_an_item_from_genesis_replays_everything(reason: str) -> None:
    items: dict[str, PlanItem | None] = {
        "new_asset": plan(head=None),
        "code_changed": plan(model=replace(MODEL, fingerprint=made(code="new"))),
        "config_changed": plan(model=replace(MODEL, fingerprint=made(configuration="new"))),
        "full": plan(mode="full"),
    }
    item = items[reason]
    assert item is not None
    assert (item.start, item.first_ts, item.last_ts, item.events) == (None, 90 * DAY, EDGE + 5, 1040)
    assert item.version == (0 if reason == "new_asset" else 7)


def test_an_asset_without_events_is_not_planned_and_not_skipped() -> None:
    empty = replace(ASSET, sensors=frozenset(), arrivals=(), first_ts=None, last_ts=None, events=0)
    assert plan_asset(empty, [(MODEL, Missing("current (Current or I)"))], {}) == ([], [], [])


@pytest.mark.parametrize("mode", ["incremental", "full", "retry"])
def test_a_pair_without_its_input_is_skipped_with_the_reason(mode: str) -> None:
    poor = replace(ASSET, sensors=frozenset({"voltage"}))
    model = replace(MODEL, request=Request(mode))
    found = plan_asset(poor, [(model, bound(poor))], {"toy": HEAD})
    assert found == ([], [Skipped("EV-1", "toy", "current (Current or I)")], [])


def test_models_are_decided_one_by_one() -> None:
    other = PlannedModel("other", MADE)
    items, skipped, _ = plan_asset(ASSET, [(MODEL, bound(ASSET)), (other, bound(ASSET))], {"toy": HEAD})
    assert [(item.model, item.reasons) for item in items] == [("other", ("new_asset",))]
    assert skipped == []


# --- from where ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "start"),
    [
        (EDGE - 1, EDGE - DAY),
        (EDGE - DAY, EDGE - DAY),
        (EDGE - DAY - 1, EDGE - 2 * DAY),
        (EDGE - 5 * DAY, EDGE - 9 * DAY),
    ],
)
def test_a_late_event_goes_back_to_the_newest_snapshot_before_it(since: int, start: int) -> None:
    item = plan(arrived(Arrival(6, 1, since, since)))
    assert item is not None
    assert (item.start, item.first_ts, item.through) == (start, start, start)
    assert 0 < item.events < ASSET.events


def test_an_event_before_the_ladder_goes_back_to_the_beginning() -> None:
    item = plan(arrived(Arrival(6, 1, EDGE - 10 * DAY, EDGE - 10 * DAY)))
    assert item is not None
    assert (item.start, item.events, item.checks) == (None, ASSET.events, ())


def test_an_edge_that_was_thinned_out_is_no_place_to_begin() -> None:
    head = replace(HEAD, edges=tuple(replace(rung, full=rung.at != EDGE - DAY) for rung in LADDER))
    item = plan(arrived(Arrival(6, 1, EDGE - 1, EDGE - 1)), head)
    assert item is not None
    assert item.start == EDGE - 2 * DAY


def test_it_may_end_at_any_stored_edge_behind_the_last_change() -> None:
    item = plan(arrived(Arrival(6, 1, EDGE - 3 * DAY + 1, EDGE - 3 * DAY + 1)))
    assert item is not None
    assert item.checks == ((EDGE - 2 * DAY, "hash 2"), (EDGE - DAY, "hash 1"), (EDGE, "hash 0"))
    both = plan(arrived(Arrival(6, 1, EDGE - 4 * DAY, EDGE - 4 * DAY), Arrival(7, 1, EDGE - DAY - 9, EDGE - DAY - 1)))
    assert both is not None
    assert (both.start, both.checks) == (EDGE - 9 * DAY, ((EDGE - DAY, "hash 1"), (EDGE, "hash 0")))


def test_new_events_do_not_keep_a_late_one_from_ending_early() -> None:
    item = plan(
        arrived(Arrival(6, 1, EDGE - DAY - 1, EDGE - DAY - 1), Arrival(6, 10, EDGE, EDGE + DAY), last_ts=EDGE + DAY)
    )
    assert item is not None
    assert item.reasons == ("new_events", "late_events")
    assert item.checks == ((EDGE - DAY, "hash 1"), (EDGE, "hash 0"))


def test_a_dated_parameter_goes_back_to_its_day_and_on_to_the_end() -> None:
    item = plan(told(ParameterFact("capacity", 40.0, EDGE - 2 * DAY + 5, 6)))
    assert item is not None
    assert (item.reasons, item.start, item.checks) == (("parameters_changed",), EDGE - 2 * DAY, ())
    always = plan(told(ParameterFact("capacity", 40.0, None, 6)))
    assert always is not None
    assert always.start is None


def test_a_parameter_that_says_the_same_again_is_no_change() -> None:
    assert plan(told(ParameterFact("capacity", 48.0, None, 6), ParameterFact("capacity", 50.0, None, 7))) is None


def test_a_newest_event_that_was_taken_away_moves_the_head_back() -> None:
    gone = replace(ASSET, arrivals=(Arrival(6, 1, EDGE + 5, EDGE + 5),), last_ts=EDGE - DAY - 7)
    item = plan(gone)
    assert item is not None
    assert (item.start, item.checks) == (EDGE - 2 * DAY, ())
    assert "late_events" in item.reasons
    within = replace(ASSET, arrivals=(Arrival(6, 1, EDGE + 5, EDGE + 5),), last_ts=EDGE + 1)
    assert reasons(within) == ("new_events",)


def test_where_every_event_was_taken_away_the_pair_is_to_go() -> None:
    empty = replace(ASSET, arrivals=(Arrival(6, 1040, 90 * DAY, EDGE + 5),), first_ts=None, last_ts=None, events=0)
    item = plan(empty)
    assert item is not None
    assert (item.start, item.events) == (None, 0)


def test_a_pair_that_a_budget_has_stopped_goes_on() -> None:
    item = plan(head=replace(HEAD, head=EDGE - 3 * DAY, as_of=EDGE - 3 * DAY - 1, open_events=0))
    assert item is not None
    assert (item.reasons, item.start) == (("new_events",), EDGE - 3 * DAY)


def test_a_model_of_the_whole_log_begins_at_the_beginning() -> None:
    item = plan(arrived(Arrival(6, 1, EDGE + 6, EDGE + 6)), model=replace(MODEL, whole=True))
    assert item is not None
    assert (item.reasons, item.start) == (("new_events",), None)


def manual(head: Head | None, since: int | None, until: int | None) -> PlanItem:
    item = plan(head=head, model=replace(MODEL, request=Request("manual", since, until)), mode="manual")
    assert item is not None
    return item


def test_a_manual_range_is_restated_in_whole_slots() -> None:
    item = manual(HEAD, EDGE - 3 * DAY + 7, EDGE - 2 * DAY + 7)
    assert (item.reasons, item.start, item.stop) == (("manual",), EDGE - 3 * DAY, None)
    assert item.checks == ((EDGE - DAY, "hash 1"), (EDGE, "hash 0"))
    assert manual(None, 95 * DAY, 96 * DAY + 1).stop == 97 * DAY
    assert manual(replace(HEAD, head=EDGE - 9 * DAY), None, EDGE - DAY).stop == EDGE - DAY


# --- models that feed each other -----------------------------------------------------------------------------------

ABOVE = PlannedModel("above", MADE)
UPPER = replace(HEAD, model="above")
FED = Manifest.model_validate(
    {"inputs": {"current": {"default": "I"}, "x": {"default": "above:x"}, "capacity": {"type": "float"}}}
)
GIVES = Manifest.model_validate({"inputs": {"current": {"default": "I"}}, "outputs": {"x": {}}})


def graph(
    asset: AssetFacts = ASSET, upper: Head = UPPER, lower: Head = HEAD, above: PlannedModel = ABOVE
) -> tuple[dict[str, PlanItem], list[Blocked]]:
    """The plan of `above` and of `toy`, which takes its output."""
    first = bind("above", GIVES, Settings(), asset.sensors, asset.parameters)
    second = bind("toy", FED, Settings(), asset.sensors, asset.parameters, {"above": GIVES})
    assert isinstance(second, Binding)
    assert second.upstream == {"above"}
    heads = {
        "above": replace(upper, choices=first.choices, tried_choices=first.choices),
        "toy": replace(lower, choices=second.choices, tried_choices=second.choices),
    }
    items, _, blocked = plan_asset(asset, [(above, first), (MODEL, second)], heads)
    return {item.model: item for item in items}, blocked


def test_a_changed_model_above_is_the_reason_of_those_below() -> None:
    items, _ = graph(
        above=replace(ABOVE, fingerprint=made(code="new")), lower=replace(HEAD, fingerprint=made(upstream="old"))
    )
    assert {name: item.reasons for name, item in items.items()} == {
        "above": ("code_changed",),
        "toy": ("upstream_changed",),
    }
    assert {item.start for item in items.values()} == {None}


def test_a_parameter_of_the_model_above_reaches_below_from_its_day_on() -> None:
    upper = replace(UPPER, edges=tuple(replace(rung, through=rung.at - 2 * DAY) for rung in LADDER))
    found = bind("above", GIVES, Settings(), ASSET.sensors, ASSET.parameters)
    assert isinstance(found, Binding)
    items, _ = graph(arrived(Arrival(6, 1, EDGE - 1, EDGE - 1)), upper)
    assert items["above"].start == EDGE - DAY
    assert items["toy"].start == EDGE - 3 * DAY  # what lies above may write from two days before its start on
    assert items["toy"].reasons == ("late_events",)
    assert {item.checks for item in items.values()} == {()}


def test_what_was_replaced_above_since_it_was_read_is_read_again() -> None:
    upper = replace(UPPER, run=9, masks=(Mask(EDGE - 2 * DAY, 8), Mask(EDGE - DAY, 9)))
    items, _ = graph(upper=upper, lower=replace(HEAD, consumed={"above": 7}))
    assert {name: (item.reasons, item.start) for name, item in items.items()} == {
        "toy": (("upstream_changed",), EDGE - 2 * DAY)
    }
    assert graph(upper=upper, lower=replace(HEAD, consumed={"above": 9}))[0] == {}


def test_a_parked_pair_that_is_tried_again_reads_what_was_replaced_above() -> None:
    """Its own change is the reason; how far it goes back is a matter of all that it has missed."""
    upper = replace(UPPER, run=9, masks=(Mask(EDGE - 3 * DAY, 9),))
    parked = replace(HEAD, status="parked", consumed={"above": 7})
    items, _ = graph(told(ParameterFact("capacity", 40.0, EDGE - DAY, 6)), upper=upper, lower=parked)
    assert {name: (item.reasons, item.start) for name, item in items.items()} == {
        "toy": (("parameters_changed",), EDGE - 3 * DAY)
    }


def test_what_lies_below_a_parked_model_waits() -> None:
    parked = replace(UPPER, status="parked")
    assert graph(arrived(Arrival(6, 1, EDGE + 6, EDGE + 6)), parked) == ({}, [Blocked("EV-1", "toy", "above")])
    assert graph(upper=parked, lower=replace(HEAD, status="blocked")) == ({}, [])
    items, _ = graph(lower=replace(HEAD, status="blocked"))
    assert {name: item.reasons for name, item in items.items()} == {"toy": ("upstream_changed",)}
