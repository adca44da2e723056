"""Law 4 at scale: every batch of a fleet holds one pair that kills its process; all others are done as without it.

The suite runs 300 assets in three batches, `make trials` 10,000 in as many batches as the engine makes of them.
"""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray
from faults import TRIALS
from histories import START, TS

from actors import Fleet, running
from actors.work_source import BATCH_ASSETS, grouped
from event_store.paths import bucket_of

pytestmark = pytest.mark.ray
DEADLY = 13.0

KILLER = '''
"""The newest current; ends its process for assets of one capacity, or, where a file says so, merely raises."""

import os

from altergo_interface import Model, ModelState, Samples, register_model


class Count(ModelState):
    n: int = 0


@register_model("killer")
class Killer(Model):
    State = Count

    def advance(self, state, data):
        if data.number("capacity") == DEADLY:
            if os.path.exists("GENTLE"):
                raise ValueError("spared")
            os._exit(9)
        current = data.series("current")
        n = state.n + len(current) - current.lead
        return Count(n=n), {"n": Samples(current.t[-1:], current.x[-1:])}
'''
MANIFEST = {
    "inputs": {"current": {"type": "pd.Series", "unit": "A"}, "capacity": {"type": "float", "unit": "Ah"}},
    "outputs": {"n": {}},
}


@pytest.fixture
def cluster() -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


@pytest.fixture
def batch_assets(monkeypatch: pytest.MonkeyPatch) -> int:
    if TRIALS:
        return BATCH_ASSETS
    monkeypatch.setattr(running, "BATCH_ASSETS", 100)
    return 100


def names() -> list[str]:
    """Of few assets such that share a bucket."""
    found = [f"EV-{n:05}" for n in range(10_000)]
    return found if TRIALS else [name for name in found if bucket_of(name) == 0][:300]


def write_registry(path: Path, assets: list[str], killers: set[str]) -> Path:
    rows = "".join(f"{name},{DEADLY if name in killers else 100.0},NMC\n" for name in assets)
    path.write_text("asset_id,capacity,chemistry\n" + rows)
    return path


def write_events(path: Path, assets: list[str], each: int = 5) -> Path:
    t = np.tile(START + np.arange(each) * 60_000_000, len(assets))
    columns = {
        "asset_id": np.repeat(assets, each),
        "sensor": ["current"] * len(t),
        "ts": pa.array(t).view(TS),
        "value": np.arange(len(t)) % 97 + 1.0,
    }
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWINS__EXECUTION__ENABLED_MODELS", "eq_cycles,killer")
    home = tmp_path / "models" / "killer"
    home.mkdir(parents=True)
    code = KILLER.replace("DEADLY", str(DEADLY)).replace("GENTLE", str(tmp_path / "gentle"))
    (home / "__init__.py").write_text(code)
    (home / "model.json").write_text(json.dumps(MANIFEST))
    found = Fleet(tmp_path / "store", models_dirs=[home.parent])
    found.import_assets(write_registry(tmp_path / "assets.csv", names(), set()))
    found.ingest(write_events(tmp_path / "events.parquet", names()))
    return found


def test_one_killer_in_every_batch_costs_itself_alone(
    fleet: Fleet, cluster: None, batch_assets: int, tmp_path: Path
) -> None:
    batches = list(grouped(fleet.plan().items, batch_assets))
    chance = random.Random(len(batches))
    killers = {chance.choice(sorted(batch.assets)) for batch in batches}
    assert len(killers) == len(batches) > 2
    fleet.import_assets(write_registry(tmp_path / "killers.csv", names(), killers))
    spared = Fleet(shutil.copytree(fleet.root, tmp_path / "spared"), models_dirs=[tmp_path / "models"])

    report = fleet.run(workers=2)

    assert {(asset, model) for asset, model, _ in report.parked} == {(asset, "killer") for asset in killers}
    assert {error for *_, error in report.parked} == {
        "the process died 3 times while this model ran (a crash, out of memory, a kill)"
    }
    assert (report.pairs, report.blocked, fleet.plan().items) == (2 * len(names()), [], ())
    # No host is spent on finding out what is known already: with its batch, where it was noted, and alone.
    lost = fleet.sql("select count(*) from attempts where status = 'lost' and model = 'killer' group by asset_id")
    assert {n for (n,) in lost.fetchall()} == {3}
    (tmp_path / "gentle").touch()
    assert len(spared.run(local=True).parked) == len(killers)
    assert fleet.digest() == spared.digest()
