"""The messages between the driver and its hosts: what to replay, and what came of it. Plain values that pickle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from altergo_interface.config import Settings
from event_store.commit import GroupResult
from event_store.log import LogSegment
from twins import Fingerprint, ParameterFact


@dataclass(frozen=True, slots=True)
class PairWork:
    """One pair to replay: from the snapshot `carry` at the edge `start` (µs UTC), or from genesis (both None)."""

    model: str
    reasons: tuple[str, ...]
    fingerprint: Fingerprint
    version: int
    start: int | None
    carry: str | None


@dataclass(frozen=True, slots=True)
class AssetWork:
    """One asset's pairs, and what is known of the asset."""

    asset_id: str
    sensors: frozenset[str]
    parameters: tuple[ParameterFact, ...]
    pairs: tuple[PairWork, ...]

    @property
    def start(self) -> int | None:
        """The earliest edge that any pair needs (None: genesis)."""
        starts = [pair.start for pair in self.pairs]
        return None if None in starts else min(start for start in starts if start is not None)


@dataclass(frozen=True, slots=True)
class WorkBatch:
    """Assets of one bucket, replayed in one call; `events` is the planned number."""

    number: int
    bucket: int
    seq: int
    run: int
    segments: Sequence[LogSegment]
    assets: Sequence[AssetWork]
    events: int


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch came to. `events` were read; `warnings` are for the operator."""

    number: int
    group: GroupResult
    pairs: int
    parked: Sequence[tuple[str, str, str]]
    events: int
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What a host needs to build twins. `fingerprints` are the driver's: a host that differs refuses to work."""

    root: Path
    settings: Settings
    models_dirs: tuple[Path, ...]
    fingerprints: Mapping[str, Fingerprint]
