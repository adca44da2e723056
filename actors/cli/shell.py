"""What all commands share: the fleet, and how results are shown."""

import json
import math
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from actors.cli.tables import show_table

if TYPE_CHECKING:
    from actors.fleet import Fleet
    from altergo_interface import TwinsError

EXIT_WITH_FINDINGS = 1
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Shell:
    """The global options, and output in the form that they ask for."""

    store: Path
    settings: Path | None
    models_dirs: tuple[Path, ...]
    as_json: bool

    def fleet(self) -> "Fleet":
        """The fleet over the chosen store."""
        from actors.fleet import Fleet  # half a second: help and completion do without

        return Fleet(self.store, self.settings, self.models_dirs)

    def show(self, document: Any, lines: Iterable[str] = ()) -> None:
        """The JSON document with `--json`, else the lines."""
        if self.as_json:
            sys.stdout.write(json.dumps(plain(document), ensure_ascii=False) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in lines)

    def table(self, document: Any, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str) -> None:
        """The JSON document with `--json`, else the rows as a table that fits the terminal."""
        if self.as_json or not rows:
            self.show(document, [empty])
            return
        show_table(rows, columns, [[cell(row.get(column)) for row in rows] for column in columns])


def of(context: typer.Context) -> Shell:
    """The shell of a running command."""
    shell: Shell = context.obj
    return shell


def settings_error(what: str, hint: str) -> "TwinsError":
    """An error of the command line's own, made without the engine until there is one."""
    from altergo_interface import SettingsError

    return SettingsError(what, hint)


def cut(line: str) -> str:
    """A line that nobody reads to its end, as long as the terminal is wide; whole where there is none."""
    width = shutil.get_terminal_size().columns
    return line if not sys.stdout.isatty() or len(line) <= width else line[: width - 1] + "…"


def rest(count: int) -> None:
    """Say that a list was cut, if it was."""
    if count > SHOWN:
        say(f"… and {count - SHOWN:,} more")


def say(text: str) -> None:
    """A line for the operator, on stderr."""
    sys.stderr.write(text + "\n")


def plain(value: Any) -> Any:
    """A value as JSON can carry it: times in ISO 8601 UTC, and no NaN."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def cell(value: Any) -> str:
    """A value as a table shows it."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(cell, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
