"""Random but plausible event histories, as tables and as files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DAY_US = 86_400_000_000
START = 1_769_817_600_000_000  # 2026-01-31T00:00Z: histories cross a month's end
TS = pa.timestamp("us", tz="UTC")

ASSETS_CSV = "asset_id,capacity,chemistry,cells_in_series,current_sign\n"


@dataclass(frozen=True)
class History:
    """A fleet's events as one narrow table, in the order of their stamps."""

    events: pa.Table

    def between(self, low: int, high: int) -> "History":
        """The events in [low, high), µs UTC."""
        t = self.events.column("ts").cast(pa.int64())
        return History(self.events.filter(pc.and_(pc.greater_equal(t, low), pc.less(t, high))))

    def write(self, path: Path) -> Path:
        """As a Parquet event file."""
        pq.write_table(self.events, path)
        return path


def random_history(seed: int, assets: Sequence[str], days: int, gaps: bool = True) -> History:
    """Currents, voltages and their faults: pauses of hours and days, sentinels, NaN-free but out-of-range values."""
    rng = np.random.default_rng(seed)
    tables = [_asset(rng, name, days, gaps) for name in assets]
    return History(pa.concat_tables(tables).sort_by("ts"))


def _asset(rng: np.random.Generator, name: str, days: int, gaps: bool) -> pa.Table:
    parts = []
    for sensor, low, high in (
        ("current", -80.0, 120.0),
        ("pack_voltage", 300.0, 400.0),
        ("cell_voltage_min", 2.7, 4.1),
        ("cell_voltage_max", 3.4, 4.3),
    ):
        steps = rng.choice([20, 60, 61, 300], 60 * days) * 1_000_000
        if gaps:
            steps[rng.random(len(steps)) < 0.02] = 9 * 3_600_000_000
        t = START + int(rng.integers(0, DAY_US // 2)) + np.cumsum(steps)
        t = t[t < START + days * DAY_US]
        x = low + (high - low) * np.abs(np.sin(np.arange(len(t)) / 7.0 + rng.random())) + rng.normal(0, 0.01, len(t))
        x = np.round(x, 3)
        x[rng.random(len(t)) < 0.01] = 65.535 if "cell" in sensor else 0.0
        columns = {"asset_id": [name] * len(t), "sensor": [sensor] * len(t), "ts": pa.array(t).view(TS), "value": x}
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def write_assets(path: Path, assets: Sequence[str]) -> Path:
    """A registry with a chemistry and a capacity for each."""
    rows = "".join(f"{name},150,NMC,96,discharge_positive\n" for name in assets)
    path.write_text(ASSETS_CSV + rows)
    return path
