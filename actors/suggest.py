"""Drafts settings from the names and ranges of a fleet's sensors: a start to be checked, never used by itself."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from altergo_interface.units import dimension, is_unit

_NUMBER = re.compile(r"\d+")
_CELL = ("cell", "zell")

# (dimension, words of the name, English and German, unit if the largest value is up to …, that bound, unit above it)
_GUESSES: tuple[tuple[str, tuple[str, ...], str, float, str], ...] = (
    ("ratio", ("soc", "soh", "state of", "ladezustand"), "fraction", 1.5, "%"),
    ("temperature", ("temp", "t_"), "°C", 200.0, "K"),
    ("voltage", ("volt", "spannung", "u_", "v_", *_CELL), "V", 1200.0, "mV"),
    ("current", ("current", "strom", "i_", "amp"), "A", 5000.0, "mA"),
)
_DIMENSIONS = {
    "current": "current",
    "voltage": "voltage",
    "cell_voltages": "voltage",
    "v_cell_min": "voltage",
    "v_cell_max": "voltage",
    "temperature": "temperature",
    "soc": "ratio",
    "soh": "ratio",
}
_RATIOS = {"soc": ("soc", "state of charge", "ladezustand"), "soh": ("soh", "state of health")}
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

    Numbered sensors become one pattern with `#`. A unit is read where the name ends in it, else guessed from words in
    the name and the size of the values; what cannot be guessed is left out. Ranges and signs are left to whoever
    knows the sensor.
    """
    grouped = _grouped(sensors)
    declared = {name: _rule(name, rows) for name, rows in grouped.items()}
    models = {model: _inputs(names, grouped) for model, names in _INPUTS.items()}
    return {
        "parameters": {
            "sensors": {name: rule for name, rule in declared.items() if rule},
            "models": {model: {"inputs": inputs} for model, inputs in models.items() if inputs},
        }
    }


def doubts(sensors: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The sensors, as the draft names them, whose sign is assumed, and those of which nothing is known."""
    kinds = {name: _dimension(name) for name in _grouped(sensors)}
    return [n for n, kind in kinds.items() if kind == "current"], [n for n, kind in kinds.items() if kind is None]


def _grouped(sensors: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in sensors:
        grouped.setdefault(_pattern(str(row["sensor"])), []).append(row)
    return grouped


def _pattern(name: str) -> str:
    """The name with its last number as `#`: one entry for all cells."""
    numbers = list(_NUMBER.finditer(name))
    return name[: numbers[-1].start()] + "#" + name[numbers[-1].end() :] if numbers else name


def _rule(name: str, rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    largest = max(abs(float(row[key])) for row in rows for key in ("min_value", "max_value"))
    found: dict[str, Any] = {}
    if written := _written(name):
        found["unit"] = written
    elif guess := _guess(name):
        _, _, small, bound, large = guess
        found["unit"] = small if largest <= bound else large
    if _dimension(name) == "current":
        found["current_sign"] = "discharge_positive"
    cadence = sorted(float(row["median_interval_s"] or 0) for row in rows)[len(rows) // 2]
    return found | ({"cadence_s": cadence} if cadence > 0 else {})


def _guess(name: str) -> tuple[str, tuple[str, ...], str, float, str] | None:
    return next((guess for guess in _GUESSES if _named(name, guess[1])), None)


def _written(name: str) -> str | None:
    """The unit that a name ends with, in brackets (`I [A]`) or behind a `_` or a space (`cell_mV`)."""
    bracketed = re.search(r"[\[(]\s*([^\[\]()]+?)\s*[\])]\s*$", name)
    if bracketed is not None:
        return bracketed[1] if is_unit(bracketed[1]) else None
    guess, suffix = _guess(name), re.search(r"[_ ]([^\W\d_]+|°[CF]|%)$", name)
    # Without brackets `_min` or `_A` may as well be no unit: only one of what the words speak of is believed.
    if suffix is None or guess is None or not is_unit(suffix[1]):
        return None
    return suffix[1] if dimension(suffix[1]) == guess[0] else None


def _dimension(name: str) -> str | None:
    """What a sensor measures, as far as its name tells."""
    written, guess = _written(name), _guess(name)
    return dimension(written) if written else guess and guess[0]


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
    low = sensor.lower()
    if _dimension(sensor) != _DIMENSIONS[name] or ("#" in sensor) is not (name == "cell_voltages"):
        return False
    if name in _RATIOS:
        return _named(sensor, _RATIOS[name])
    cells = any(word in low for word in _CELL)
    if name in _EXTREMES:
        return cells and _EXTREMES[name] in low
    if name == "cell_voltages":
        return cells
    return name != "voltage" or not (cells or "min" in low or "max" in low)


def _named(sensor: str, words: Iterable[str]) -> bool:
    """Whether a name has one of the words; a letter with `_` must begin a word of the name."""
    name = sensor.lower()
    return any(
        re.search(rf"(?<![a-z]){re.escape(word)}" if word[-1] == "_" else re.escape(word), name) for word in words
    )
