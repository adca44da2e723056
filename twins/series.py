"""An asset's events as the fold reads them: pieces of the log, joined sensor by sensor when first asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from altergo_interface.data import Times, Values

Column = tuple[Times, Values]
"""Stamps (n,) int64 µs UTC and values (n,) float64 as delivered."""
Pieces = Mapping[str, Sequence[Column]]


class AssetSeries:
    """The events of one asset from some edge on.

    `pieces` are, per sensor, columns sorted by stamp, in the order of the log. `newest` is the stamp of the asset's
    newest event, of whatever sensor: it says which slot is open. `merged` are sensors whose pieces are the same as in
    a series that has merged them. Its length is the number of rows.
    """

    def __init__(self, pieces: Pieces, newest: int, merged: Mapping[str, Column] | None = None) -> None:
        self._pieces = pieces
        self.newest = newest
        self.events: Mapping[str, Column] = _Merged(pieces, merged or {})

    @classmethod
    def of(cls, events: Mapping[str, Column], newest: int) -> "AssetSeries":
        """From one column per sensor."""
        return cls({sensor: [column] for sensor, column in events.items()}, newest)

    def __len__(self) -> int:
        return sum(len(t) for pieces in self._pieces.values() for t, _ in pieces)

    def since(self, start: int | None) -> "AssetSeries":
        """The same from `start` on (None: all of it)."""
        if start is None:
            return self
        return AssetSeries(self._cut(lambda t: slice(int(t.searchsorted(start)), None)), self.newest)

    def newest_before(self, end: int) -> int | None:
        """The stamp of the newest event before `end`; None where there is none."""
        found = (t[: int(t.searchsorted(end))] for pieces in self._pieces.values() for t, _ in pieces)
        return max((int(t[-1]) for t in found if len(t)), default=None)

    def first_from(self, start: int | None) -> int | None:
        """The stamp of the first event at or after `start`; None where there is none."""
        floor = -(2**63) if start is None else start
        found = (t[int(t.searchsorted(floor)) :] for pieces in self._pieces.values() for t, _ in pieces)
        return min((int(t[0]) for t in found if len(t)), default=None)

    def count(self, start: int | None, end: int | None) -> int:
        """The rows in [start, end); None: no bound."""
        low = -(2**63) if start is None else start
        pieces = [t for found in self._pieces.values() for t, _ in found]
        stops = [len(t) if end is None else int(t.searchsorted(end)) for t in pieces]
        return sum(max(0, stop - int(t.searchsorted(low))) for t, stop in zip(pieces, stops, strict=True))

    def without_deleted(self) -> "AssetSeries | None":
        """The same without the stamps whose winning value is NaN, which stands for a deleted event; None where
        nothing is left."""
        alive = {sensor: (t[~np.isnan(x)], x[~np.isnan(x)]) for sensor, (t, x) in self.events.items()}
        kept = {sensor: [column] for sensor, column in alive.items() if len(column[0])}
        newest = max((int(t[-1]) for columns in kept.values() for t, _ in columns), default=None)
        return None if newest is None else AssetSeries(kept, newest)

    def with_columns(self, columns: Mapping[str, Column]) -> "AssetSeries":
        """The same with further series, whose stamps do not count for `newest`. What is merged stays so."""
        if not columns:
            return self
        pieces = {**self._pieces, **{name: [column] for name, column in columns.items()}}
        return AssetSeries(pieces, self.newest, merged=self.events)

    def followed_by(self, later: "AssetSeries") -> "AssetSeries":
        """Both; `later` is what the log holds behind this one, so that of equal stamps its events win."""
        pieces = {sensor: [column] for sensor, column in self.events.items()}
        for sensor, more in later._pieces.items():
            pieces[sensor] = [*pieces.get(sensor, ()), *more]
        return AssetSeries(pieces, max(self.newest, later.newest))

    def owned(self) -> "AssetSeries":
        """The same in memory of its own: what it was cut from can be freed."""
        return AssetSeries.of({sensor: (t.copy(), x.copy()) for sensor, (t, x) in self.events.items()}, self.newest)

    def before(self, end: int) -> "AssetSeries | None":
        """What lies before `end`; None where nothing does."""
        kept = self._cut(lambda t: slice(0, int(t.searchsorted(end))))
        newest = max((int(t[-1]) for pieces in kept.values() for t, _ in pieces), default=None)
        return None if newest is None else AssetSeries(kept, newest)

    def _cut(self, part: Callable[[Times], slice]) -> dict[str, list[Column]]:
        found: dict[str, list[Column]] = {}
        for sensor, pieces in self._pieces.items():
            cut = [(t[part(t)], x[part(t)]) for t, x in pieces]
            found[sensor] = [(t, x) for t, x in cut if len(t)]
        return {sensor: pieces for sensor, pieces in found.items() if pieces}


class _Merged(Mapping[str, Column]):
    """One column per sensor, merged when first asked for: sensors that feed no model cost nothing. Those in `base`
    are merged there, for all that have it as their base."""

    def __init__(self, pieces: Pieces, base: Mapping[str, Column]) -> None:
        self._pieces = pieces
        self._base = base
        self._known: dict[str, Column] = {}

    def __getitem__(self, sensor: str) -> Column:
        if sensor not in self._known:
            self._known[sensor] = self._base.get(sensor) or merge(self._pieces[sensor])
        return self._known[sensor]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)


def merge(pieces: Sequence[Column]) -> Column:
    """Join pieces of one series, each sorted by stamp, given in log order: of equal stamps the later wins."""
    ordered = sorted(pieces, key=lambda piece: int(piece[0][0]))  # stable: log order among equal first stamps
    apart = all(a[0][-1] < b[0][0] for a, b in pairwise(ordered))
    if apart and all(bool((t[1:] > t[:-1]).all()) for t, _ in ordered):
        if len(ordered) == 1:
            return ordered[0]
        return np.concatenate([t for t, _ in ordered]), np.concatenate([x for _, x in ordered])
    t = np.concatenate([t for t, _ in pieces])
    x = np.concatenate([x for _, x in pieces])
    order = np.argsort(t, kind="stable")
    t, x = t[order], x[order]
    winners = np.append(t[1:] != t[:-1], True)
    return t[winners], x[winners]
