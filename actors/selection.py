"""Selectors: `asset:GLOB`, `model:NAME`, `reason:NAME`, `status:NAME`, separated by commas.

Same kinds mean or, different kinds mean and; a bare word is an asset glob.
"""

import fnmatch
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from altergo_interface import SelectionError
from altergo_interface.errors import did_you_mean

KINDS = ("asset", "model", "reason", "status")


@dataclass(frozen=True, slots=True)
class Selection:
    """A parsed selector; an empty one selects everything."""

    parts: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> "Selection":
        """Parse a selector. Raises SelectionError for an unknown kind."""
        parts: dict[str, list[str]] = defaultdict(list)
        for word in (part.strip() for part in (text or "").split(",")):
            kind, colon, value = word.partition(":")
            if not word:
                continue
            if not colon or kind not in KINDS:
                if colon and kind.isalpha():
                    raise SelectionError(f"unknown selector '{kind}:'", did_you_mean(kind, KINDS))
                kind, value = "asset", word
            parts[kind].append(value)
        return cls(tuple((kind, tuple(values)) for kind, values in parts.items()))

    def takes(self, kind: str, values: str | Collection[str]) -> bool:
        """Whether something with this value, or any of these, is selected as far as `kind` is concerned."""
        wanted = dict(self.parts).get(kind)
        if wanted is None:
            return True
        given = (values,) if isinstance(values, str) else values
        if kind == "asset":
            return any(fnmatch.fnmatchcase(value, glob) for value in given for glob in wanted)
        return any(value in wanted for value in given)

    def named(self, kind: str) -> tuple[str, ...]:
        """The values asked for of a kind."""
        return dict(self.parts).get(kind, ())
