"""The fleet that all benchmarks share: simulated, one row a minute, written as event files."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from actors import Fleet
from actors.settings_file import packaged_settings
from actors.simulated import write_fleet
from models._simulator import FleetSpec

ASSETS = 300
DAYS = 60


def event_files(folder: Path) -> list[Path]:
    """Write the fleet; 6 sensors, 8,640 events per asset and day."""
    return write_fleet(FleetSpec(assets=ASSETS, days=DAYS, seed=3), folder)


SCIENCE = ("eq_cycles", "imbalance_analysis", "soc_ocv_estimation", "voltage_monitor")
"""The models that estimate something; `data_quality` counts."""


def fleet(root: Path, models: tuple[str, ...] | None = None) -> Fleet:
    """The facade over a benchmark store, under the packaged settings, with some models or all."""
    settings = packaged_settings()
    if models is not None:
        document = json.loads(settings.read_text())
        document["parameters"]["execution"]["enabled_models"] = models
        settings = root.with_name(f"{len(models)}-models.json")
        settings.write_text(json.dumps(document))
    return Fleet(root, settings)


def best(repeats: int, measured: Callable[[], float]) -> float:
    """The shortest of some measurements: the one that the machine disturbed least."""
    return min(measured() for _ in range(repeats))


class Clock:
    """CPU and wall seconds since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    @property
    def cpu(self) -> float:
        """CPU seconds of this process."""
        return time.process_time() - self._cpu

    @property
    def wall(self) -> float:
        """Wall seconds."""
        return time.perf_counter() - self._wall
