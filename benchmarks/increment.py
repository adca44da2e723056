"""What another day costs on a year: against the year's run, with and without what every run costs."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from actors import Fleet
from actors.settings_file import packaged_settings
from benchmarks.fleet import Clock
from benchmarks.replicas import START_US, write_replicas

ASSETS = 24
DAYS = 365
DAY_US = 86_400_000_000
CADENCE_S = 60
REPEATS = 3


def measure_increment(root: Path) -> Iterator[tuple[str, str, str]]:
    """Rows of the table: (what, figure, note)."""
    home = root / "increment"
    fleet = Fleet(home / "store", packaged_settings())
    for path in write_replicas(home / "year", ASSETS, DAYS, CADENCE_S):
        fleet.ingest(path)
    fleet.import_assets(home / "year" / "assets.csv")
    clock = Clock()
    events = fleet.run(local=True).events_replayed
    year = clock.cpu
    once = min(_run(fleet) for _ in range(REPEATS))
    days = [_another(fleet, home, DAYS + number) for number in range(REPEATS)]
    day = min(days)
    yield "a year, run once", f"{year:.2f} s", f"CPU; {ASSETS} assets, {events / 1e6:.1f} M events"
    yield "  nothing new", f"{once * 1000:.0f} ms", "what every run costs"
    yield "  a day more", f"{day * 1000:.0f} ms", f"1/{year / day:.0f} of the year; target ≤ 1/30"
    share = (year - once) / max(day - once, 1e-9)
    yield "  a day more, per asset", f"{(day - once) / ASSETS * 1000:.1f} ms", f"1/{share:.0f} of an asset's year"


def _run(fleet: Fleet) -> float:
    """CPU seconds of a run."""
    clock = Clock()
    fleet.run(local=True)
    return clock.cpu


def _another(fleet: Fleet, home: Path, day: int) -> float:
    """Ingest the day of that number, from 0, and run."""
    start = START_US + day * DAY_US
    for path in write_replicas(home / f"day-{day}", ASSETS, day + 1, CADENCE_S, start):
        fleet.ingest(path)
    return _run(fleet)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="twins-increment-") as folder:
        for line in measure_increment(Path(folder)):
            print("{:28} {:>10}   {}".format(*line), flush=True)
