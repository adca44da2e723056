"""From the rows that a batch of an upload reads to what each asset is sent, and to the ledger's rows of that."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from altergo_interface.output import (
    NEVER,
    NOTHING,
    Change,
    Curve,
    Naming,
    Sent,
    Series,
    difference,
    read_naming,
    renamed_units,
    series_of,
)
from event_store.ledger import sent_table
from event_store.paths import bucket_of
from event_store.unsent import Unsent

_Key = tuple[str, str, str]
"""Asset, model, and output or series."""
Buckets = NDArray[np.int64]
PairChange = tuple[str, Change]
"""Model, and what is to be sent of one of its series."""


def changes_of(found: Unsent, namings: Mapping[str, Naming]) -> dict[str, list[PairChange]]:
    """By asset, what has to be sent; assets that the platform has as they are do not occur."""
    present: dict[_Key, tuple[Series, Curve]] = {}
    for (asset, model, output), _, curve in _curves(found.present()):
        series = namings.get(model, {}).get(output) or series_of(model, output, None)
        present[asset, model, series.sensor] = (series, curve)
    table = found.sent()
    sure = table.column("sure").to_numpy()
    sent = {key: Sent(curve, sure[rows]) for key, rows, curve in _curves(table)}
    doubted = {
        asset: {name for text in texts for name in renamed_units(read_naming(text), namings.values())}
        for asset, texts in found.held().items()
    }
    changes: dict[str, list[PairChange]] = defaultdict(list)
    for key in sorted({*present, *sent}):
        asset, model, sensor = key
        series, curve = present.get(key) or (Series(sensor, ""), NOTHING)
        before = sent.get(key, NEVER)
        before = before.doubted() if sensor in doubted.get(asset, ()) else before
        change = difference(series, curve, before)
        if change is not None:
            changes[asset].append((model, change))
    return dict(changes)


def _curves(table: pa.Table) -> Iterator[tuple[_Key, slice, Curve]]:
    """Each (asset, model, name) of a table that is sorted by them, with its rows."""
    if table.num_rows == 0:
        return
    keys = [table.column(name).combine_chunks().dictionary_encode() for name in ("asset_id", "model", "name")]
    codes = np.stack([key.indices.to_numpy() for key in keys])
    edges = (np.flatnonzero((codes[:, 1:] != codes[:, :-1]).any(axis=0)) + 1).tolist()
    t, x, label = (table.column(name) for name in ("ts", "value", "label"))
    stamps, values, worded = t.to_numpy(), x.to_numpy(), label.null_count < table.num_rows
    for low, high in zip([0, *edges], [*edges, table.num_rows], strict=True):
        asset, model, name = (k.dictionary[int(c)].as_py() for k, c in zip(keys, codes[:, low], strict=True))
        words = np.array(label[low:high].to_pylist(), object) if worded else None
        labels = words if words is not None and (words != None).any() else None  # noqa: E711 - elementwise
        yield (asset, model, name), slice(low, high), Curve(stamps[low:high], values[low:high], labels)


def ledger_rows(platform: str, number: int, changes: Mapping[str, Sequence[PairChange]]) -> tuple[pa.Table, Buckets]:
    """What the ledger keeps of changes: a row for each point, and one for each stamp that is withdrawn; and in which
    bucket each lies."""
    pieces = [(asset, model, change) for asset, found in changes.items() for model, change in found]
    sizes = [(len(change.curve.t), len(change.withdrawn)) for *_, change in pieces]
    counts = [points + gone for points, gone in sizes]

    def repeated(names: Sequence[str]) -> pa.Array:
        return pa.array(np.repeat(np.array(names, object), counts), pa.string())

    labels = [label for *_, change in pieces for label in _labels(change)]
    blank = [np.full(gone, np.nan) for _, gone in sizes]
    held = [np.repeat([True, False], size) for size in sizes]
    buckets = np.repeat([bucket_of(asset) for asset, _, _ in pieces], counts)
    rows = sent_table(
        {
            "asset_id": repeated([asset for asset, _, _ in pieces]),
            "platform": pa.array([platform] * sum(counts), pa.string()),
            "model": repeated([model for _, model, _ in pieces]),
            "series": repeated([change.series.sensor for *_, change in pieces]),
            "ts": np.concatenate([part for *_, c in pieces for part in (c.curve.t, c.withdrawn)]),
            "value": np.concatenate([p for (*_, c), b in zip(pieces, blank, strict=True) for p in (c.curve.x, b)]),
            "label": pa.array(labels, pa.string()),
            "held": pa.array(np.concatenate(held)),
            "run": pa.array(np.full(sum(counts), number, np.int64)),
        }
    )
    return rows, buckets


def _labels(change: Change) -> Sequence[str | None]:
    words: list[str | None] = [None] * (len(change.curve.t) + len(change.withdrawn))
    if change.curve.labels is not None:
        words[: len(change.curve.t)] = change.curve.labels.tolist()
    return words
