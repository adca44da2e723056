"""How cost and memory grow with assets and with months, as tables. Linear is a ratio of 1.

python -m benchmarks.curves
"""

import argparse
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import Cost, measure
from benchmarks.replicas import write_replicas

ASSETS = (100, 1_000, 10_000)
MONTHS = (1, 3, 12)
DAYS_OF = {1: 31, 3: 90, 12: 365}
MONTH_ASSETS = 4
DAY_CADENCE_S = 300
MONTH_CADENCE_S = 60


@dataclass(frozen=True, slots=True)
class Point:
    """One size of a fleet: the costs of its ingest, its run, a status, a run with nothing new, and a full run on one
    Ray host.

    `units` are its assets, or asset-months.
    """

    name: str
    units: int
    ingest: Cost
    run: Cost
    status: Cost
    nothing: Cost
    hosted: Cost


def main() -> None:
    """Measure all, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, nargs="+", default=ASSETS)
    parser.add_argument("--months", type=int, nargs="+", default=MONTHS, choices=MONTHS)
    parser.add_argument("--folder", type=Path, help="where the temporary files go")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="twins-curves-", dir=asked.folder) as folder:
        root = Path(folder)
        _heading("assets, a day each", "asset")
        _table(_point(root / f"a{n}", f"{n:,}", n, n, 1, DAY_CADENCE_S) for n in asked.assets)
        _heading(f"months, {MONTH_ASSETS} assets", "asset-month")
        units = [(n, n * MONTH_ASSETS) for n in asked.months]
        _table(_point(root / f"m{n}", f"{n}", total, MONTH_ASSETS, DAYS_OF[n], MONTH_CADENCE_S) for n, total in units)


def _point(root: Path, name: str, units: int, assets: int, days: int, cadence_s: int) -> Point:
    files = write_replicas(root / "files", assets, days, cadence_s)
    store = root / "store"
    ingest = measure(store, "ingest", *map(str, files))
    measure(store, "assets", "import", str(root / "files" / "assets.csv"))
    run, status, nothing = (measure(store, *words) for words in (["run", "--local"], ["status"], ["run", "--local"]))
    hosted = measure(store, "run", "--compute-type", "full", "--workers", "1")
    return Point(name, units, ingest, run, status, nothing, hosted)


def _heading(what: str, unit: str) -> None:
    print(f"\nCPU ms per {unit}, without what every command costs (a run: 'once'); peak memory in MB")
    columns = ("ingest", "ratio", "run", "ratio", "once, s", "driver MB", "host MB")
    print(f"{what:22}" + "".join(f"{column:>11}" for column in columns))


def _table(points: Iterable[Point]) -> None:
    first: tuple[float, float] | None = None
    for point in points:
        once = point.nothing.cpu
        pairs = ((point.ingest, point.status.cpu), (point.run, once))
        ingest, run = (max(cost.cpu - base, 1e-3) * 1000 / point.units for cost, base in pairs)
        first = first or (ingest, run)
        figures = (ingest, ingest / first[0], run, run / first[1], once)
        memory = f"{point.hosted.driver_mb:>11.0f}{point.hosted.host_mb:>11.0f}"
        print(f"{point.name:22}" + "".join(f"{figure:>11.2f}" for figure in figures) + memory)


if __name__ == "__main__":
    main()
