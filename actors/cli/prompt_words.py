"""What Tab offers at the prompt of `twins sql`: views, their columns, keywords, and the prompt's own commands."""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from altergo_interface import TwinsError

if TYPE_CHECKING:
    from actors.fleet import Fleet

_COLUMNS = "select table_name, column_name from duckdb_columns() where not internal and schema_name = 'main'"
_KEYWORDS = "select keyword_name from duckdb_keywords() order by all"
_AFTER_VIEW = re.compile(r"\b(from|join|describe|summarize)\s+\w*$", re.IGNORECASE)


class Words(Completer):
    """Completion from the published copy as it was when the prompt began."""

    def __init__(self, fleet: "Fleet", commands: tuple[str, ...]) -> None:
        self._fleet = fleet
        self._commands = (*commands, ".quit")

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What the word before the cursor may become."""
        del complete_event
        before = document.text_before_cursor
        word = re.search(r"[.\w]*$", before)[0]  # type: ignore[index]  # matches nothing, too
        if not before.lstrip().startswith("."):
            word = word.rpartition(".")[2]  # a column of an alias
        for name in dict.fromkeys(self._known(before, document.text)):
            if name.lower().startswith(word.lower()):
                yield Completion(name, start_position=-len(word))

    def _known(self, before: str, text: str) -> Iterable[str]:
        views = self._views
        if before.lstrip().startswith("."):
            return views if " " in before.lstrip() else self._commands
        if _AFTER_VIEW.search(before):
            return views
        named = [view for view in views if re.search(rf"\b{re.escape(view)}\b", text)]
        columns = [column for view in named or views for column in views[view]]
        return [*columns, *views, *self._keywords]

    @cached_property
    def _views(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for view, column in self._rows(_COLUMNS):
            found.setdefault(view, []).append(column)
        return found

    @cached_property
    def _keywords(self) -> list[str]:
        return [word for (word,) in self._rows(_KEYWORDS)]

    def _rows(self, query: str) -> list[tuple[str, ...]]:
        try:
            return self._fleet.sql(query).fetchall()  # type: ignore[no-any-return]
        except TwinsError:  # there is no store yet: a query will say so
            return []
