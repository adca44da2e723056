"""Hosts as their pool sees them: what is in flight to each, where it had come to, and when too many have died."""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from actors.work import Pair, WorkBatch
from altergo_interface import InfrastructureError

DEATHS_IN_A_ROW = 50
"""So many hosts that die one after the other, with nothing done in between, are no model's fault."""


@dataclass(slots=True, eq=False)
class Host:
    """One host actor and the batches that are in flight to it. It gets none before it has answered `asked`, which
    takes as long as the cluster needs to find a CPU for it."""

    actor: Any
    asked: Any
    ready: bool = False
    batches: dict[Any, WorkBatch] = field(default_factory=dict)

    def takes(self, batch: WorkBatch, at_once: int) -> bool:
        """Whether it has room. A suspect is alone with its host."""
        if batch.suspect or any(flying.suspect for flying in self.batches.values()):
            return not self.batches
        return len(self.batches) < at_once


@dataclass(slots=True)
class Deaths:
    """Tells hosts that die of their work from a cluster on which none can live."""

    in_a_row: int = 0
    acquitted: int = 0

    def died(self, batches: Collection[WorkBatch], why: str) -> None:
        """A host has died with these batches. Raises InfrastructureError where no model can be to blame any more.

        Batches that were not suspected before do not count: each may hold a pair that kills. Nor do as many deaths
        as suspects were acquitted: then hosts live, and most of what is left are the guilty.
        """
        self.in_a_row += not batches or any(batch.suspect for batch in batches)
        if self.in_a_row > DEATHS_IN_A_ROW + self.acquitted:
            raise InfrastructureError(f"hosts keep dying: {why}", "What was committed stays")

    def survived(self, batch: WorkBatch) -> None:
        """A host has come back with this batch."""
        self.in_a_row = 0
        self.acquitted += batch.suspect


class Witness:
    """Knows which pair each batch of suspects has come to: it outlives the host that the pair kills."""

    def __init__(self) -> None:
        self._at: dict[int, Pair] = {}

    def note(self, number: int, asset: str, model: str) -> None:
        """A batch has come to this pair."""
        self._at[number] = (asset, model)

    def last(self, number: int) -> Pair | None:
        """The pair that a batch has come to; it is forgotten then."""
        return self._at.pop(number, None)


def cause_of(error: Exception) -> str:
    """What Ray knows of a host's death; empty: nothing. It sees that a process ends, but tells no signal."""
    text = str(error)
    if "running low on memory" in text:
        return "out of memory: Ray ended it because its node was running low"
    return "its node died" if "node has died" in text else ""


def first_line(error: BaseException) -> str:
    """The first line of an error's text that says something."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def hint_of(address: str | None) -> str:
    """What to do where Ray could not be started. To a driver without its token a cluster does not answer."""
    if address or os.environ.get("RAY_ADDRESS"):
        return "Is it the head's? If that has a token: RAY_AUTH_MODE=token, and the same ~/.ray/auth_token"
    return "Try --local"
