"""A deterministic fleet of simulated batteries with exact truth and injected faults."""

from models._simulator.fleet import simulate_asset, simulate_fleet
from models._simulator.history import FAULT_KINDS, AssetHistory, Fault, FleetSpec

__all__ = ["FAULT_KINDS", "AssetHistory", "Fault", "FleetSpec", "simulate_asset", "simulate_fleet"]
