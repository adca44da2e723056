"""The packaged tables by chemistry (sources: SOURCES.md in this folder), and an asset's own."""

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from altergo_interface.errors import ParameterError, did_you_mean
from altergo_interface.ocv_columns import checked_ocv, read_ocv_csv
from models._ocv.curve import OcvTable

GENERIC_SIGMA_V = {"LFP": 0.005, "NMC": 0.070, "NCA": 0.045, "LCO": 0.070, "LMO": 0.050, "LTO": 0.050}
"""1 σ, V, of a packaged table against a cell that goes by its chemistry's name: a name is a guess. RMS difference
over 10 to 95 % SOC to the other measured cells and published parameter sets that SOURCES.md lists."""

OWN_SIGMA_V = 0.003
"""1 σ, V, of a table that was made for the cell: scatter between cells of one type, and of the measurement."""

CHEMISTRIES = tuple(GENERIC_SIGMA_V)


def table_for(chemistry: str, own: Mapping[str, Any] | None = None) -> OcvTable:
    """The asset's own table (columns as in `altergo_interface.ocv_columns`), else the packaged one of its chemistry.

    Raises ParameterError for an unknown chemistry and for columns that are no table.
    """
    if own is None:
        return load_table(chemistry)
    return _own(_known(chemistry), json.dumps(own, sort_keys=True, default=list))


def load_table(chemistry: str) -> OcvTable:
    """The packaged table of a chemistry, in any case (`nmc`, `NMC`); its arrays are read-only."""
    return _packaged(_known(chemistry))


def _known(chemistry: str) -> str:
    name = chemistry.strip().upper()
    if name not in CHEMISTRIES:
        raise ParameterError(f"unknown chemistry '{chemistry}'", did_you_mean(name, CHEMISTRIES))
    return name


@lru_cache(maxsize=64)
def _own(chemistry: str, columns: str) -> OcvTable:
    """One table per text: a fleet's assets mostly share theirs."""
    return OcvTable.of(chemistry, checked_ocv(json.loads(columns), "ocv_table"), OWN_SIGMA_V, generic=False)


@cache
def _packaged(name: str) -> OcvTable:
    file = files(__package__).joinpath(f"{name.lower()}.csv")
    with file.open(encoding="utf-8") as lines:
        columns = read_ocv_csv(lines, file.name)
    return OcvTable.of(name, columns, GENERIC_SIGMA_V[name], generic=True)
