"""Loads and validates the packaged open-circuit-voltage tables (sources: SOURCES.md in this folder)."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altergo_interface.errors import ParameterError, did_you_mean

CHEMISTRIES = ("LFP", "NMC", "NCA", "LCO", "LMO", "LTO")
_OCV_RANGE_V = (0.0, 5.0)


@dataclass(frozen=True, eq=False)
class OcvTable:
    """One chemistry's open-circuit voltage.

    Attributes:
        chemistry: upper-case name.
        soc: state of charge, fraction, shape (n,), strictly increasing from 0 to 1.
        open_circuit_v: open-circuit voltage of one cell, V, shape (n,), never decreasing.
    """

    chemistry: str
    soc: NDArray[np.float64]
    open_circuit_v: NDArray[np.float64]

    def __post_init__(self) -> None:
        problem = _problem(self.soc, self.open_circuit_v)
        if problem:
            raise ParameterError(f"OCV table {self.chemistry}: {problem}")

    def ocv(self, soc: ArrayLike) -> NDArray[np.float64]:
        """Voltage of one cell at rest, V, by linear interpolation; same shape as `soc`.

        Outside 0..1 the end value holds; NaN stays NaN.
        """
        return np.asarray(np.interp(np.asarray(soc, dtype=np.float64), self.soc, self.open_circuit_v))


def load_table(chemistry: str) -> OcvTable:
    """The packaged table of a chemistry, in any case (`nmc`, `NMC`); its arrays are read-only."""
    name = chemistry.strip().upper()
    if name not in CHEMISTRIES:
        raise ParameterError(f"unknown chemistry '{chemistry}'", did_you_mean(name, CHEMISTRIES))
    return _read(name)


@cache
def _read(name: str) -> OcvTable:
    with files(__package__).joinpath(f"{name.lower()}.csv").open(encoding="utf-8") as lines:
        rows = [(float(row["soc"]), float(row["ocv"])) for row in csv.DictReader(lines)]
    columns = np.ascontiguousarray(np.array(rows, dtype=np.float64).T)
    # The table is shared by all callers.
    columns.setflags(write=False)
    return OcvTable(name, columns[0], columns[1])


def _problem(soc: NDArray[np.float64], ocv: NDArray[np.float64]) -> str:
    """What is wrong with a table, or an empty string; a NaN fails every comparison and so is caught."""
    if soc.ndim != 1 or soc.shape != ocv.shape or len(soc) < 2:
        return "soc and ocv must be two columns of the same length, at least 2"
    if not (soc[0] == 0.0 and soc[-1] == 1.0 and np.all(np.diff(soc) > 0)):
        return "soc must increase strictly from 0 to 1"
    if not np.all(np.diff(ocv) >= 0):
        return "ocv must never decrease"
    low, high = _OCV_RANGE_V
    if not (ocv[0] >= low and ocv[-1] <= high):
        return f"ocv must lie within {low:g} to {high:g} V"
    return ""
