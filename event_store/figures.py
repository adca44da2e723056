"""The catalog's figures of assets and sensors, against what the log says."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from event_store.facts import read_log_segments
from event_store.ingest.recount import recount
from event_store.log import LogSegment
from event_store.store import Store, last_seq

CHUNK_EVENTS = 8_000_000
"""Assets are counted in portions of about so many events, which fit in memory."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be, and where."""

    what: str
    where: str


def chosen(names: Collection[str], count: int | None) -> list[str]:
    """So many of the names, always the same ones, spread evenly; None: all."""
    if count is None:
        return sorted(names)
    return sorted(names, key=lambda name: hashlib.blake2b(name.encode()).digest())[:count]


@dataclass(frozen=True, slots=True)
class Figures:
    """The catalog's figures of assets and their sensors, and the log that they are of."""

    log: Mapping[int, Sequence[LogSegment]]
    assets: Mapping[str, tuple[Any, ...]]
    sensors: Mapping[str, Mapping[str, tuple[Any, ...]]]
    buckets: Mapping[str, int]

    @classmethod
    def read(cls, con: duckdb.DuckDBPyConnection, sample: int | None) -> "Figures":
        """Those of all assets, or of a sample of so many."""
        rows = con.execute("select asset_id, bucket, events, first_ts, last_ts from store.assets").fetchall()
        names = chosen([row[0] for row in rows], sample)
        assets = {asset: tuple(rest) for asset, _, *rest in rows}
        buckets = {asset: bucket for asset, bucket, *_ in rows}
        con.register("_chosen", pa.table({"asset_id": pa.array(names, pa.string())}))
        query = """select asset_id, sensor, events, first_ts, last_ts, min_value, max_value
                   from store.sensors join _chosen using (asset_id) where events > 0"""
        sensors: dict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
        for asset, sensor, *rest in con.execute(query).fetchall():
            sensors[asset][sensor] = tuple(rest)
        con.unregister("_chosen")
        log = read_log_segments(con, last_seq(con), set(buckets.values()))
        return cls(log, {name: assets[name] for name in names}, sensors, buckets)

    def check(self, store: Store, unreadable: Collection[int]) -> tuple[int, list[Finding]]:
        """How many assets were counted, and which figures are wrong."""
        readable = [name for name in self.assets if self.buckets[name] not in unreadable]
        wrong = [f for bucket, names in self._portions(readable) for f in self._compare(store, bucket, names)]
        return len(readable), wrong

    def _portions(self, names: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        portion: list[str] = []
        size = 0
        for name in sorted(names, key=lambda name: (self.buckets[name], name)):
            if portion and (self.buckets[portion[0]] != self.buckets[name] or size >= CHUNK_EVENTS):
                yield self.buckets[portion[0]], portion
                portion, size = [], 0
            portion.append(name)
            size += self.assets[name][0]
        if portion:
            yield self.buckets[portion[0]], portion

    def _compare(self, store: Store, bucket: int, names: Sequence[str]) -> Iterator[Finding]:
        counted = recount(store.files, self.log, {bucket: names})
        for row in counted.assets.to_pylist():
            name, figures = row["asset_id"], (row["events"], row["first_ts"], row["last_ts"])
            if figures != self.assets[name]:
                yield Finding(f"the asset's figures are {_said(self.assets[name])}, the log's {_said(figures)}", name)
        sensors: dict[str, dict[str, tuple[Any, ...]]] = {name: {} for name in names}
        for row in counted.sensors.to_pylist():
            values = tuple(row[key] for key in ("events", "first_ts", "last_ts", "min_value", "max_value"))
            sensors[row["asset_id"]][row["sensor"]] = values
        for name in names:
            known, log = self.sensors.get(name, {}), sensors[name]
            for sensor in sorted({*known, *log}):
                if not _agree(known.get(sensor), log.get(sensor)):
                    given = f"{_said(known.get(sensor))}, the log's {_said(log.get(sensor))}"
                    yield Finding(f"the sensor's figures are {given}", f"{name} {sensor}")


def _agree(known: tuple[Any, ...] | None, log: tuple[Any, ...] | None) -> bool:
    """Counts and extents must be equal; a range may be wider, by values that were corrected since."""
    if known is None or log is None:
        return known is log
    return known[:3] == log[:3] and bool(known[3] <= log[3] and known[4] >= log[4])


def _said(figures: tuple[Any, ...] | None) -> str:
    return "none" if figures is None else ", ".join(map(str, figures))
