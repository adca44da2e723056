"""The pure fold: grid, bindings, replay, carry, fingerprints and the plan. No I/O, no clock, no Ray."""

from twins.binding import Binding, Missing, ParameterFact, bind
from twins.carry import Carry
from twins.fingerprint import Fingerprint, fingerprint
from twins.grid import Grid
from twins.inputs import Cursor, Prepared
from twins.plan import AssetFacts, Head, Plan, PlanItem, Skipped, plan_asset
from twins.replay import Replay, Twin, replay
from twins.series import AssetSeries, Column

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
    "ParameterFact",
    "Plan",
    "PlanItem",
    "Prepared",
    "Replay",
    "Skipped",
    "Twin",
    "bind",
    "fingerprint",
    "plan_asset",
    "replay",
]
