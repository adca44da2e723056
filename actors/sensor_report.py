"""What the log holds per sensor, beside what the settings declare and which inputs it feeds."""

from collections.abc import Mapping
from typing import Any

from altergo_interface.config import ModelSettings, Settings
from altergo_interface.models import Registry
from altergo_interface.sensors import matches, rule_for
from event_store.cadence import measure_cadence
from event_store.queries import sensor_stats
from event_store.store import Store
from twins.binding import declared_names


def sensor_report(store: Store, registry: Registry, settings: Settings) -> list[dict[str, Any]]:
    """One row per sensor name of the fleet; interval and gaps are those of the asset with the most events."""
    cadences = measure_cadence(store)
    return [row | _declared(row["sensor"], cadences, registry, settings) for row in sensor_stats(store)]


def _declared(
    sensor: str, cadences: Mapping[str, tuple[float, int]], registry: Registry, settings: Settings
) -> dict[str, Any]:
    rule = rule_for(sensor, settings.sensors)
    median_interval_s, gaps = cadences[sensor]
    return {
        "median_interval_s": median_interval_s,
        "gaps": gaps,
        "unit": rule.unit,
        "valid_range": rule.valid_range,
        "feeds": _feeds(sensor, registry, settings),
    }


def _feeds(sensor: str, registry: Registry, settings: Settings) -> list[str]:
    found = []
    for name, spec in registry.items():
        block = settings.models.get(name, ModelSettings())
        for key, entry in spec.manifest.inputs.items():
            # What takes every sensor tells nothing of one.
            names = declared_names(key, entry, block) if entry.is_series and entry.type != "sensors" else ()
            if any(matches(candidate, sensor) for candidate in names):
                found.append(f"{name}.{key}")
    return found
