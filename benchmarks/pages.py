"""What dashboards cost: to write, in bytes, and until they stand in a real Chromium with their table and first plots.

python -m benchmarks.pages --assets 10000
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from actors import Fleet
from actors.simulated import write_fleet
from benchmarks.replicas import write_replicas
from models._simulator import FleetSpec

NAMES = ("chromium", "chromium-browser", "google-chrome")
ROUNDS = 5


def main() -> None:
    """A fleet's page, and that of an asset with a year at a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=2)
    asked = parser.parse_args()
    print(f"{'page':34}{'written in s':>14}{'MB':>8}{'open in s (median, most)':>28}")
    with tempfile.TemporaryDirectory(prefix="twins-pages-") as folder, sync_playwright() as play:
        found = next(filter(None, map(shutil.which, NAMES)))
        browser = play.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        root = Path(folder)
        many = _store(root / "many", write_replicas(root / "files", asked.assets, asked.days, 600), root / "files")
        began = time.perf_counter()
        page = many.fleet_dashboard(pages=0)
        _show(browser, f"fleet of {asked.assets:,} assets", page, time.perf_counter() - began)
        year = _store(root / "one", write_fleet(FleetSpec(1, 365), root / "year"), root / "year")
        began = time.perf_counter()
        asset = year.dashboard("EV-0000")
        _show(browser, "asset with a year at a minute", asset, time.perf_counter() - began)
        browser.close()


def _store(place: Path, files: list[Path], registry: Path) -> Fleet:
    fleet = Fleet(place)
    for file in files:
        fleet.ingest(file)
    fleet.import_assets(registry / "assets.csv")
    fleet.run(local=True)
    return fleet


def _show(browser: Browser, what: str, page: Path, seconds: float) -> None:
    opened = [_open(browser, page) for _ in range(ROUNDS)]
    size = page.stat().st_size / 1e6
    print(f"{what:34}{seconds:>14.2f}{size:>8.2f}{statistics.median(opened):>20.2f}{max(opened):>8.2f}")


def _open(browser: Browser, path: Path) -> float:
    """From the address to the page that says that it is ready."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(path.absolute().as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    seconds = time.perf_counter() - began
    context.close()
    return seconds


if __name__ == "__main__":
    main()
