"""The pure fold: grid, bindings, replay, carry, fingerprints and the plan. No I/O, no clock, no Ray."""

from twins.binding import Binding, Missing, ParameterFact, bind
from twins.carry import Carry
from twins.facts import AssetFacts, Head
from twins.fingerprint import Fingerprint, fingerprint
from twins.grid import Grid
from twins.inputs import Cursor, Prepared
from twins.plan import plan_asset
from twins.planned import Plan, PlanItem, Request, Skipped
from twins.replay import Replay, replay
from twins.restate import Order, Restated, restate
from twins.series import AssetSeries, Column
from twins.twin import Twin

__all__ = [
    "AssetFacts",
    "AssetSeries",
    "Binding",
    "Carry",
    "Column",
    "Cursor",
    "Fingerprint",
    "Grid",
    "Head",
    "Missing",
    "Order",
    "ParameterFact",
    "Plan",
    "PlanItem",
    "Prepared",
    "Replay",
    "Request",
    "Restated",
    "Skipped",
    "Twin",
    "bind",
    "fingerprint",
    "plan_asset",
    "replay",
    "restate",
]
