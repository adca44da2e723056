"""Asset parameters that the engine itself knows, and their checks."""

import difflib
import math
from collections.abc import Collection
from typing import Any

from altergo_interface.chemistries import CHEMISTRY, OCV_TABLE, check_chemistry
from altergo_interface.errors import ParameterError
from altergo_interface.ocv_columns import checked_ocv
from altergo_interface.sensors import SensorRule

SENSOR_OVERRIDES = ("cadence_s", "current_sign", "max_silence_s", "telemetry")
"""Fields of a sensor's declaration that an asset may set for all of its sensors."""

KNOWN = ("capacity", CHEMISTRY, OCV_TABLE, "cells_in_series", *SENSOR_OVERRIDES)


def check_parameter(
    given: str, value: Any, known: Collection[str], where: str, chemistries: Collection[str] = ()
) -> tuple[str, Any]:
    """The parameter's name, in the case in which it is known, and its value in canonical form.

    `known` are the further names that registered models take, `chemistries` those that the settings add. A name that
    nobody knows is kept as an attribute of the asset (a site, an owner), unless it looks like a known one misspelt.

    Raises ParameterError naming `where` (file and row).
    """
    names = {name.lower(): name for name in (*known, *KNOWN)}
    name = names.get(given.lower())
    if name is None:
        near = difflib.get_close_matches(given.lower(), names, n=1, cutoff=0.75)
        if near:
            raise ParameterError(f"{where}: unknown parameter '{given}'", f"Did you mean '{names[near[0]]}'?")
        return given, value
    if name == CHEMISTRY:
        return name, check_chemistry(value, chemistries, where)
    if name == OCV_TABLE:
        return name, checked_ocv(value, f"{where}: {name}")
    if name in ("capacity", "cells_in_series"):
        return name, _positive(name, value, where)
    return name, _sensor_override(name, value, where) if name in SENSOR_OVERRIDES else value


def _positive(name: str, value: Any, where: str) -> float | int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(f"{where}: {name} {value!r} is no number", "Leave the cell empty if unknown") from None
    if not math.isfinite(number) or number <= 0:
        raise ParameterError(f"{where}: {name} must be greater than 0, not {value}", "Correct it")
    if name == "cells_in_series":
        if not number.is_integer():
            raise ParameterError(f"{where}: cells_in_series must be whole, not {value}", "Correct it")
        return int(number)
    return number


def _sensor_override(name: str, value: Any, where: str) -> Any:
    try:
        return getattr(SensorRule.model_validate({name: value}), name)
    except ValueError:
        raise ParameterError(f"{where}: {name} cannot be {value!r}", "The README lists what it may be") from None
