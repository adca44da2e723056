"""Filling a store and keeping it in order: events, assets, housekeeping."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from actors.assets_file import read_assets_file
from actors.fetching import OVERLAP_S, Fetch, FetchReport
from actors.opened import Opened
from actors.selection import chosen_assets
from actors.verify import verify
from altergo_interface.gateway import Gateway
from altergo_interface.manifest import GROUPS
from event_store.backup import RestoreReport, restore_store
from event_store.compact import CompactReport
from event_store.garbage import GRACE_S, GcReport, gc
from event_store.housekeeping import compact_store
from event_store.ingest import ParseOptions, check_file
from event_store.ingest.append import ingest_file, read_events
from event_store.ingest.batch import IngestReport
from event_store.ingest.undo import RetractReport, retract_batch
from event_store.initial import init_store
from event_store.migrations import UpgradeReport, upgrade
from event_store.parameters import append_parameters
from event_store.publish import publish
from event_store.purge import PurgeReport, purge_asset
from event_store.store import Store
from event_store.verify import Verification


class Upkeep(Opened):
    """The part of the facade that runs no model."""

    # --- events and assets -----------------------------------------------------------------------------------

    def init(self, segments: str | None = None) -> str:
        """Make a new store; `segments` is the URI at which its segments will lie, by default in its folder.

        Returns where they lie. Raises StoreError where there is a store already.
        """
        return str(init_store(self.root, segments).files)

    def ingest(
        self, path: str | Path, options: ParseOptions | None = None, *, again: bool = False, dry_run: bool = False
    ) -> IngestReport:
        """Append a file's events; creates the store where there is none. See IngestReport."""
        now_us = time.time_ns() // 1000
        chosen = options or ParseOptions()
        # Where nothing will be written, no store may come into being either.
        new = Store.missing(self.root)
        parsed = read_events(Path(path), chosen, now_us) if new else None
        with TemporaryDirectory() if new and dry_run else nullcontext(self.root) as root:
            store = Store.create(Path(root))
            return ingest_file(store, Path(path), chosen, now_us, again=again, dry_run=dry_run, parsed=parsed)

    def fetch(
        self,
        gateway: Gateway,
        select: str | None = None,
        *,
        overlap_s: float = OVERLAP_S,
        full: bool = False,
    ) -> FetchReport:
        """Ingest what a platform has that the log has not: events, and parameters that have changed.

        Every sensor is fetched from `overlap_s` before its newest stamp on, or with `full` from its first sample.
        Creates the store where there is none. See FetchReport; raises SelectionError for an unknown asset.
        """
        assets = chosen_assets(gateway.assets(), select)
        return Fetch(self.root, gateway, self._parameter_names(), self.settings().chemistries, overlap_s, full).run(
            assets
        )

    def retract(self, batch: str) -> RetractReport:
        """Undo an ingest batch: its rows stay in the log and count no more. See `batches`."""
        return retract_batch(self.store(), batch)

    def check_files(self, paths: Sequence[Path], options: ParseOptions) -> None:
        """Raise IngestError for the first file that cannot be ingested at all; nothing is written.

        Several files are parsed before the first is appended, so that a broken one leaves nothing half done.
        """
        for path in paths:
            check_file(path)
        for path in paths if len(paths) > 1 else ():
            read_events(path, options, time.time_ns() // 1000)

    def import_assets(self, path: str | Path) -> int:
        """Take asset parameters from a registry file; returns how many were new or different."""
        given = read_assets_file(Path(path), self._parameter_names(), self.settings().chemistries)
        return append_parameters(Store.create(self.root), given, str(path))

    def _parameter_names(self) -> set[str]:
        """What registered models may take from an asset's parameters."""
        inputs = [entry for spec in self.registry().values() for entry in spec.manifest.inputs.items()]
        return {name for name, entry in inputs if entry.type not in GROUPS}

    def purge(self, asset_id: str) -> PurgeReport:
        """Remove every trace of an asset. Raises SelectionError for an unknown one, StoreBusy during a run."""
        return purge_asset(self.store(), asset_id)

    def publish(self) -> None:
        """Bring the published copy up to date."""
        publish(self.store())

    # --- housekeeping ----------------------------------------------------------------------------------------

    def compact(self, every: bool = False) -> CompactReport:
        """Merge small segments, of crowded places or of `every` one. Runs do so by themselves."""
        return compact_store(self.store(), every)

    def gc(self, grace_s: float = GRACE_S, dry_run: bool = False) -> GcReport:
        """Delete files that nothing names and that are older than the grace. See GcReport."""
        return gc(self.store(), grace_s, dry_run)

    def verify(self, sample: int | None = None) -> Verification:
        """Check files, heads and figures, and replay a sample of pairs. See Verification."""
        return verify(self.store(), self.registry(), self.settings(), sample)

    def restore(self, segments: str | None = None) -> RestoreReport:
        """Bring back a store of the newest backup of its catalog, beside its segments. See RestoreReport."""
        report = restore_store(self.root, segments)
        if not report.missing:
            self.publish()
        return report

    def upgrade(self) -> UpgradeReport:
        """Bring a store of an older version to this engine's; the old catalog is kept beside it."""
        return upgrade(self.store())
