"""The form of an open-circuit-voltage table: its columns, and what makes them valid.

A table is an object (or a CSV file) of columns of one length: `soc` (fraction, strictly increasing from 0 to 1) and
`ocv` (V, one cell at rest); optional are `ocv_charge` and `ocv_discharge` (V, the two branches of the hysteresis,
together; `ocv` is their mean) and `docv_dt_v_per_k` (V/K, entropy coefficient). Voltages never decrease with `soc`.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from altergo_interface.errors import ParameterError

REQUIRED = ("soc", "ocv")
BRANCHES = ("ocv_charge", "ocv_discharge")
ENTROPY = "docv_dt_v_per_k"
COLUMNS = (*REQUIRED, *BRANCHES, ENTROPY)

VOLTAGE_RANGE_V = (0.0, 5.0)
LARGEST_ENTROPY_V_PER_K = 0.01
MEAN_TOLERANCE_V = 0.001

Columns = dict[str, list[float]]


def read_ocv_csv(lines: Iterable[str], where: str) -> Columns:
    """The columns of a CSV file with a header; unknown columns are left out.

    Raises ParameterError naming `where`, the row, and what is wrong, see `checked_ocv`.
    """
    rows = csv.DictReader(lines)
    names = [name for name in rows.fieldnames or () if name in COLUMNS]
    columns: Columns = {name: [] for name in names}
    for number, row in enumerate(rows, start=2):
        for name in names:
            try:
                columns[name].append(float(row[name]))
            except (TypeError, ValueError):
                raise ParameterError(
                    f"{where}, row {number}: {name} is {row[name]!r}, no number", "Correct it"
                ) from None
    return checked_ocv(columns, where)


def checked_ocv(columns: Any, where: str) -> Columns:
    """The known columns as lists of floats. Raises ParameterError naming `where` and the first problem."""
    if not isinstance(columns, Mapping):
        raise ParameterError(f"{where}: an OCV table is an object of columns", f"Columns: {', '.join(COLUMNS)}")
    missing = [name for name in REQUIRED if name not in columns]
    if missing or (BRANCHES[0] in columns) != (BRANCHES[1] in columns):
        named = " and ".join(missing or BRANCHES)
        raise ParameterError(f"{where}: an OCV table needs the columns {named}", f"Columns: {', '.join(COLUMNS)}")
    try:
        found = {name: [float(value) for value in columns[name]] for name in COLUMNS if name in columns}
    except (TypeError, ValueError):
        raise ParameterError(f"{where}: an OCV table holds something that is no number", "Correct it") from None
    problem = _problem(found)
    if problem:
        raise ParameterError(f"{where}: OCV table: {problem}", "Correct the table")
    return found


def _problem(columns: Columns) -> str:
    """What is wrong, or an empty string; a NaN fails every comparison and so is caught."""
    soc = columns["soc"]
    if len(soc) < 2 or any(len(column) != len(soc) for column in columns.values()):
        return "its columns must be of the same length, at least 2"
    if not (soc[0] == 0.0 and soc[-1] == 1.0 and all(a < b for a, b in pairwise(soc))):
        return "soc must increase strictly from 0 to 1"
    for name in ("ocv", *BRANCHES):
        problem = _voltage_problem(name, columns.get(name))
        if problem:
            return problem
    problem = _branch_problem(columns)
    if problem:
        return problem
    if not all(abs(x) <= LARGEST_ENTROPY_V_PER_K for x in columns.get(ENTROPY, ())):
        return f"{ENTROPY} must lie within ±{LARGEST_ENTROPY_V_PER_K:g} V/K"
    return ""


def _branch_problem(columns: Columns) -> str:
    if BRANCHES[0] not in columns:
        return ""
    for mean, upper, lower in zip(columns["ocv"], *(columns[name] for name in BRANCHES), strict=True):
        if not lower <= upper:
            return "ocv_discharge must not lie above ocv_charge"
        if not abs(mean - (upper + lower) / 2) <= MEAN_TOLERANCE_V:
            return f"ocv must be the mean of its branches, within {MEAN_TOLERANCE_V * 1000:g} mV"
    return ""


def _voltage_problem(name: str, volts: Sequence[float] | None) -> str:
    low, high = VOLTAGE_RANGE_V
    if volts is None:
        return ""
    if not all(a <= b for a, b in pairwise(volts)):
        return f"{name} must never decrease"
    if not (volts[0] >= low and volts[-1] <= high) or not math.isfinite(volts[0]):
        return f"{name} must lie within {low:g} to {high:g} V"
    return ""
