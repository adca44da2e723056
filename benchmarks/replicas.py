"""A fleet of any size, made fast: a few simulated assets, whose events many assets share."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models._simulator import AssetHistory, FleetSpec, simulate_fleet

TEMPLATES = 24
ASSETS_PER_FILE = 2_000
EVENTS_PER_FILE = 8_000_000
START_US = 1_735_689_600_000_000  # 2025-01-01T00:00Z


def write_replicas(folder: Path, assets: int, days: int, cadence_s: int, start_us: int = START_US) -> list[Path]:
    """Write `events-NNNN.parquet` and `assets.csv`: assets A-000000 … that repeat a few simulated ones.

    A longer history begins with the events of the shorter one. Returns the event files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spec = FleetSpec(min(assets, TEMPLATES), days, seed=5, cadence_s=cadence_s, start_us=START_US, faults=False)
    templates = [(history, _columns(history, start_us)) for history in simulate_fleet(spec)]
    files = []
    for number, part in enumerate(_parts(assets, templates)):
        files.append(folder / f"events-{number:04d}.parquet")
        pq.write_table(_table(part, templates), files[-1], compression="zstd", compression_level=1)
    _write_registry(folder / "assets.csv", assets, [history for history, _ in templates])
    return files


_Columns = tuple[pa.Array, np.ndarray, np.ndarray]


def _columns(history: AssetHistory, start_us: int) -> _Columns:
    """Sensor (dictionary), stamps, values of one asset from a time on, sensor by sensor."""
    names = list(history.sensors)
    chosen = [(t[t >= start_us], x[t >= start_us]) for t, x in history.sensors.values()]
    counts = [len(t) for t, _ in chosen]
    codes = np.repeat(np.arange(len(names), dtype=np.int32), counts)
    sensors = pa.DictionaryArray.from_arrays(codes, names)
    return sensors, np.concatenate([t for t, _ in chosen]), np.concatenate([x for _, x in chosen])


def _parts(assets: int, templates: list[tuple[AssetHistory, _Columns]]) -> Iterator[range]:
    """The assets of each file."""
    largest = max(len(t) for _, (_, t, _) in templates)
    per_file = max(1, min(ASSETS_PER_FILE, EVENTS_PER_FILE // largest))
    return (range(low, min(low + per_file, assets)) for low in range(0, assets, per_file))


def _table(part: range, templates: list[tuple[AssetHistory, _Columns]]) -> pa.Table:
    used = [templates[index % len(templates)][1] for index in part]
    counts = [len(t) for _, t, _ in used]
    codes = np.repeat(np.arange(len(part), dtype=np.int32), counts)
    return pa.table(
        {
            "asset_id": pa.DictionaryArray.from_arrays(codes, [f"A-{index:06d}" for index in part]),
            "sensor": pa.chunked_array([sensors for sensors, _, _ in used]).unify_dictionaries().combine_chunks(),
            "ts": pa.array(np.concatenate([t for _, t, _ in used])).view(pa.timestamp("us", tz="UTC")),
            "value": np.concatenate([x for _, _, x in used]),
        }
    )


def _write_registry(path: Path, assets: int, templates: list[AssetHistory]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["asset_id", *templates[0].parameters])
        writer.writeheader()
        for index in range(assets):
            writer.writerow({"asset_id": f"A-{index:06d}", **templates[index % len(templates)].parameters})
