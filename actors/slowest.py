"""Which assets take the most time: for the operator alone, no result depends on it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest
from typing import NamedTuple

KEPT = 5
STANDS_OUT = 10
"""So many times the mean of all assets."""
WORTH_SAYING_S = 1.0


class Replayed(NamedTuple):
    """An asset and the time that its pairs spent in the replay."""

    seconds: float
    asset_id: str


@dataclass(slots=True)
class Slowest:
    """The slowest of `assets` that have taken so many `seconds` altogether, the slowest first."""

    top: list[Replayed] = field(default_factory=list)
    assets: int = 0
    seconds: float = 0.0

    def add(self, found: Replayed) -> None:
        """One more asset."""
        self.merge(Slowest([found], 1, found.seconds))

    def merge(self, other: "Slowest") -> None:
        """Those of another batch. Pairs of one asset that ran apart count as two assets."""
        self.top = nlargest(KEPT, (*self.top, *other.top))
        self.assets += other.assets
        self.seconds += other.seconds

    def outstanding(self) -> list[Replayed]:
        """Those that take far longer than the others, and long enough for somebody to care."""
        limit = max(WORTH_SAYING_S, STANDS_OUT * self.seconds / max(self.assets, 1))
        return [found for found in self.top if found.seconds >= limit]


def named(found: Iterable[Replayed]) -> str:
    """As one line."""
    return ", ".join(f"{each.asset_id} {each.seconds:.1f} s" for each in found)
