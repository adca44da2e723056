"""Writes a simulated fleet as event files, with its asset registry and its truth beside them."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models._simulator import AssetHistory, FleetSpec, simulate_fleet

ASSETS_PER_FILE = 50


def write_fleet(spec: FleetSpec, folder: Path) -> list[Path]:
    """Write `events-NNN.parquet`, `assets.csv` and `truth.json`; returns the event files."""
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    parameters: list[dict[str, Any]] = []
    truth: dict[str, Any] = {}
    for group in _grouped(simulate_fleet(spec)):
        files.append(folder / f"events-{len(files):03d}.parquet")
        pq.write_table(pa.concat_tables(map(_events, group)), files[-1], compression="zstd")
        for history in group:
            parameters.append({"asset_id": history.asset_id, **history.parameters})
            faults = [asdict(fault) for fault in history.faults]
            truth[history.asset_id] = {**history.truth, "faults": faults}
    _write_registry(folder / "assets.csv", parameters)
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    return files


def _grouped(histories: Iterator[AssetHistory]) -> Iterator[list[AssetHistory]]:
    group: list[AssetHistory] = []
    for history in histories:
        group.append(history)
        if len(group) == ASSETS_PER_FILE:
            yield group
            group = []
    if group:
        yield group


def _events(history: AssetHistory) -> pa.Table:
    """One asset's events in delivery order, sensor by sensor."""
    names = list(history.sensors)
    counts = [len(t) for t, _ in history.sensors.values()]
    sensor = pa.DictionaryArray.from_arrays(np.repeat(np.arange(len(names), dtype=np.int32), counts), names)
    asset = pa.DictionaryArray.from_arrays(np.zeros(sum(counts), np.int32), [history.asset_id])
    t = np.concatenate([t for t, _ in history.sensors.values()])
    x = np.concatenate([x for _, x in history.sensors.values()])
    columns = {"asset_id": asset, "sensor": sensor, "ts": pa.array(t).view(pa.timestamp("us", tz="UTC")), "value": x}
    return pa.table(columns).unify_dictionaries()


def _write_registry(path: Path, parameters: list[dict[str, Any]]) -> None:
    columns = sorted({name for row in parameters for name in row}, key=lambda name: (name != "asset_id", name))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(parameters)
