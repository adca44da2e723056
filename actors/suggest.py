"""Drafts settings from the names and ranges of a fleet's sensors: a start to be checked, never used by itself."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_NUMBER = re.compile(r"\d+")

# (words in the name, unit if the largest value is up to …, that bound, the unit above it)
_GUESSES: tuple[tuple[tuple[str, ...], str, float, str], ...] = (
    (("soc", "soh", "state of"), "fraction", 1.5, "%"),
    (("temp", "t_"), "°C", 200.0, "K"),
    (("volt", "u_", "v_", "cell"), "V", 1200.0, "mV"),
    (("current", "i_", "amp"), "A", 5000.0, "mA"),
)
_TEMPERATURE = ("temp", "t_")
_WORDS: dict[str, tuple[str, ...]] = {
    "current": ("current", "i_", "amp"),
    "voltage": ("volt", "u_"),
    "cell_voltages": ("cell",),
    "v_cell_min": ("cell",),
    "v_cell_max": ("cell",),
    "temperature": _TEMPERATURE,
    "soc": ("soc",),
    "soh": ("soh",),
}
_EXTREMES = {"v_cell_min": "min", "v_cell_max": "max"}
"""Inputs that stand in for `cell_voltages`, and what the name of their sensor says."""
_INPUTS: dict[str, tuple[str, ...]] = {
    "eq_cycles": ("current", "voltage", "soh"),
    "voltage_monitor": ("cell_voltages", *_EXTREMES),
    "imbalance_analysis": ("current", "cell_voltages", *_EXTREMES),
    "soc_ocv_estimation": ("current", "voltage", "temperature", "soh"),
    "data_quality": ("current", "voltage", *_EXTREMES, "temperature", "soc"),
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
        if _named(name, words):
            found["unit"] = small if largest <= bound else large
            break
    if found.get("unit") in ("A", "mA"):
        found["current_sign"] = "discharge_positive"
    cadence = sorted(float(row["median_interval_s"] or 0) for row in rows)[len(rows) // 2]
    return found | ({"cadence_s": cadence} if cadence > 0 else {})


def _inputs(names: Iterable[str], grouped: Mapping[str, object]) -> dict[str, Any]:
    """The first sensor, by name, that fits; the cells themselves before their extremes."""
    found: dict[str, Any] = {}
    for name in names:
        fits = [sensor for sensor in sorted(grouped) if _fits(name, sensor)]
        if fits and not (name in _EXTREMES and "cell_voltages" in found):
            found[name] = {"default": fits[0]}
    return found


def _fits(name: str, sensor: str) -> bool:
    """Whether a sensor's name speaks of an input; cells must be numbered, all else must not."""
    cells = "cell" in sensor.lower() and not _named(sensor, _TEMPERATURE)
    if not _named(sensor, _WORDS[name]) or ("#" in sensor) is not (name == "cell_voltages"):
        return False
    if name in _EXTREMES:
        return cells and _EXTREMES[name] in sensor.lower()
    if name == "cell_voltages":
        return cells
    return name != "voltage" or not any(word in sensor.lower() for word in ("cell", "min", "max"))


def _named(sensor: str, words: Iterable[str]) -> bool:
    """Whether a name has one of the words; a letter with `_` must begin a word of the name."""
    name = sensor.lower()
    return any(
        re.search(rf"(?<![a-z]){re.escape(word)}" if word[-1] == "_" else re.escape(word), name) for word in words
    )
