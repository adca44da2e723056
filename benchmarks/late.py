"""What an event that comes ten days late costs on a year's history, in events that are replayed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors import Fleet
from actors.settings_file import packaged_settings
from actors.simulated import write_fleet
from benchmarks.fleet import Clock
from models._simulator import FleetSpec

ASSETS = 2
DAYS = 365
DAYS_LATE = 10
DAY_US = 86_400_000_000
START_US = 1_735_689_600_000_000  # 2025-01-01T00:00Z: a year that is over


def measure_late(root: Path) -> list[tuple[str, str, str]]:
    """Rows of the table: (what, figure, note)."""
    files = write_fleet(FleetSpec(assets=ASSETS, days=DAYS, seed=4, start_us=START_US), root / "year-files")
    fleet = Fleet(root / "year", packaged_settings())
    for path in files:
        fleet.ingest(path)
    fleet.import_assets(root / "year-files" / "assets.csv")
    clock = Clock()
    whole = fleet.run(local=True)
    full_s = clock.wall
    rows = [("a year, run once", f"{whole.events_replayed / 1e6:.2f} M events", f"{ASSETS} assets, {full_s:.1f} s")]
    asset, day_events = _ingest_late(fleet, root)
    for model in ("voltage_monitor", "eq_cycles"):
        planned = fleet.plan(f"{asset},model:{model}").items[0]
        clock = Clock()
        report = fleet.run(f"{asset},model:{model}", local=True)
        days = report.events_replayed / day_events
        edge = (planned.last_ts - (planned.start or 0)) / DAY_US
        note = f"{days:.1f} days, of {edge:.1f} from the snapshot on; {clock.wall:.2f} s"
        rows.append((f"  {model}", f"{report.events_replayed:,} events", note))
    rows.append(("  digest", "equal" if _equal(fleet) else "DIFFERENT", "to a full run"))
    return rows


def _ingest_late(fleet: Fleet, root: Path) -> tuple[str, float]:
    """Correct a current and a cell voltage of the first asset; its id, and its events per day."""
    events = pq.read_table(next((root / "year-files").glob("events-*.parquet")))
    t = events.column("ts").cast(pa.int64())
    when = pc.max(t).as_py() - DAYS_LATE * DAY_US
    sensor = events.column("sensor").cast(pa.string())
    later = [pc.and_(pc.greater(t, when), pc.equal(sensor, name)) for name in ("current", "cell_voltage_max")]
    rows = pa.concat_tables([events.filter(chosen).slice(0, 1) for chosen in later])
    rows = rows.set_column(3, "value", pc.add(rows.column("value"), 0.001))
    pq.write_table(rows, root / "late.parquet")
    fleet.ingest(root / "late.parquet")
    return str(rows.column("asset_id")[0].as_py()), len(events) / ASSETS / DAYS


def _equal(fleet: Fleet) -> bool:
    digest = fleet.digest()
    fleet.run(compute_type="full", local=True)
    return fleet.digest() == digest
