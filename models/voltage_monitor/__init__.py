"""Cell voltage against its limits: status, and one record per alert."""

from models.voltage_monitor.voltage_monitor import VoltageMonitor

__all__ = ["VoltageMonitor"]
