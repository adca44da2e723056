"""Equivalent cycles of one fleet by the engine and by what else there is, on the same event files, in one run.

The peers give the last value of each asset and nothing else: no history, no snapshot, no late events, no uncertainty.
Each is checked against the engine's figure. CPU and wall seconds, with the reading of its files.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import ray

from actors import Fleet
from actors.simulated import write_fleet
from benchmarks.fleet import Clock
from models._simulator import FleetSpec

ASSETS, DAYS = 100, 60
MAX_GAP_S = 300.0
"""Five cadences."""

ETA_IN, ETA_OUT = 0.98, 0.99

Cycles = dict[str, float]
Capacities = Mapping[str, float]
Peer = Callable[[list[Path], Capacities], Cycles]


def pandas_loop(files: list[Path], capacities: Capacities) -> Cycles:
    """A script that loops over the assets of each file: sort, diff, sum."""
    found = {}
    for path in files:
        current = pd.read_parquet(path, filters=[("sensor", "==", "current")])
        for asset, frame in current.groupby("asset_id", observed=True):
            found[str(asset)] = _of_frame(frame, capacities[str(asset)])
    return found


def _of_frame(frame: pd.DataFrame, capacity_ah: float) -> float:
    frame = frame.drop_duplicates("ts").sort_values("ts")
    seconds = frame["ts"].diff().dt.total_seconds().shift(-1)
    hours = seconds.where(seconds <= MAX_GAP_S, 0.0) / 3600
    eta = np.where(frame["value"] >= 0, ETA_OUT, ETA_IN)
    return float((frame["value"].abs() * hours * eta).sum() / (2 * capacity_ah))


def duckdb_sql(files: list[Path], capacities: Capacities) -> Cycles:
    """One window query over all files."""
    with duckdb.connect() as con:
        con.execute("set threads = 1")
        names = ", ".join(f"'{path}'" for path in files)
        rows = con.execute(
            f"""with steps as (
                    select asset_id, value,
                           epoch(lead(ts) over (partition by asset_id order by ts) - ts) as seconds
                    from (select distinct on (asset_id, ts) asset_id, ts, value from read_parquet([{names}])
                          where sensor = 'current'))
                select asset_id, sum(abs(value) * if(value >= 0, {ETA_OUT}, {ETA_IN}) * seconds / 3600)
                from steps where seconds <= {MAX_GAP_S} group by asset_id"""
        ).fetchall()
    return {asset: ampere_hours / (2 * capacities[asset]) for asset, ampere_hours in rows}


def polars_lazy(files: list[Path], capacities: Capacities) -> Cycles:
    """One lazy query over all files."""
    current = pl.scan_parquet(files).filter(pl.col("sensor").cast(pl.String) == "current")
    unique = current.unique(["asset_id", "ts"], keep="last").sort("asset_id", "ts")
    seconds = (pl.col("ts").shift(-1) - pl.col("ts")).over("asset_id").dt.total_microseconds() / 1e6
    eta = pl.when(pl.col("value") >= 0).then(ETA_OUT).otherwise(ETA_IN)
    steps = unique.with_columns(seconds=seconds, eta=eta).filter(pl.col("seconds") <= MAX_GAP_S)
    summed = steps.group_by("asset_id").agg(
        ah=(pl.col("value").abs() * pl.col("eta") * pl.col("seconds") / 3600).sum()
    )
    rows = summed.with_columns(pl.col("asset_id").cast(pl.String)).collect().iter_rows()
    return {asset: ampere_hours / (2 * capacities[asset]) for asset, ampere_hours in rows}


def ray_data(files: list[Path], capacities: Capacities) -> Cycles:
    """Ray Data's grouped map, on two CPUs."""

    def one(frame: pd.DataFrame) -> pd.DataFrame:
        asset = str(frame["asset_id"].iloc[0])
        return pd.DataFrame({"asset_id": [asset], "cycles": [_of_frame(frame, capacities[asset])]})

    def current(batch: pd.DataFrame) -> pd.DataFrame:
        read = (pd.read_parquet(path, filters=[("sensor", "==", "current")]) for path in batch["path"])
        return pd.concat(read)[["asset_id", "ts", "value"]].astype({"asset_id": str})

    paths = ray.data.from_items([{"path": str(path)} for path in files])
    data = paths.map_batches(current, batch_size=1, batch_format="pandas")
    rows = data.groupby("asset_id").map_groups(one, batch_format="pandas").take_all()
    return {row["asset_id"]: row["cycles"] for row in rows}


def measure_peers(root: Path) -> Iterator[tuple[str, float, float, float]]:
    """(name, CPU s of this process, wall s, greatest relative difference to the engine), the engine first."""
    files = write_fleet(FleetSpec(assets=ASSETS, days=DAYS, seed=3, faults=False), root / "files")
    registry = pd.read_csv(root / "files" / "assets.csv")
    capacities = dict(zip(registry["asset_id"], registry["capacity"], strict=True))
    fleet = _fleet(root, files)
    clock = Clock()
    report = fleet.run(local=True)
    spent = clock.cpu, clock.wall
    assert not report.parked
    engine = _engine(fleet)
    yield "engine, in-process", *spent, 0.0
    peers: dict[str, Peer] = {
        "DuckDB SQL, 1 thread": duckdb_sql,
        "Polars": polars_lazy,
        "pandas loop": pandas_loop,
    }
    for name, peer in peers.items():
        yield _timed(name, peer, files, capacities, engine)
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield _timed("Ray Data, 2 CPUs", ray_data, files, capacities, engine)
    clock = Clock()
    fleet.run(compute_type="full", workers=2)
    yield "engine on Ray, 2 hosts", clock.cpu, clock.wall, 0.0
    ray.shutdown()


def _fleet(root: Path, files: list[Path]) -> Fleet:
    settings = json.loads((Path(__file__).parents[1] / "altergo-settings.json").read_text())
    settings["parameters"]["execution"]["enabled_models"] = "eq_cycles"
    (root / "settings.json").write_text(json.dumps(settings))
    fleet = Fleet(root / "store", root / "settings.json")
    for path in files:
        fleet.ingest(path)
    fleet.import_assets(root / "files" / "assets.csv")
    return fleet


def _engine(fleet: Fleet) -> Cycles:
    query = "select asset_id, value from latest_outputs where output = 'equivalent_cycles'"
    return dict(fleet.sql(query).fetchall())


def _timed(
    name: str, peer: Peer, files: list[Path], capacities: Capacities, engine: Cycles
) -> tuple[str, float, float, float]:
    clock = Clock()
    found = peer(files, capacities)
    spent = clock.cpu, clock.wall
    assert found.keys() == engine.keys()
    return name, *spent, max(abs(found[asset] / engine[asset] - 1) for asset in engine)


def main() -> None:
    """Measure and print, wall time against the engine's in-process."""
    with tempfile.TemporaryDirectory(prefix="twins-peers-") as folder:
        first: float | None = None
        print(f"equivalent cycles of {ASSETS} assets × {DAYS} days at 60 s, from the event files or the log")
        for name, cpu, wall, error in measure_peers(Path(folder)):
            first = first or wall
            print(f"{name:24} {wall:7.2f} s wall {cpu:7.2f} s CPU {wall / first:7.1f} ×   differs by {error:.0e}")


if __name__ == "__main__":
    main()
