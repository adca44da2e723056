"""What a plan is made from: facts about assets and pairs, as value types."""

from collections.abc import Mapping
from typing import NamedTuple

from twins.binding import ParameterFact
from twins.fingerprint import Fingerprint


class Arrival(NamedTuple):
    """What one ingest batch changed in an asset's log, in one run of slots that follow each other: how many events,
    the earliest and the latest of them (µs UTC; None: nothing but duplicates)."""

    seq: int
    changed: int
    changed_from: int | None
    changed_to: int | None


class AssetFacts(NamedTuple):
    """What the log knows of an asset at the plan's sequence. `arrivals` are those that some pair has not seen."""

    asset_id: str
    bucket: int
    sensors: frozenset[str]
    parameters: tuple[ParameterFact, ...]
    arrivals: tuple[Arrival, ...]
    first_ts: int | None
    last_ts: int | None
    events: int


class Rung(NamedTuple):
    """A stored edge of a pair (µs UTC): the hash of its carry, where the last visited slot before it ended, and
    whether the carry itself is kept."""

    at: int
    digest: str
    through: int | None
    full: bool


class Mask(NamedTuple):
    """Rows of a pair from `since` on (µs UTC; None: all) that runs before number `run` wrote were replaced."""

    since: int | None
    run: int


class Head(NamedTuple):
    """How far a pair has come, and what it was computed with.

    Attributes:
        head: the edge (µs UTC) up to which it is closed; None: it has no good state.
        through: the end of the last visited slot before it (µs UTC); None: none was visited.
        as_of: the newest event that it has folded (µs UTC).
        seq: the sequence of the log that it has seen; run: the number of the run that made it.
        fingerprint: of the last good state (None: there is none); tried: of the last attempt, made at `tried_seq`.
        consumed: model above it to the number of the run whose outputs it has read.
        edges, masks: its stored edges and what was replaced of it, as far as a plan needs them.
    """

    model: str
    head: int | None
    through: int | None
    as_of: int | None
    seq: int
    run: int
    version: int
    status: str
    fingerprint: Fingerprint | None
    tried: Fingerprint
    tried_seq: int
    choices: Mapping[str, str]
    tried_choices: Mapping[str, str]
    open_events: int
    consumed: Mapping[str, int] = {}
    edges: tuple[Rung, ...] = ()
    masks: tuple[Mask, ...] = ()
