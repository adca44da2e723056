"""How soon live twins know what was ingested, and how soon they answer: `python -m benchmarks.live`."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors import Fleet
from actors.live_socket import ask
from actors.simulated import write_fleet
from benchmarks.fleet import Clock, fleet
from event_store.paths import StorePaths
from models._simulator import FleetSpec

ASSETS = 50
DAYS = 2
WAYS = {"--local": ("--local",), "on Ray": (), "on Ray, 4 assets, a process each": ("--isolation", "process")}
FEW = 4
"""Assets where each has a process: a hundred megabytes each."""
ROUNDS = 25
STEP_US = 60_000_000
LOOK_S = 0.002
Part = tuple[Path, str, datetime]
"""A file, an asset in it, and the asset's newest event there."""


def main() -> None:
    """Measure every way in which twins can live, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="twins-bench-") as folder:
        root = Path(folder)
        files = write_fleet(FleetSpec(assets=ASSETS, days=DAYS, seed=5), root / "files")
        events = pa.concat_tables([pq.read_table(path) for path in files])
        print(f"{ASSETS} assets, a minute of all their events a time, {ROUNDS} times; ms: median, 90 %, longest")
        for n, (name, options) in enumerate(WAYS.items()):
            part = events if "each" not in name else _of_few(events)
            found, parts = _prepare(root / str(n), part, root / "files" / "assets.csv")
            with _living(found.root, *options):
                measure(name, found, parts)


def measure(name: str, found: Fleet, parts: list[Part]) -> None:
    """Ingest one part after the other, each as soon as the twins have taken in the last one."""
    ingests, rounds, answers = [], [], []
    paths = StorePaths(found.root)
    for path, asset, newest in parts:
        clock = Clock()
        found.ingest(path)
        ingests.append(clock.wall)
        clock = Clock()
        while (state := ask(paths, asset)) is None or state["as_of"] < newest:
            time.sleep(LOOK_S)
        rounds.append(clock.wall)
        clock = Clock()
        found.state(asset)
        answers.append(clock.wall)
    # The first round wakes the twins: it reads their open day.
    row(f"{name}: the ingest itself", ingests[1:])
    row("  ingest's end to committed", rounds[1:])
    row("  the first time, asleep", rounds[:1])
    row("  state, by socket", answers[1:])


def _of_few(events: pa.Table) -> pa.Table:
    names = pc.unique(events.column("asset_id").cast(pa.string())).sort()[:FEW]
    return events.filter(pc.is_in(events.column("asset_id").cast(pa.string()), names))


def _prepare(root: Path, events: pa.Table, assets: Path) -> tuple[Fleet, list[Part]]:
    """A store with all but the last minutes of a log, and these minutes as a file each."""
    root.mkdir()
    t = events.column("ts").cast(pa.int64())
    first = pc.max(t).as_py() + 1 - ROUNDS * STEP_US
    pq.write_table(events.filter(pc.less(t, first)), root / "begin.parquet")
    found = fleet(root / "store")
    found.ingest(root / "begin.parquet")
    found.import_assets(assets)
    found.run(local=True)
    return found, [_part(events, t, first + n * STEP_US, root / f"{n}.parquet") for n in range(ROUNDS)]


def _part(events: pa.Table, t: pa.ChunkedArray, low: int, path: Path) -> Part:
    part = events.filter(pc.and_(pc.greater_equal(t, low), pc.less(t, low + STEP_US)))
    pq.write_table(part, path)
    asset = str(part.column("asset_id")[0].as_py())
    own = part.filter(pc.equal(part.column("asset_id").cast(pa.string()), asset))
    return path, asset, pc.max(own.column("ts")).as_py()


@contextmanager
def _living(store: Path, *options: str) -> Iterator[None]:
    """`twins live` as a process of its own, as soon as it follows the log."""
    words = [sys.executable, "-m", "actors.cli", "--store", str(store), "live", *options]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = next((line for line in process.stderr if "following the log" in line), None)
            assert said is not None, "twins live has ended at once"
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield
        finally:
            process.terminate()


def row(what: str, seconds: list[float]) -> None:
    """One line of the table."""
    middle, most, longest = np.quantile(seconds, [0.5, 0.9, 1.0]) * 1000
    print(f"{what:44} {middle:8.1f} {most:8.1f} {longest:8.1f}", flush=True)


if __name__ == "__main__":
    main()
