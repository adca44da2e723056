"""Values as a page writes them."""

import math
from typing import Any

import numpy as np

from altergo_interface.data import Values


def number(value: float, digits: int = 4) -> str:
    """A number with so many significant digits, thousands separated, and no exponent where none is needed."""
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else str(value)
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    if 1e-3 <= abs(value) < 1e12:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{places}f}"
        return text.rstrip("0").rstrip(".") if places else text
    return f"{value:.{digits}g}"


def moment(t: int | None) -> str:
    """A stamp (µs UTC) to the second."""
    return "" if t is None else str(np.datetime64(t, "us").astype("M8[s]")).replace("T", " ") + " UTC"


def stamp(t: int | None) -> str:
    """The same in a table, where it must not be broken; the page says that it is UTC."""
    return moment(t).removesuffix(" UTC").replace(" ", "\N{NO-BREAK SPACE}")


def shown(unit: str | None, x: Values) -> tuple[str | None, Values]:
    """A unit and values in it as people read them: a fraction in percent."""
    return ("%", x * 100.0) if unit == "fraction" else (unit, x)


def duration(seconds: float) -> str:
    """A duration in its largest unit."""
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{number(seconds / size, 3)} {name}"
    return f"{number(seconds, 3)} s"


def cell(value: Any) -> str:
    """A value in a table's cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(float(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    return str(value)
