"""Peak memory of a host: over ever more assets, and over one asset with ever more events, which is read as a whole.

python -m benchmarks.memory
"""

import tempfile
from pathlib import Path

from benchmarks.command import measure
from benchmarks.replicas import write_replicas

FLEETS = ((40, 14, 60), (160, 14, 60))
ALONE = ((1, 10, 1), (1, 30, 1))


def main() -> None:
    """Print the table."""
    print(f"{'assets × days at s':22}{'M events':>10}{'of an asset':>13}{'driver MB':>11}{'host MB':>9}")
    with tempfile.TemporaryDirectory(prefix="twins-memory-") as folder:
        for number, shape in enumerate((*FLEETS, *ALONE)):
            print(_line(Path(folder) / str(number), *shape), flush=True)


def _line(root: Path, assets: int, days: int, cadence_s: int) -> str:
    files = write_replicas(root / "files", assets, days, cadence_s)
    store = root / "store"
    events = measure(store, "ingest", *map(str, files)).answer["appended"]
    measure(store, "assets", "import", str(root / "files" / "assets.csv"))
    run = measure(store, "run", "--workers", "1")
    shape = f"{assets} × {days} at {cadence_s}"
    figures = f"{events / 1e6:>10.1f}{events / assets / 1e6:>13.2f}{run.driver_mb:>11.0f}{run.host_mb:>9.0f}"
    return f"{shape:22}{figures}"


if __name__ == "__main__":
    main()
