"""Bits of Markdown that the generated pages share."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

MADE = "Made by `make docs` from the code: do not edit it.\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a cell would end it, so it is replaced by another one."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', '∣').replace(chr(10), ' ') for cell in line)} |\n" for line in lines
    )


def code(text: str) -> str:
    """A text that shall stand as it is: backticks of its own become other quotes."""
    return "`" + text.replace("`", "'") + "`" if text.strip() else ""


def first_sentence(documented: Any) -> str:
    """The first paragraph of a docstring, as one line."""
    return " ".join(inspect.cleandoc(documented.__doc__ or "").split("\n\n")[0].split())
