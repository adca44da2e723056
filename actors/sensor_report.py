"""What the log holds per sensor, beside what the settings declare and which inputs it feeds."""

from typing import Any

from altergo_interface.config import ModelSettings, Settings
from altergo_interface.models import Registry
from altergo_interface.sensors import matches, rule_for
from event_store.queries import sensor_stats
from event_store.store import Store
from twins.binding import declared_names


def sensor_report(store: Store, registry: Registry, settings: Settings) -> list[dict[str, Any]]:
    """One row per sensor name of the fleet."""
    report = []
    for row in sensor_stats(store):
        rule = rule_for(row["sensor"], settings.sensors)
        report.append(
            row
            | {"unit": rule.unit, "valid_range": rule.valid_range, "feeds": _feeds(row["sensor"], registry, settings)}
        )
    return report


def _feeds(sensor: str, registry: Registry, settings: Settings) -> list[str]:
    found = []
    for name, spec in registry.items():
        block = settings.models.get(name, ModelSettings())
        for key, entry in spec.manifest.inputs.items():
            names = declared_names(key, entry, block) if entry.is_series else ()
            if any(matches(candidate, sensor) for candidate in names):
                found.append(f"{name}.{key}")
    return found
