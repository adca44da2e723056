"""Where things lie in a store, and how assets are spread over buckets."""

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BUCKETS = 32
"""Segments per month and kind stay few (views over 100,000 files take seconds) and batches stay small."""


def bucket_of(asset_id: str, buckets: int = BUCKETS) -> int:
    """The bucket of an asset: stable, and independent of what its id contains."""
    return int.from_bytes(hashlib.blake2b(asset_id.encode(), digest_size=8).digest(), "big") % buckets


def bucket_folder(bucket: int) -> str:
    """The folder of a bucket's segments below that of their kind."""
    return f"b={bucket:04d}"


def month_of(t: int) -> str:
    """The month (`2026-01`) that holds a stamp (µs UTC)."""
    return str(np.datetime64(t, "us").astype("M8[M]"))


def new_segment(kind: str, bucket: int, month: str) -> str:
    """A fresh path for a segment."""
    return f"segments/{kind}/{bucket_folder(bucket)}/{month}/{uuid.uuid4().hex}.parquet"


@dataclass(frozen=True, slots=True)
class StorePaths:
    """The files of a store. Asset ids and sensor names are data and never part of a path."""

    root: Path

    @property
    def catalog(self) -> Path:
        """The writer's database."""
        return self.root / "catalog.duckdb"

    @property
    def published(self) -> Path:
        """The users' copy, replaced atomically."""
        return self.root / "fleet.duckdb"

    @property
    def locks(self) -> Path:
        """The folder of lock files."""
        return self.root / "locks"
