"""Drafts settings from the names and ranges of a fleet's sensors: a start to be checked, never used by itself."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_NUMBER = re.compile(r"\d+")

# (words in the name, unit if the largest value is up to …, that bound, the unit above it)
_GUESSES: tuple[tuple[tuple[str, ...], str, float, str], ...] = (
    (("soc", "soh", "state of"), "fraction", 1.5, "%"),
    (("volt", "u_", "v_", "cell"), "V", 1200.0, "mV"),
    (("current", "i_", "amp"), "A", 5000.0, "mA"),
    (("temp",), "°C", 200.0, "K"),
)
_WORDS: dict[str, tuple[str, ...]] = {
    "current": ("current", "i_", "amp"),
    "voltage": ("volt", "u_"),
    "cell_voltages": ("cell",),
    "temperature": ("temp",),
    "soc": ("soc",),
    "soh": ("soh",),
}
_INPUTS: dict[str, tuple[str, ...]] = {
    "eq_cycles": ("current", "voltage", "soh"),
    "voltage_monitor": ("cell_voltages",),
    "imbalance_analysis": ("current", "cell_voltages"),
    "soc_ocv_estimation": ("current", "voltage", "temperature", "soh"),
    "data_quality": ("current", "voltage", "temperature", "soc"),
}


def suggest_settings(sensors: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A settings document for these sensors (rows of the sensor report).

    Numbered sensors become one pattern with `#`. Units are guessed from words in the name and the size of the
    values; what cannot be guessed is left out. Ranges and signs are left to whoever knows the sensor.
    """
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in sensors:
        grouped.setdefault(_pattern(str(row["sensor"])), []).append(row)
    declared = {name: _rule(name, rows) for name, rows in grouped.items()}
    models = {model: _inputs(names, grouped) for model, names in _INPUTS.items()}
    return {
        "parameters": {
            "sensors": {name: rule for name, rule in declared.items() if rule},
            "models": {model: {"inputs": inputs} for model, inputs in models.items() if inputs},
        }
    }


def _pattern(name: str) -> str:
    """The name with its last number as `#`: one entry for all cells."""
    numbers = list(_NUMBER.finditer(name))
    return name[: numbers[-1].start()] + "#" + name[numbers[-1].end() :] if numbers else name


def _rule(name: str, rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    largest = max(abs(float(row[key])) for row in rows for key in ("min_value", "max_value"))
    found: dict[str, Any] = {}
    for words, small, bound, large in _GUESSES:
        if any(word in name.lower() for word in words):
            found["unit"] = small if largest <= bound else large
            break
    if found.get("unit") in ("A", "mA"):
        found["current_sign"] = "discharge_positive"
    cadence = sorted(float(row["median_interval_s"] or 0) for row in rows)[len(rows) // 2]
    return found | ({"cadence_s": cadence} if cadence > 0 else {})


def _inputs(names: Iterable[str], grouped: Mapping[str, object]) -> dict[str, Any]:
    """The first sensor, by name, whose name has one of the words; cells must be numbered, all else must not."""
    found: dict[str, Any] = {}
    for name in names:
        fits = [s for s in sorted(grouped) if any(w in s.lower() for w in _WORDS[name])]
        if name == "voltage":
            fits = [s for s in fits if not any(word in s.lower() for word in ("cell", "min", "max"))]
        fits = [s for s in fits if ("#" in s) == (name == "cell_voltages")]
        if fits:
            found[name] = {"default": fits[0]}
    return found
