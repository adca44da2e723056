"""Dashboards: self-contained interactive pages of an asset and of a fleet, drawn from plain values."""

from altergo_interface.dashboards.asset_page import asset_page
from altergo_interface.dashboards.fleet_page import fleet_page
from altergo_interface.dashboards.views import (
    AssetView,
    ColumnView,
    FleetView,
    InputView,
    ModelView,
    OutputView,
    RecordView,
    RunView,
    TableView,
)

__all__ = [
    "AssetView",
    "ColumnView",
    "FleetView",
    "InputView",
    "ModelView",
    "OutputView",
    "RecordView",
    "RunView",
    "TableView",
    "asset_page",
    "fleet_page",
]
