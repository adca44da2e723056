"""Cutting an upload into batches of assets whose points fit into memory together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from event_store.ledger import AssetWork

ROWS_AT_ONCE = 2_000_000
ASSETS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class UploadBatch:
    """Assets, and those of their pairs (asset, model) that are to be looked at."""

    assets: Sequence[str]
    pairs: Sequence[tuple[str, str]]


def upload_batches(
    work: Iterable[AssetWork], rows: Mapping[int, Sequence[tuple[int, int]]], assets: Mapping[int, int]
) -> Iterator[UploadBatch]:
    """Batches, bucket after bucket. `rows` are those of each segment of a bucket with its newest run, `assets` how
    many share them."""
    chosen: list[AssetWork] = []
    expected = 0.0
    for asset, weight in _weighed(work, rows, assets):
        if chosen and (expected + weight > ROWS_AT_ONCE or len(chosen) == ASSETS_AT_ONCE):
            yield _batch(chosen)
            chosen, expected = [], 0.0
        chosen.append(asset)
        expected += weight
    if chosen:
        yield _batch(chosen)


def _weighed(
    work: Iterable[AssetWork], rows: Mapping[int, Sequence[tuple[int, int]]], assets: Mapping[int, int]
) -> Iterator[tuple[AssetWork, float]]:
    """Each asset with the rows to expect of it: those of the segments that hold something newer than it was sent.

    Assets that were never sent come last: they are read from their first point on, and would bring the others to read
    as much.
    """
    for (never, bucket), group in groupby(sorted(work, key=_place), key=_place):
        alike = [*group]
        since = 0 if never else min((pair.run or 0) for asset in alike for pair in asset.pairs if pair.moved)
        newer = sum(count for newest, count in rows.get(bucket, ()) if newest > since)
        yield from ((asset, newer / max(assets.get(bucket, 1), 1)) for asset in alike)


def _place(asset: AssetWork) -> tuple[bool, int]:
    return any(pair.moved and pair.run is None for pair in asset.pairs), asset.bucket


def _batch(work: Sequence[AssetWork]) -> UploadBatch:
    pairs = [(asset.asset_id, pair.model) for asset in work for pair in asset.pairs if pair.moved]
    return UploadBatch([asset.asset_id for asset in work], pairs)
