"""How results show themselves: a few lines of text in a REPL, a small table in a notebook."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

SHOWN = 10
"""So many rows of a table; how many more there are is said below it."""

_TABLE = 'style="border-collapse:collapse"'
_RULE = "border-bottom:1px solid rgba(128,128,128,.4)"
_CELL = "padding:.15em .8em .15em 0;text-align:left;vertical-align:top"
_SMALL = "opacity:.75;font-size:90%"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table, already cut to SHOWN; `of` them there are."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    of: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What an object shows of itself: a title, one line of facts, and in a notebook a table."""

    title: str
    facts: Sequence[str] = ()
    table: Rows | None = None

    def text(self) -> str:
        """One line."""
        return f"<{self.title}: {', '.join(self.facts)}>" if self.facts else f"<{self.title}>"

    def html(self) -> str:
        """Readable on a light and on a dark page: no colour is set but that of thin grey lines. No scripts."""
        parts = [f"<strong>{escape(self.title)}</strong>"]
        if self.facts:
            parts.append(f'<div style="{_SMALL}">{escape(", ".join(self.facts))}</div>')
        if self.table is not None and self.table.rows:
            parts += _table(self.table)
        return f"<div>{''.join(parts)}</div>"


class Displayed(ABC):
    """An object that a REPL and a notebook show by its summary."""

    __slots__ = ()

    @abstractmethod
    def _summary(self) -> Summary:
        """What there is to show. It reads no file and waits for nothing."""

    def _notebook_summary(self) -> Summary:
        """What a notebook shows, where that is more than the text."""
        return self._summary()

    def __repr__(self) -> str:
        return self._summary().text()

    def _repr_html_(self) -> str:
        return self._notebook_summary().html()


def counted(number: int, what: str, plural: str = "") -> str:
    """`1 pair`, `2,000 pairs`."""
    return f"{number:,} {what if number == 1 else plural or what + 's'}"


def _table(table: Rows) -> list[str]:
    head = "".join(f'<th style="{_CELL};{_RULE}">{escape(name)}</th>' for name in table.columns)
    lines = ["".join(f'<td style="{_CELL}">{escape(_shown(value))}</td>' for value in row) for row in table.rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    more = table.of - len(table.rows)
    rest = [f'<div style="{_SMALL}">… and {more:,} more</div>'] if more > 0 else []
    return [f"<table {_TABLE}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", *rest]


def _shown(value: object) -> str:
    """A value as a cell shows it: six digits of a number, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
