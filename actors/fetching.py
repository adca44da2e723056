"""Fetching: what a platform has that the log has not, ingested like any other events."""

import json
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from altergo_interface import ParameterError
from altergo_interface.gateway import Gateway, GatewayError
from altergo_interface.parameters import check_parameter
from event_store.ingest.batch import IngestReport
from event_store.ingest.fetched import append_fetched
from event_store.ingest.spool import EventSpool
from event_store.parameters import Given, append_parameters
from event_store.queries import newest_stamps
from event_store.store import Store

OVERLAP_S = 2 * 86_400.0
"""So far before a sensor's newest stamp a fetch begins: samples that reach the platform late come along."""
BATCH_EVENTS = 5_000_000


@dataclass(slots=True)
class FetchReport:
    """What a fetch brought. `failed` names assets of which something could not be had, and why: what came of them
    is in the log, and the next fetch goes on from there. `refused` names parameters that cannot be taken."""

    gateway: str
    assets: int = 0
    appended: int = 0
    duplicates: int = 0
    late: int = 0
    quarantined: int = 0
    parameters: int = 0
    batches: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def add(self, batch: IngestReport) -> None:
        """Count a batch in."""
        for name in ("appended", "duplicates", "late", "quarantined"):
            setattr(self, name, getattr(self, name) + getattr(batch, name))
        self.batches += [] if batch.known else [batch.batch]
        for reason, count in batch.reasons:
            self.reasons[reason] = self.reasons.get(reason, 0) + count


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch. `known` are the parameters that models take, `chemistries` those that the settings add; `full`
    fetches every sensor from its first sample on."""

    root: Path
    gateway: Gateway
    known: Collection[str] = ()
    chemistries: Collection[str] = ()
    overlap_s: float = OVERLAP_S
    full: bool = False
    batch_events: int = BATCH_EVENTS

    def run(self, assets: Sequence[str]) -> FetchReport:
        """Fetch these assets, some of them to a batch. A failing one is reported and stops no other."""
        report = FetchReport(self.gateway.name, len(assets))
        newest = {} if self.full or Store.missing(self.root) else newest_stamps(Store.open(self.root), assets)
        waiting = list(assets)
        with TemporaryDirectory() as folder:
            while waiting:
                given: list[Given] = []
                path = Path(folder) / f"{len(waiting)}.parquet"
                with EventSpool(path) as spool:
                    while waiting and spool.rows < self.batch_events:
                        asset = waiting.pop(0)
                        self._asset(asset, newest.get(asset, {}), spool, given, report)
                self._ingest(spool, given, report)
                path.unlink()
        return report

    def _asset(
        self, asset: str, newest: Mapping[str, int], spool: EventSpool, given: list[Given], report: FetchReport
    ) -> None:
        since = {sensor: t - round(self.overlap_s * 1e6) for sensor, t in newest.items()}
        try:
            given += self._parameters(asset, report)
            for page in self.gateway.fetch(asset, since):
                spool.add(asset, page.sensor, page.t, page.x)
        except GatewayError as error:
            report.failed.append((asset, str(error)))

    def _parameters(self, asset: str, report: FetchReport) -> list[Given]:
        found = []
        for name, value in self.gateway.parameters(asset).items():
            if value is None or (isinstance(value, float) and not math.isfinite(value)):
                continue
            try:
                checked = check_parameter(name, value, self.known, "parameters", self.chemistries)
                found.append(Given(asset, *_as_stored(*checked), None))
            except ParameterError as error:
                report.refused.append((asset, str(error)))
            except (TypeError, ValueError):
                report.refused.append((asset, f"parameters: {name} holds what JSON cannot"))
        return found

    def _ingest(self, spool: EventSpool, given: list[Given], report: FetchReport) -> None:
        if spool.rows or given:
            store = Store.create(self.root)
            if spool.rows:
                report.add(append_fetched(store, spool.path, self.gateway.name, time.time_ns() // 1000))
            if given:
                report.parameters += append_parameters(store, given, self.gateway.name)


def _as_stored(name: str, value: Any) -> tuple[str, Any]:
    """The value as it comes back from the store, so that equal ones are equal."""
    return name, json.loads(json.dumps(value, allow_nan=False))
