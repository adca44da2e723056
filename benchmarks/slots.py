"""What the engine adds to a model that gets one call per slot: two plain models that do next to nothing."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from actors import Fleet
from benchmarks.fleet import Clock
from benchmarks.replicas import write_replicas

ASSETS = 20
DAYS = 180
CADENCE_S = 600
REPEATS = 3
PLAIN = '''
"""The sum of a day's currents."""

import pandas as pd

from altergo_interface import Model, register_model


@register_model("NAME")
class PerSlot(Model):
    def process(self, data):
        current = data["current"]
        return {"y": pd.Series([float(current.sum())], index=current.index[-1:])}
'''


def measure_slots(root: Path) -> Iterator[tuple[str, str, str]]:
    """Rows of the table: (what, figure, note)."""
    home = root / "slots"
    files = write_replicas(home / "files", ASSETS, DAYS, CADENCE_S)
    for continuity in ("windowed", "seeded"):
        fleet = _fleet(home, continuity)
        for path in files:
            fleet.ingest(path)
        fleet.import_assets(home / "files" / "assets.csv")
        spent = min(_full(fleet) for _ in range(REPEATS))
        once = min(_full(fleet, "asset:A-000000") for _ in range(REPEATS))
        slot = (spent - once) / (ASSETS - 1) / DAYS * 1000
        own = _function_ms()
        note = f"CPU, beyond the {own:.2f} ms of its function; reading and writing included; target ≤ 0.5 ms"
        yield f"a slot of a {continuity} model", f"{slot - own:.2f} ms", note


def _fleet(home: Path, continuity: str) -> Fleet:
    """A store on which one such model alone is enabled."""
    name = f"slot_{continuity}"
    folder = home / "models" / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(PLAIN.replace("NAME", name))
    manifest = {"inputs": {"current": {"unit": "A"}}, "outputs": {"y": {}}, "continuity": continuity}
    (folder / "model.json").write_text(json.dumps(manifest))
    settings = home / f"{continuity}.json"
    sensors = {"current": {"unit": "A", "current_sign": "discharge_positive"}}
    settings.write_text(json.dumps({"parameters": {"execution": {"enabled_models": name}, "sensors": sensors}}))
    return Fleet(home / continuity, settings, [home / "models"])


def _full(fleet: Fleet, select: str | None = None) -> float:
    """CPU seconds of a full run, in-process."""
    clock = Clock()
    report = fleet.run(select, "full", local=True)
    assert report.parked == [], report.parked
    return clock.cpu


def _function_ms() -> float:
    """The model's own function, called by itself with the same day."""

    stamps = pd.date_range("2025-01-01", periods=86_400 // CADENCE_S, freq=f"{CADENCE_S}s", tz="UTC")
    current = pd.Series(np.linspace(-1, 1, len(stamps)), index=stamps)
    calls = 500
    clock = Clock()
    for _ in range(calls):
        pd.Series([float(current.sum())], index=current.index[-1:])
    return clock.cpu / calls * 1000


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="twins-slots-") as folder:
        for line in measure_slots(Path(folder)):
            print("{:28} {:>10}   {}".format(*line), flush=True)
