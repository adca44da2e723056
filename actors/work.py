"""The messages between the driver and its hosts: what to replay, and what came of it. Plain values that pickle."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from actors.slowest import Slowest
from altergo_interface.config import Settings
from event_store.commit import GroupResult
from event_store.log import LogSegment
from event_store.probe import Probe
from event_store.segment_files import SegmentFiles
from twins import ParameterFact

Pair = tuple[str, str]
"""Asset and model."""


@dataclass(frozen=True, slots=True)
class PairWork:
    """One pair to replay: from the snapshot `carry` at the edge `start` (µs UTC), or from genesis (both None).

    Attributes:
        reasons, events: why it was planned, and how many events were expected.
        fingerprint: the value of its fingerprint; version: of the head that it was planned from.
        head: that head (µs UTC), and `tail` its snapshot, for a replay that may end early at one of `checks`.
        stop: the edge before which to stop; days: how much event time may be replayed.
        above: the models whose outputs it takes; consumed: the runs that these outputs come from, 0 for this one.
        kept: whether its results are stored; else they only feed others.
        blocked_by: the parked model that it waits for.
    """

    model: str
    reasons: tuple[str, ...]
    fingerprint: str
    version: int
    start: int | None
    carry: str | None
    head: int | None = None
    tail: str | None = None
    checks: tuple[tuple[int, str], ...] = ()
    stop: int | None = None
    days: float | None = None
    above: tuple[str, ...] = ()
    consumed: Mapping[str, int] = field(default_factory=dict)
    kept: bool = True
    blocked_by: str | None = None
    events: int = 0


@dataclass(frozen=True, slots=True)
class AssetWork:
    """One asset's pairs in the order of the model graph, and what is known of the asset."""

    asset_id: str
    sensors: frozenset[str]
    parameters: tuple[ParameterFact, ...]
    pairs: tuple[PairWork, ...]

    @property
    def start(self) -> int | None:
        """The earliest edge that any pair needs (None: genesis)."""
        starts = [pair.start for pair in self.pairs if pair.blocked_by is None]
        return None if None in starts else min((start for start in starts if start is not None), default=None)


@dataclass(frozen=True, slots=True)
class WorkBatch:
    """Assets of one bucket, replayed in one call; `events` is the planned number. With a `suspect` in it, it is alone
    with its host."""

    number: int
    bucket: int
    seq: int
    run: int
    segments: Sequence[LogSegment]
    assets: Sequence[AssetWork]
    events: int
    suspect: bool = False

    @property
    def kept(self) -> list[Pair]:
        """The pairs whose results are stored."""
        return [(work.asset_id, pair.model) for work in self.assets for pair in work.pairs if pair.kept]


Note = Callable[[str, str], None]
"""Told the asset and model of each pair that is about to be replayed."""


def no_note(asset: str, model: str) -> None:
    """Nobody wants to know."""


class Notice(NamedTuple):
    """What a model wants an operator to know of an asset."""

    asset_id: str
    model: str
    text: str


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch came to. `events` were folded; `remaining` pairs are not at their newest event yet; `notices` and
    `slowest` assets are for the operator."""

    number: int
    group: GroupResult
    pairs: int
    parked: Sequence[tuple[str, str, str]]
    blocked: Sequence[tuple[str, str, str]]
    events: int
    remaining: int
    notices: Sequence[Notice]
    slowest: Slowest


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What a host needs to build twins. `fingerprints` are the driver's: a host that differs refuses to work, and so
    does one that cannot read the `probe`."""

    files: SegmentFiles
    settings: Settings
    models_dirs: tuple[Path, ...]
    fingerprints: Mapping[str, str]
    probe: Probe
