"""Tables that fit where they are shown: a row is a line on a pipe, and on a terminal as wide as that is.

Numbers stand at the right. Ids, times and numbers are never cut; long text is folded, and nested values end with an
ellipsis. Where not even that fits, each row becomes a block of lines, one for each column.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

GAP = 2
WHOLE = 32
"""A value without spaces is kept in one piece: however long it is if all fits, else up to this width."""
NARROWEST = 16
"""Text is not folded into less."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column with its cells as text, the width that shows it uncut, and how it may be narrowed."""

    name: str
    cells: tuple[str, ...]
    width: int
    numeric: bool
    nested: bool

    def least(self, whole: int) -> int:
        """What it takes at the least, where values without spaces stay in one piece up to a width."""
        longest = max(self.cells, key=len, default="")
        if self.numeric or "\n" in longest or (" " not in longest and len(longest) <= whole):
            return self.width
        return min(self.width, max(NARROWEST, len(self.name)))


def show_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    shown: Sequence[Sequence[str]],
    width: int | None = None,
) -> None:
    """Print rows: their values, and the same as text. `width` None: that of the terminal, or of whatever is piped."""
    made = [_column(name, [row.get(name) for row in rows], cells) for name, cells in zip(columns, shown, strict=True)]
    if width is None and not sys.stdout.isatty():
        sys.stdout.writelines(f"{line}\n" for line in _lines(made))
        return
    console = terminal(width)
    widths = _widths(made, console.width)
    console.print(_blocks(made) if widths is None else _grid(made, widths))


def terminal(width: int | None = None) -> "Console":
    """The terminal, in colour unless NO_COLOR is set."""
    from rich.console import Console

    return Console(width=width, color_system=None if os.environ.get("NO_COLOR") else "auto", highlight=False)


def _column(name: str, values: Sequence[Any], cells: Sequence[str]) -> Column:
    known = [value for value in values if value is not None]
    numeric = bool(known) and all(isinstance(v, int | float | Decimal) and not isinstance(v, bool) for v in known)
    nested = any(isinstance(value, Mapping | list | tuple) for value in known)
    width = max(len(line) for cell in (name, *cells) for line in cell.splitlines() or [""])
    return Column(name, tuple(cells), width, numeric, nested)


def _lines(columns: Sequence[Column]) -> list[str]:
    """Each row on a line of its own, however long."""
    padded = []
    for column in columns:
        words = [column.name, *map(_flat, column.cells)]
        width = max(map(len, words))
        padded.append([word.rjust(width) if column.numeric else word.ljust(width) for word in words])
    return [(" " * GAP).join(cells).rstrip() for cells in zip(*padded, strict=True)]


def _flat(cell: str) -> str:
    return " ".join(cell.split()) if "\n" in cell else cell


def _widths(columns: Sequence[Column], room: int) -> list[int] | None:
    """A width for each column, None: they do not fit. What is left over the least goes to the widest evenly."""
    room -= GAP * (len(columns) - 1)
    for whole in (room, WHOLE):
        widths = [column.least(whole) for column in columns]
        if sum(widths) <= room:
            break
    else:
        return None
    while sum(widths) < room and (wanting := [i for i, column in enumerate(columns) if widths[i] < column.width]):
        for i in wanting[: room - sum(widths)]:
            widths[i] += 1
    return widths


def _grid(columns: Sequence[Column], widths: Sequence[int]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, GAP, 0, 0))
    for column, width in zip(columns, widths, strict=True):
        table.add_column(
            Text(column.name),
            width=width,
            justify="right" if column.numeric else "left",
            no_wrap=column.nested or width >= column.width,
            overflow="ellipsis" if column.nested else "fold",
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    return table


def _blocks(columns: Sequence[Column]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, GAP, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for number, cells in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if number:
            table.add_row("", "")
        for column, cell in zip(columns, cells, strict=True):
            table.add_row(Text(column.name), Text(cell))
    return table
