"""A fleet of N assets with a day of events each, from its files to the answers: what every command costs.

python -m benchmarks.scale --assets 100000
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.command import Cost, measure
from benchmarks.replicas import write_replicas

QUERIES = (
    "select model, count(*) as pairs, avg((state.equivalent_cycles)::double) as mean from twin_state group by model",
    'select model, "output", count(*) as "rows", avg(value) as mean from outputs group by all order by all',
)

PLAIN = {"plan"}
"""Steps that print for people: a plan of a whole fleet is a document of a kilobyte for each asset."""


def main() -> None:
    """Simulate, and run every step as a command of its own."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="twins-scale-", dir=asked.folder) as folder:
        root = Path(folder)
        began = time.perf_counter()
        files = write_replicas(root / "files", asked.assets, asked.days, asked.cadence)
        seconds = time.perf_counter() - began
        print(f"{asked.assets:,} assets × {asked.days} days at {asked.cadence} s, written in {seconds:.1f} s")
        print(f"{'':12}{'wall s':>9}{'CPU s':>9}{'ms/asset':>10}{'M events/s':>12}{'driver MB':>11}{'host MB':>9}")
        where = ["--local"] if asked.local else ["--workers", str(asked.workers)]
        steps = (
            ("ingest", ["ingest", *map(str, files)]),
            ("assets", ["assets", "import", str(root / "files" / "assets.csv")]),
            ("plan", ["plan"]),
            ("run", ["run", *where]),
            ("nothing new", ["run", *where]),
            ("status", ["status"]),
            ("sql: states", ["sql", QUERIES[0]]),
            ("sql: outputs", ["sql", QUERIES[1]]),
        )
        costs = [_step(root / "store", what, arguments, asked.assets) for what, arguments in steps]
        slowest = max(zip(costs, steps, strict=True), key=lambda entry: entry[0].wall)
        print(f"slowest: {slowest[1][0]}, {slowest[0].wall:.1f} s; {_disk(root / 'store')}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--cadence", type=int, default=300, help="seconds between samples of each of 6 sensors")
    parser.add_argument("--workers", type=int, default=2, help="hosts on Ray")
    parser.add_argument("--local", action="store_true", help="one host, in the driver's process")
    parser.add_argument("--folder", type=Path, help="where the temporary files go")
    return parser.parse_args()


def _step(store: Path, what: str, arguments: list[str], assets: int) -> Cost:
    cost = measure(store, *arguments, as_json=what not in PLAIN)
    events = cost.answer.get("appended") or cost.answer.get("events_replayed") or 0
    rate = f"{events / cost.wall / 1e6:.2f}" if events else ""
    memory = f"{cost.driver_mb:>11.0f}{cost.host_mb or '':>9.0f}" if cost.host_mb else f"{cost.driver_mb:>11.0f}"
    print(f"{what:12}{cost.wall:>9.1f}{cost.cpu:>9.1f}{cost.cpu * 1000 / assets:>10.2f}{rate:>12}{memory}")
    return cost


def _disk(store: Path) -> str:
    """How many files a store has, and of what size they are."""
    segments = [path.stat().st_size for path in (store / "segments").rglob("*.parquet")]
    catalog = (store / "catalog.duckdb").stat().st_size
    return f"{len(segments):,} segments of {sum(segments) / 1e6:,.0f} MB, catalog of {catalog / 1e6:,.0f} MB"


if __name__ == "__main__":
    main()
