"""What cannot be saved: reading the events, calling the model functions, deciding which samples to keep.

Each is done here without the engine, on the same segments, so that the engine's own share shows as a ratio.
"""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from actors import Fleet
from actors.twin_actor import build_twin
from actors.work import AssetWork
from altergo_interface.data import Samples, Span, StepData
from benchmarks.fleet import Clock
from event_store.facts import read_facts, read_log_segments
from event_store.log import read_assets
from twins import Cursor, Prepared, Twin
from twins.decimate import decimate, slot_ends
from twins.grid import UTC_DAYS


def read_seconds(root: Path) -> float:
    """CPU seconds to read stamps and values of all event segments."""
    clock = Clock()
    for path in sorted((root / "segments" / "event").rglob("*.parquet")):
        with pq.ParquetFile(path, memory_map=True) as file:
            table = file.read(columns=["ts", "value"], use_threads=False)
        table.column("ts").to_numpy()
        table.column("value").to_numpy()
    return clock.cpu


def function_seconds(fleet: Fleet) -> tuple[float, float]:
    """CPU seconds in the models' functions, fed month by month, and in the decimation of what they return."""
    functions = decimation = 0.0
    for twin, steps in _prepared(fleet):
        state = twin.model.initial()
        last: dict[str, tuple[int, float]] = {}
        for data in steps:
            clock = Clock()
            state, outputs = twin.model.advance(state, data)
            functions += clock.cpu
            clock = Clock()
            ends: dict[int, np.ndarray] = {}
            for name, samples in outputs.items():
                if isinstance(samples, Samples) and len(samples):
                    threshold = twin.manifest.outputs[name].decimation_threshold
                    if id(samples.t) not in ends:
                        ends[id(samples.t)] = slot_ends(samples.t, UTC_DAYS.slot_us)
                    keep = decimate(samples.x, threshold, last.get(name), ends[id(samples.t)])
                    if keep is not None:
                        samples.t[keep], samples.x[keep]
                    last[name] = int(samples.t[-1]), float(samples.x[-1])
            decimation += clock.cpu
    return functions, decimation


def _prepared(fleet: Fleet) -> list[tuple[Twin, list[StepData]]]:
    """Every pair with its steps laid out in memory."""
    store, registry, settings = fleet.store(), fleet.registry(), fleet.settings()
    with store.catalog.session("benchmark") as con:
        facts = read_facts(con)
        buckets = {asset.bucket for asset in facts.assets.values()}
        segments = read_log_segments(con, facts.seq, buckets)
    found = []
    for asset in facts.assets.values():
        series = read_assets(store.files, segments[asset.bucket], {asset.asset_id: None})[asset.asset_id]
        for name in settings.execution.enabled_models or sorted(registry):
            work = AssetWork(asset.asset_id, asset.sensors, asset.parameters, ())
            twin = build_twin(registry[name], settings, work, {})
            cursor = Cursor(Prepared.of(twin.binding, series.events, twin.genesis()))
            first = int(min(t[0] for t, _ in series.events.values()))
            steps = []
            for low, high in UTC_DAYS.steps(UTC_DAYS.floor(first), UTC_DAYS.after(series.newest)):
                steps.append(cursor.take(Span(low, high), high, twin.constants(low, {})))
            found.append((twin, steps))
    return found


def bytes_of(root: Path, kind: str) -> int:
    """Size of all segments of a kind."""
    return int(np.sum([path.stat().st_size for path in (root / "segments" / kind).rglob("*.parquet")]))
