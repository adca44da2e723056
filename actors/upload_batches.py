"""Cutting an upload into batches of assets whose points fit into memory together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from event_store.ledger import AssetWork

ROWS_AT_ONCE = 2_000_000
ASSETS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class UploadBatch:
    """Assets of one bucket, and those of their pairs (asset, model) that are to be looked at."""

    bucket: int
    assets: Sequence[str]
    pairs: Sequence[tuple[str, str]]


def upload_batches(
    work: Iterable[AssetWork], rows: Mapping[int, Sequence[tuple[int, int]]], assets: Mapping[int, int]
) -> list[UploadBatch]:
    """Batches by bucket. `rows` are those of each segment with its newest run, `assets` how many share them.

    Assets that were never sent are read from their first point on, and must not make batches of the others small.
    """
    ordered = sorted(work, key=_place)
    found = []
    for (bucket, _), group in groupby(ordered, key=_place):
        alike = [*group]
        since = min((p.run or 0) for asset in alike for p in asset.pairs if p.moved)
        each = sum(count for newest, count in rows.get(bucket, ()) if newest > since) / max(assets.get(bucket, 1), 1)
        size = max(1, min(ASSETS_AT_ONCE, int(ROWS_AT_ONCE / max(each, 1))))
        found += [_batch(bucket, alike[low : low + size]) for low in range(0, len(alike), size)]
    return found


def _place(asset: AssetWork) -> tuple[int, bool]:
    return asset.bucket, any(pair.moved and pair.run is None for pair in asset.pairs)


def _batch(bucket: int, work: Sequence[AssetWork]) -> UploadBatch:
    pairs = [(asset.asset_id, pair.model) for asset in work for pair in asset.pairs if pair.moved]
    return UploadBatch(bucket, [asset.asset_id for asset in work], pairs)
