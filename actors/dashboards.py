"""The part of the facade that draws dashboards: of an asset, of the fleet, of the models in debug mode."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.asset_view import AssetLook, Range
from actors.debug_pages import DebugPages, debug_pages, debugged
from actors.effective import effective
from actors.fleet_view import fleet_view
from actors.page_files import FOLDER, asset_file, written
from actors.planning import enabled_models
from actors.platform import WithPlatform
from actors.times import parse_range
from altergo_interface import SelectionError
from altergo_interface.dashboards import asset_page, fleet_page
from altergo_interface.errors import did_you_mean
from event_store.paths import StorePaths
from event_store.pinned import Pinned, pinned
from event_store.published import published_meta

PAGES = 25
"""So many assets get their page with the fleet's, if nothing else is asked for: some seconds' work."""


class WithDashboards(WithPlatform):
    """The part of the facade that draws dashboards."""

    def dashboard(
        self, asset_id: str, out: str | Path | None = None, *, since: str | None = None, until: str | None = None
    ) -> Path:
        """Write an asset's dashboard, a self-contained HTML file, and give its path.

        It shows the store's publication: the same publication, settings and range give the same bytes. Times are
        ISO 8601, half-open; of a short range every sample is drawn. `out` is by default a place in the store, where
        the fleet's dashboard expects it.

        Raises SelectionError for an unknown asset or a range without events, StoreError where the file cannot be
        written.
        """
        chosen = Range(*parse_range(since, until))
        with self._pinned() as pin:
            look = self._look(pin)(asset_id, chosen)
            look.check_range()
            text = asset_page(look.view())
        # The page of a part must not take the place of the whole one, to which the fleet's leads.
        return written(Path(out) if out is not None else asset_file(self.root / FOLDER, asset_id, chosen.name), text)

    def fleet_dashboard(
        self,
        out: str | Path | None = None,
        *,
        pages: int = PAGES,
        on_page: Callable[[Path], None] = lambda _: None,
    ) -> Path:
        """Write the fleet's dashboard, a self-contained HTML file, and give its path.

        The pages of `pages` assets, those that want attention first, are written to the folder `assets` beside it,
        where its links lead; `on_page` is told each.
        """
        target = Path(out) if out is not None else self.root / FOLDER / "fleet.html"
        with self._pinned() as pin:
            view = fleet_view(pin, pages)
            look = self._look(pin)
            for asset_id in map(str, view.column("asset")[:pages]):
                page = asset_file(target.parent, asset_id)
                on_page(written(page, asset_page(look(asset_id, Range()).view())))
            return written(target, fleet_page(view))

    def _debug_pages(self, run_id: str) -> DebugPages:
        """Write the page of every pair of a run whose model is in debug mode."""
        wanted = debugged(self.settings(), self.registry(tell=False))
        if not wanted:
            return DebugPages()
        with self._pinned() as pin:
            return debug_pages(pin, self.root, run_id, wanted, self._look(pin))

    @contextmanager
    def _pinned(self) -> Iterator[Pinned]:
        """The publication as it is now; made where there is none, or where the store has moved since."""
        paths = StorePaths(self.store().paths.root)
        if published_meta(paths).get("root") != str(paths.root):
            self.publish()
        with pinned(paths) as pin:
            yield pin

    def _look(self, pin: Pinned) -> Callable[[str, Range], AssetLook]:
        """How to look at an asset of a publication, with the settings in force now."""
        settings, registry = self.settings(), self.registry()
        models = enabled_models(registry, settings)
        values = effective(settings, registry, {})

        def look(asset_id: str, chosen: Range) -> AssetLook:
            facts = pin.facts(asset_id)
            if asset_id not in facts.assets:
                names = [row["asset_id"] for row in pin.rows("select asset_id from assets limit 100000")]
                raise SelectionError(f"no asset is called '{asset_id}'", did_you_mean(asset_id, names))
            return AssetLook(pin, asset_id, chosen, registry, settings, models, values, facts)

        return look
