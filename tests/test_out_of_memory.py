"""Out of memory is a fault of the asset that causes it: found, parked with the reason; its neighbours finish.

Ray's own memory monitor ends the host here. It looks at all of the machine, whose other load must not decide about
the test suite: this is one of `make trials`. What the kernel does instead, `tests/test_crashing_models.py` imitates.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from faults import TRIALS
from histories import random_history

from actors import Fleet

pytestmark = [pytest.mark.ray, pytest.mark.skipif(not TRIALS, reason="one of `make trials`")]
ASSETS = tuple(f"EV-{n}" for n in range(3))
GLUTTON = 102.0
SPARE = 3_000_000_000
"""How much more than now may be in use before Ray ends a host."""

MODEL = '''
"""Counts samples; for the asset of one capacity it takes all memory there is."""

import mmap
import time

from altergo_interface import Model, ModelState, Samples, register_model


class Count(ModelState):
    n: int = 0


def eat_all():
    eaten = []
    for _ in range(100):
        eaten.append(mmap.mmap(-1, 50_000_000))
        eaten[-1].write(bytes([1]) * 50_000_000)
    time.sleep(30)  # it is ended meanwhile
    raise RuntimeError("nobody minds")


@register_model("glutton")
class Glutton(Model):
    State = Count

    def advance(self, state, data):
        if data.number("capacity") == GLUTTON:
            eat_all()
        current = data.series("current")
        n = state.n + len(current) - current.lead
        return Count(n=n), {"n": Samples(current.t[-1:], current.x[-1:])}
'''
MANIFEST = {
    "inputs": {"current": {"type": "pd.Series", "unit": "A"}, "capacity": {"type": "float", "unit": "Ah"}},
    "outputs": {"n": {}},
}


@pytest.fixture
def watched() -> Iterator[None]:
    """Ray with a limit of memory a little above what is in use now."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    memory = {words[0]: int(words[1]) * 1024 for words in lines}
    used = memory["MemTotal:"] - memory["MemAvailable:"]
    share = (used + SPARE) / memory["MemTotal:"]
    limits = {"memory_usage_threshold": share, "memory_monitor_refresh_ms": 50}
    options = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    ray.init(address="local", num_cpus=1, object_store_memory=100_000_000, _system_config=limits, **options)
    yield
    ray.shutdown()


def fleet_of(folder: Path) -> Fleet:
    home = folder / "models" / "glutton"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(MODEL.replace("GLUTTON", str(GLUTTON)))
    (home / "model.json").write_text(json.dumps(MANIFEST))
    rows = "".join(f"{name},{100 + n},NMC\n" for n, name in enumerate(ASSETS))
    (folder / "assets.csv").write_text("asset_id,capacity,chemistry\n" + rows)
    fleet = Fleet(folder / "store", models_dirs=[home.parent])
    fleet.import_assets(folder / "assets.csv")
    fleet.ingest(random_history(5, ASSETS, 1).write(folder / "events.parquet"))
    return fleet


@pytest.fixture(autouse=True)
def _two_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWINS__EXECUTION__ENABLED_MODELS", "eq_cycles,glutton")


def test_who_makes_its_node_run_low_on_memory_is_parked_for_it(watched: None, tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path)
    (parked,) = fleet.run(workers=1).parked
    assert parked[:2] == ("EV-2", "glutton")
    assert "3 times while this model ran (out of memory: Ray ended it because its node was running low)" in parked[2]
    assert fleet.sql("select count(*) from twin_state where status = 'ok'").fetchall() == [(2 * len(ASSETS) - 1,)]
    assert fleet.plan().items == ()
