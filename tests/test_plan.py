"""The plan: each cause alone gives exactly its reason, parked pairs stay parked, and nothing runs for nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from altergo_interface import Manifest
from altergo_interface.config import Settings
from altergo_interface.parameters import SENSOR_OVERRIDES
from twins import AssetFacts, Binding, Fingerprint, Head, Missing, ParameterFact, PlanItem, Skipped, bind, plan_asset
from twins.plan import Arrival, PlannedModel

DAY = 86_400_000_000
EDGE = 100 * DAY
MADE = Fingerprint("code", "config")
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


def bound(asset: AssetFacts) -> Binding | Missing:
    return bind("toy", MANIFEST, Settings(), asset.sensors, asset.parameters)


def choices(asset: AssetFacts = ASSET) -> dict[str, str]:
    found = bound(asset)
    assert isinstance(found, Binding)
    return found.choices()


HEAD = Head(
    model="toy",
    head=EDGE,
    seq=5,
    version=7,
    status="ok",
    fingerprint=MADE,
    tried=MADE,
    tried_seq=5,
    choices=choices(),
    tried_choices=choices(),
    open_events=12,
)
PARKED = replace(HEAD, status="parked", fingerprint=Fingerprint("old code", "old config"), seq=3)


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
    items, skipped = plan_asset(asset, [(model, bound(asset))], heads, mode=mode)
    assert skipped == []
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
    "code_changed": lambda: reasons(model=replace(MODEL, fingerprint=Fingerprint("new", "config"))),
    "config_changed": lambda: reasons(model=replace(MODEL, fingerprint=Fingerprint("code", "new"))),
    "parameters_changed": lambda: reasons(told(ParameterFact("capacity", 48.0, None, 6))),
    "retry": lambda: reasons(head=replace(HEAD, status="parked"), mode="retry"),
    "full": lambda: reasons(mode="full"),
}


@pytest.mark.parametrize("reason", ALONE)
def test_each_cause_alone_gives_exactly_its_reason(reason: str) -> None:
    assert ALONE[reason]() == (reason,)


def test_up_to_date_means_nothing_to_do() -> None:
    assert plan() is None
    assert plan(head=replace(HEAD, version=8, open_events=0)) is None


def test_duplicates_alone_are_nothing() -> None:
    assert plan(arrived(Arrival(6, 0, None, EDGE + 99))) is None


def test_an_event_at_the_edge_is_new_and_one_before_it_is_late() -> None:
    assert reasons(arrived(Arrival(6, 1, EDGE, EDGE))) == ("new_events",)
    assert reasons(arrived(Arrival(6, 1, EDGE - 1, EDGE - 1))) == ("late_events",)
    assert reasons(arrived(Arrival(6, 2, EDGE - 1, EDGE))) == ("new_events", "late_events")


def test_before_the_first_closed_slot_everything_is_new() -> None:
    head = replace(HEAD, head=None, fingerprint=None)
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
    model = replace(MODEL, fingerprint=Fingerprint("new", "new"))
    everything = ("new_events", "late_events", "code_changed", "config_changed", "parameters_changed")
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
        (ASSET, replace(MODEL, fingerprint=Fingerprint("new", "config")), "code_changed"),
        (ASSET, replace(MODEL, fingerprint=Fingerprint("code", "new")), "config_changed"),
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
    )


@pytest.mark.parametrize("reason", ["new_asset", "late_events", "code_changed", "config_changed", "full"])
def test_an_item_from_genesis_replays_everything(reason: str) -> None:
    items: dict[str, PlanItem | None] = {
        "new_asset": plan(head=None),
        "late_events": plan(arrived(Arrival(6, 10, EDGE - 9, EDGE - 1))),
        "code_changed": plan(model=replace(MODEL, fingerprint=Fingerprint("new", "config"))),
        "config_changed": plan(model=replace(MODEL, fingerprint=Fingerprint("code", "new"))),
        "full": plan(mode="full"),
    }
    item = items[reason]
    assert item is not None
    assert (item.start, item.first_ts, item.last_ts, item.events) == (None, 90 * DAY, EDGE + 5, 1040)
    assert item.version == (0 if reason == "new_asset" else 7)


def test_an_asset_without_events_is_not_planned_and_not_skipped() -> None:
    empty = replace(ASSET, sensors=frozenset(), arrivals=(), first_ts=None, last_ts=None, events=0)
    assert plan_asset(empty, [(MODEL, Missing("current (Current or I)"))], {}) == ([], [])


@pytest.mark.parametrize("mode", ["incremental", "full", "retry"])
def test_a_pair_without_its_input_is_skipped_with_the_reason(mode: str) -> None:
    poor = replace(ASSET, sensors=frozenset({"voltage"}))
    found = plan_asset(poor, [(MODEL, bound(poor))], {"toy": HEAD}, mode=mode)
    assert found == ([], [Skipped("EV-1", "toy", "current (Current or I)")])


def test_models_are_decided_one_by_one() -> None:
    other = PlannedModel("other", MADE)
    items, skipped = plan_asset(ASSET, [(MODEL, bound(ASSET)), (other, bound(ASSET))], {"toy": HEAD})
    assert [(item.model, item.reasons) for item in items] == [("other", ("new_asset",))]
    assert skipped == []
