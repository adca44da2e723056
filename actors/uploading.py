"""Uploading: a platform is sent exactly what changed since the last upload, restated and withdrawn points included.

Of each batch of assets the ledger first notes what is about to be sent; then the assets are sent theirs, a call each;
then the ledger notes that the platform has it. Killed in between, the next upload sends again what is in doubt.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from actors.opened import Opened
from actors.selection import Selection
from actors.upload_batches import UploadBatch, upload_batches
from actors.upload_changes import PairChange, changes_of, ledger_rows
from actors.upload_report import UploadReport
from altergo_interface import SelectionError
from altergo_interface.config import ModelSettings
from altergo_interface.gateway import Gateway, GatewayError, GatewayUnavailable
from altergo_interface.output import Naming, check_names, naming_of, naming_text, points_of, read_naming
from event_store.ledger import (
    AssetWork,
    PairMark,
    begin_upload,
    end_upload,
    intend,
    moved_assets,
    output_rows,
    settle,
    write_sent,
)
from event_store.publish import publish
from event_store.store import Store
from event_store.unsent import unsent

SETTLE_EVERY_S = 1.0
"""To settle an asset takes 30 to 50 ms where there are 500,000 pairs: that is not done for each."""


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """How far an upload is: assets that were looked at, of all with work, and points sent."""

    assets: int
    all_assets: int
    points: int
    seconds: float


def upload(
    fleet: Opened,
    gateway: Gateway,
    select: str | None = None,
    *,
    dry_run: bool = False,
    on_progress: Callable[[UploadProgress], None] = lambda _: None,
) -> UploadReport:
    """Send a platform what changed since the last upload; see UploadReport. With `dry_run` nothing is changed.

    A run may go on meanwhile. An asset that the platform refuses does not stop the others; a platform that cannot be
    reached ends the upload, and the next one goes on. Raises StoreBusy while another upload holds the store,
    SettingsError where two outputs of an asset have one name, SelectionError for an unknown name.
    """
    store = fleet.store()
    with store.uploading():
        settings = fleet.settings()
        namings = {
            name: naming_of(name, spec.manifest.outputs, settings.models.get(name, ModelSettings()).outputs)
            for name, spec in fleet.registry().items()
        }
        selection = _checked(store, select, namings)
        return _Upload(store, gateway, namings, UploadReport(gateway.name, dry_run), on_progress).execute(
            selection, settings.source
        )


def _checked(store: Store, select: str | None, models: Mapping[str, Naming]) -> Selection:
    selection = Selection.parse(select)
    if selection.named("reason") or selection.named("status"):
        raise SelectionError(f"--select {select}: an upload is of assets and models", "Use asset: and model:")
    if select:
        with store.catalog.session("upload") as con:
            names = {name for (name,) in con.execute("select asset_id from store.assets").fetchall()}
        selection.check(names, models)
    return selection


class _Upload:
    """One upload. The caller holds the upload lock."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        namings: Mapping[str, Naming],
        report: UploadReport,
        on_progress: Callable[[UploadProgress], None],
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._namings = namings
        self._texts = {model: naming_text(naming) for model, naming in namings.items()}
        self._report = report
        self._on_progress = on_progress
        self._began = time.monotonic()
        self._number = 0
        self._total = 0
        self._looked_at = 0
        self._settled = self._began
        self._done: list[PairMark] = []

    def execute(self, selection: Selection, where: str) -> UploadReport:
        """Do all batches; whatever ends it, what was sent is noted."""
        batches = self._plan(selection, where)
        if batches and not self._report.dry_run:
            with self._store.catalog.transaction("upload") as con:
                self._number = begin_upload(con, self._report.gateway, datetime.now(UTC))
        status = "failed"
        try:
            for batch in batches:
                self._batch(batch)
            status = "done"
        except GatewayUnavailable as error:
            self._report.error, self._report.unreachable = str(error), True
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            self._report.seconds = time.monotonic() - self._began
            if self._number:
                self._close(status)
        return self._report

    def _plan(self, selection: Selection, where: str) -> list[UploadBatch]:
        with self._store.catalog.session("upload") as con:
            found, unknown = moved_assets(con, self._report.gateway, self._texts)
            rows, assets = output_rows(con)
        self._report.warnings += [
            f"model '{model}' is not registered: {pairs} pairs were left as they are"
            for model, pairs in sorted(unknown.items())
        ]
        work = [chosen for asset in found if (chosen := _chosen(asset, selection)) is not None]
        self._check_names(work, where)
        self._total = len(work)
        return [*upload_batches(work, rows, assets)]

    def _check_names(self, work: list[AssetWork], where: str) -> None:
        """By asset, because models that share a name may be for different kinds of assets."""
        seen: set[tuple[tuple[str, str], ...]] = set()
        for asset in work:
            stay = (pair for pair in asset.pairs if not (pair.moved and pair.gone))
            after = ((pair.model, self._texts[pair.model] if pair.moved else pair.held) for pair in stay)
            named = tuple((model, text) for model, text in after if text is not None)
            if named not in seen:
                seen.add(named)
                check_names({model: read_naming(text) for model, text in named}, f"{where}: {asset.asset_id}")

    def _batch(self, batch: UploadBatch) -> None:
        with unsent(self._store, self._report.gateway, batch.pairs, self._texts) as found:
            changes, marks = changes_of(found, self._namings), found.marks()
        if self._report.dry_run:
            for asset in sorted(changes):
                self._report.add(asset, [change for _, change in changes[asset]])
        else:
            self._done += [mark for mark in marks if mark.asset_id not in changes]
            if changes:
                self._send(changes, marks)
            self._settle()
        self._looked_at += len(batch.assets)
        self._tell()

    def _send(self, changes: Mapping[str, list[PairChange]], marks: list[PairMark]) -> None:
        platform, number = self._report.gateway, self._number
        segments = write_sent(self._store, number, *ledger_rows(platform, number, changes))
        marked = [mark for mark in marks if mark.asset_id in changes]
        of_asset: dict[str, list[PairMark]] = defaultdict(list)
        for mark in marked:
            of_asset[mark.asset_id].append(mark)
        with self._store.catalog.transaction("upload") as con:
            intend(con, platform, number, segments, marked)
        for asset in sorted(changes):
            sent = [change for _, change in changes[asset]]
            try:
                self._gateway.send(asset, points_of(sent))
            except GatewayUnavailable:
                raise
            except GatewayError as error:
                self._report.failed.append((asset, str(error)))
                continue
            self._report.add(asset, sent)
            self._done += of_asset[asset]
            if time.monotonic() - self._settled >= SETTLE_EVERY_S:
                self._settle()
                self._tell()

    def _settle(self) -> None:
        if self._done:
            with self._store.catalog.transaction("upload") as con:
                settle(con, self._report.gateway, self._number, self._done)
        self._done = []
        self._settled = time.monotonic()

    def _close(self, status: str) -> None:
        self._settle()
        with self._store.catalog.transaction("upload") as con:
            end_upload(con, self._number, status, datetime.now(UTC), self._report.counts)
        publish(self._store)

    def _tell(self) -> None:
        seconds = time.monotonic() - self._began
        self._on_progress(UploadProgress(self._looked_at, self._total, self._report.points, seconds))


def _chosen(asset: AssetWork, selection: Selection) -> AssetWork | None:
    """The asset with those pairs left alone that are not selected; None where none is."""
    pairs = [pair._replace(moved=pair.moved and selection.covers(asset.asset_id, pair.model)) for pair in asset.pairs]
    return replace(asset, pairs=pairs) if any(pair.moved for pair in pairs) else None
