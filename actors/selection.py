"""Selectors: `asset:GLOB`, `model:NAME`, `reason:NAME`, `status:NAME`, separated by commas.

Same kinds mean or, different kinds mean and; a bare word is an asset glob.
"""

import fnmatch
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from altergo_interface import SelectionError
from altergo_interface.errors import did_you_mean
from twins.planned import REASONS

KINDS = ("asset", "model", "reason", "status")
WORDS = {
    "reason": REASONS,
    "status": ("new", "ok", "parked", "blocked"),
}
"""The values that a kind can have, where they are known beforehand."""


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
                sign, _, name = word.partition("=")
                if sign in KINDS and name:
                    raise SelectionError(f"unknown selector '{word}'", f"Did you mean '{sign}:{name}'?")
                kind, value = "asset", word
            if kind in WORDS and value not in WORDS[kind]:
                raise SelectionError(f"unknown {kind} '{value}'", did_you_mean(value, WORDS[kind]))
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

    def covers(self, asset: str, model: str) -> bool:
        """Whether a pair is selected, whatever its reasons and status are."""
        return self.takes("asset", asset) and self.takes("model", model)

    def named(self, kind: str) -> tuple[str, ...]:
        """The values asked for of a kind."""
        return dict(self.parts).get(kind, ())

    def check(self, assets: Collection[str], models: Collection[str]) -> None:
        """Raise SelectionError for a name that stands for no asset or model."""
        for name in self.named("model"):
            if name not in models:
                raise SelectionError(f"no enabled model is called '{name}'", did_you_mean(name, models))
        for glob in self.named("asset"):
            if not any(fnmatch.fnmatchcase(asset, glob) for asset in assets):
                from event_store.nearest import name_hint  # DuckDB is not needed to complete a selector

                raise SelectionError(f"no asset matches '{glob}'", name_hint(assets, glob))


def chosen_assets(assets: Collection[str], text: str | None) -> list[str]:
    """The assets that a selector of assets alone takes, each once.

    Raises SelectionError for another kind of selector, and for a name that stands for no asset.
    """
    selection = Selection.parse(text)
    other = next((kind for kind, _ in selection.parts if kind != "asset"), None)
    if other is not None:
        raise SelectionError(f"--select {text}: only assets can be chosen here, no {other}", "Use asset:GLOB")
    selection.check(assets, ())
    return [asset for asset in dict.fromkeys(assets) if selection.takes("asset", asset)]
