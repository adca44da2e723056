"""Which columns of a file hold what, and a clear refusal where they do not add up."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from altergo_interface.errors import IngestError, did_you_mean
from event_store.ingest.options import ParseOptions

_SHOWN = 12  # of a file's columns, in a message


@dataclass(frozen=True)
class Layout:
    """The file's names of our columns. Narrow: a sensor and one value column; wide: no sensor column."""

    ts: str
    values: tuple[str, ...]
    asset: str | None  # None: `fixed_asset` is the asset of every row
    sensor: str | None
    fixed_asset: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that hold names."""
        return tuple(column for column in (self.asset, self.sensor) if column is not None)

    @property
    def columns(self) -> list[str]:
        """All columns that are read."""
        return [*self.names, self.ts, *self.values]


def layout(path: Path, header: Sequence[str], options: ParseOptions) -> Layout:
    """Finds our columns in a file's header.

    Raises:
        IngestError: a column is missing or appears twice, or the options contradict the header.
    """
    fixed = _fixed_asset(path, options)
    if fixed is not None and "asset_id" in header:
        raise IngestError(
            f"{path} has a column 'asset_id', and the options give an asset too",
            "Drop --asset or --asset-from-name",
        )
    ours = ["asset_id"] * (fixed is None) + ["ts"]
    if not options.wide:
        ours += ["sensor"] if options.retract else ["sensor", "value"]
    theirs = {column: options.columns.get(column, column) for column in ours}
    if missing := [name for name in theirs.values() if name not in header]:
        raise _missing(path, header, missing, options)
    asset, ts = theirs.get("asset_id"), theirs["ts"]
    if options.wide:
        values = _wide_values(path, [name for name in header if name not in (asset, ts)])
        found = Layout(ts, values, asset, None, fixed)
    else:
        found = Layout(
            ts, tuple(theirs[name] for name in ("value",) if name in theirs), asset, theirs["sensor"], fixed
        )
    if twice := [name for name in found.columns if header.count(name) > 1]:
        raise IngestError(f"{path} has more than one column '{twice[0]}'", "Rename or remove one")
    return found


def _fixed_asset(path: Path, options: ParseOptions) -> str | None:
    if options.asset_from_name is None:
        return options.asset
    match = re.search(options.asset_from_name, path.name)
    asset = match and (match[1] if match.re.groups else match[0])
    if not asset or not asset.strip():
        raise IngestError(
            f"{path}: --asset-from-name '{options.asset_from_name}' finds no asset in '{path.name}'",
            "Correct the expression, or give --asset",
        )
    return asset


def _wide_values(path: Path, names: list[str]) -> tuple[str, ...]:
    if {"sensor", "value"} <= set(names):
        raise IngestError(f"{path} has the columns 'sensor' and 'value' of a narrow file", "Drop --wide")
    if not names:
        raise IngestError(f"{path} has no sensor columns", "A wide file has one column per sensor")
    for name in names:
        # An unnamed column is most often a data frame's index, which is no sensor.
        if not name.strip() or re.fullmatch(r"__index_level_\d+__", name):
            raise IngestError(f"{path} has a column without a name ('{name}')", "Name it or remove it")
    return tuple(names)


def _missing(path: Path, header: Sequence[str], missing: list[str], options: ParseOptions) -> IngestError:
    shown = ", ".join(f"'{name}'" for name in header[:_SHOWN]) + (", …" if len(header) > _SHOWN else "")
    wanted = ", ".join(f"'{name}'" for name in missing)
    what = f"{path} has no column {wanted}; it has {shown}"
    if len(header) == 1 and (found := next((sign for sign in ";\t|," if sign in header[0]), None)):
        return IngestError(what, f"Is the delimiter {found!r}? Give it with --delimiter")
    folded = {name.strip().casefold(): name for name in header}
    if {"sensor", "value"} <= set(missing) and folded.keys().isdisjoint({"sensor", "value"}):
        also = ", with --asset, if no column names it" if "asset_id" in missing else ""
        hint = f"Is there one column per sensor? Then --wide{also}; else name the columns with --mapping"
        return IngestError(what, hint)
    near = did_you_mean(missing[0].casefold(), folded)
    hint = f"Did you mean '{folded[near.split(chr(39))[1]]}'? " if near.startswith("Did") else ""
    also = ", or give --asset" if missing[0] == options.columns.get("asset_id", "asset_id") else ""
    return IngestError(what, f"{hint}Name the columns with --mapping{also}")
