"""The battery behind the synthetic telemetry: duty, charge and voltage of a cell, and which signal an input means."""

from collections.abc import Mapping

import numpy as np

from altergo_interface.data import Values
from altergo_interface.manifest import InputSpec
from altergo_interface.units import dimension, is_unit

FINE_S = 60
"""Seconds between two points of the signals."""
CAPACITY_AH = 50.0

_UNITS: Mapping[str, str] = {
    "current": "A",
    "voltage": "V",
    "temperature": "°C",
    "soc": "fraction",
    "soh": "fraction",
    "charged": "Ah",
    "discharged": "Ah",
    "energy": "Wh",
    "power": "W",
    "resistance": "Ohm",
    "time": "s",
}
_NAMES = (("soh", "soh"), ("soc", "soc"), ("temp", "temperature"), ("volt", "voltage"), ("current", "current"))


def battery(days: float, rng: np.random.Generator) -> dict[str, Values]:
    """Signals by name, in the units of `signal_of`, one point every FINE_S from the start on.

    Charge and discharge take turns every 3.5 hours with rests of half an hour between them. One cell is too high for
    an hour and a half around a midnight, and too low for half an hour on a later day.
    """
    hours = np.arange(int(days * 86_400 / FINE_S) + 1) * FINE_S / 3600
    swing = np.cos(2 * np.pi * hours / 7)
    current = (12 + 4 * np.sin(2 * np.pi * hours / 50)) * swing + rng.normal(0, 0.4, len(hours))
    current[np.abs(swing) < 0.3] = 0.0
    step_ah = current * FINE_S / 3600
    soc = np.clip(0.55 - np.cumsum(step_ah) / CAPACITY_AH, 0.02, 0.98)
    voltage = 3.1 + soc - 0.0015 * current
    voltage[(hours >= 119.3) & (hours < 120.9)] = 4.23
    voltage[(hours >= 147) & (hours < 147.5)] = 2.45
    return {
        "current": current,
        "voltage": voltage,
        "temperature": 22 + 8 * np.sin(2 * np.pi * (hours - 9) / 24) + 0.01 * current**2,
        "soc": soc,
        "soh": 0.97 - 2e-6 * hours,
        "charged": np.cumsum(np.maximum(-step_ah, 0)),
        "discharged": np.cumsum(np.maximum(step_ah, 0)),
        "energy": np.cumsum(np.abs(step_ah) * voltage),
        "power": current * voltage,
        "resistance": 0.0015 + 0.0002 * np.sin(2 * np.pi * hours / 24),
        "time": hours * 3600,
        "smooth": 1 + 0.5 * np.sin(2 * np.pi * hours / 11),
    }


def signal_of(name: str, spec: InputSpec) -> tuple[str, str | None]:
    """The signal that an input means, by its unit, else by its name, and that signal's unit."""
    lower = name.lower()
    kind = dimension(spec.unit) if spec.unit is not None and is_unit(spec.unit) else ""
    if kind == "ratio":
        kind = "soh" if "soh" in lower or "health" in lower else "soc"
    elif kind == "charge":
        kind = "discharged" if "dis" in lower else "charged"
    elif not kind:
        kind = next((signal for word, signal in _NAMES if word in lower), "smooth")
    return kind, _UNITS.get(kind)
