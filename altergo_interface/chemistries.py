"""Chemistries: the six whose tables are packaged, and those that the settings add or override."""

import json
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from altergo_interface.errors import ParameterError, SettingsError, did_you_mean
from altergo_interface.ocv_columns import Columns, checked_ocv, read_ocv_csv

FAMILIES = ("LFP", "NMC", "NCA", "LCO", "LMO", "LTO")

CHEMISTRY = "chemistry"
OCV_TABLE = "ocv_table"
_KEYS = ("like", OCV_TABLE)


class Chemistry(BaseModel):
    """A chemistry of the settings: the family whose limits and rest times it takes, and its own OCV table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    like: str
    ocv_table: Columns | None = None


def parse_chemistries(raw: Mapping[str, Any], source: str) -> dict[str, Chemistry]:
    """The section `chemistries` of the settings, by upper-case name.

    An entry is `{"like": FAMILY, "ocv_table": FILE or columns}` or, for one of the six families, the file alone; a
    file is CSV and relative to the settings file `source`. Raises SettingsError naming the entry.
    """
    found: dict[str, Chemistry] = {}
    for name, entry in raw.items():
        where = f"{source}: parameters.chemistries.{name}"
        if name.upper() in found:
            raise SettingsError(f"{where}: this name is there twice", "Names count in any case: keep one")
        found[name.upper()] = _parse(name.upper(), entry, where, Path(source).parent)
    return found


def _parse(name: str, entry: Any, where: str, folder: Path) -> Chemistry:
    entry = {OCV_TABLE: entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict):
        raise SettingsError(f"{where}: neither a file nor an object", 'Give {"like": "NMC", "ocv_table": "mine.csv"}')
    for key in entry:
        if key not in _KEYS:
            raise SettingsError(f"{where}: unknown key '{key}'", did_you_mean(key, _KEYS))
    like = str(entry.get("like", name)).upper()
    if like not in FAMILIES:
        what = f"{where}: like is missing" if "like" not in entry else f"{where}: like is '{entry['like']}'"
        raise SettingsError(what, did_you_mean(like, FAMILIES))
    try:
        table = entry.get(OCV_TABLE)
        return Chemistry(like=like, ocv_table=None if table is None else ocv_table(table, folder, where))
    except ParameterError as error:
        raise SettingsError(error.what, error.hint) from error


def ocv_table(given: Any, folder: Path, where: str) -> Columns:
    """A table given as a CSV file (relative to `folder`), as columns, or as these in JSON.

    Raises ParameterError naming `where`, or the file and its row.
    """
    if not isinstance(given, str):
        return checked_ocv(given, where)
    if given.lstrip().startswith("{"):
        try:
            return checked_ocv(json.loads(given), where)
        except ValueError as error:
            raise ParameterError(f"{where}: no valid JSON ({error})", "Correct it") from None
    path = folder / given
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            return read_ocv_csv(lines, str(path))
    except OSError as error:
        raise ParameterError(f"{where}: {path}: {error.strerror}", "Name a CSV file with columns soc, ocv") from error
    except UnicodeDecodeError:
        raise ParameterError(f"{where}: {path} is no CSV file", "Name a CSV file with columns soc, ocv") from None


def check_chemistry(value: Any, added: Container[str], where: str) -> str:
    """The chemistry's upper-case name. Raises ParameterError where neither the engine nor the settings know it."""
    name = str(value).strip().upper()
    if name not in FAMILIES and name not in added:
        hint = did_you_mean(name, FAMILIES)
        raise ParameterError(f"{where}: unknown chemistry '{value}'", f"{hint}. Others are declared in the settings")
    return name


def resolved(constants: Mapping[str, Any], added: Mapping[str, Chemistry], inputs: Container[str]) -> dict[str, Any]:
    """A model's constants with a chemistry of the settings replaced by its family and its table.

    The asset's own `ocv_table` comes first; a model without such an input gets none.
    """
    found = dict(constants)
    name = found.get(CHEMISTRY)
    chemistry = added.get(name.upper()) if isinstance(name, str) else None
    if chemistry is None:
        return found
    found[CHEMISTRY] = chemistry.like
    if chemistry.ocv_table is not None and OCV_TABLE in inputs:
        found.setdefault(OCV_TABLE, chemistry.ocv_table)
    return found
