"""Law 1 under late, duplicate, corrected and retracted events, in any number of ingests and runs, for every
continuity: the digest is that of the clean, sorted log run once."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from histories import DAY_US, START, TS, random_history, write_assets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import write_toys

from actors import Fleet
from event_store.ingest import ParseOptions

ASSETS = ("EV-1", "HOME/3")
DAYS = 6


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toys(tmp_path_factory.mktemp("toys"))


class Log:
    """A stream of arrivals about random keys, and the clean log that they come to."""

    def __init__(self, seed: int, days: int = DAYS) -> None:
        self._rng = np.random.default_rng(seed)
        events = random_history(seed, ASSETS, days).events
        events = events.filter(self._rng.random(len(events)) < 0.25)
        keys = zip(*(events.column(name).to_pylist() for name in ("asset_id", "sensor")), strict=True)
        stamps = events.column("ts").cast(pa.int64()).to_pylist()
        values = events.column("value").to_pylist()
        self.clean = {(*key, t): x for key, t, x in zip(keys, stamps, values, strict=True)}

    def messages(self) -> list[tuple[tuple[str, str, int], float | None]]:
        """(key, value or None for a retraction), shuffled, the order among those of one key kept."""
        rng = self._rng
        per_key: dict[tuple[str, str, int], list[float | None]] = {}
        for key, value in self.clean.items():
            per_key[key] = [value]
            kind = rng.random()
            if kind < 0.06:
                per_key[key] = [value, value]  # a duplicate
            elif kind < 0.12:
                per_key[key] = [value + 7.25, value]  # corrected
            elif kind < 0.126:
                per_key[key] = [value + 3.0, None, value]  # withdrawn, and delivered again
        for _ in range(6):  # stray events that are taken back, some of them the newest of all
            asset = ASSETS[int(rng.integers(len(ASSETS)))]
            key = (asset, "current", START + int(rng.integers(0, (DAYS + 2) * DAY_US)) + 1)
            if key not in self.clean:
                per_key[key] = [55.0, None]
        place = {key: np.sort(self._when(key[2], len(said))) for key, said in per_key.items()}
        arrivals = [(place[key][n], key, value) for key, said in per_key.items() for n, value in enumerate(said)]
        arrivals.sort(key=lambda arrival: arrival[0])
        return [(key, value) for _, key, value in arrivals]

    def _when(self, t: int, count: int) -> "np.ndarray":
        """When a key is spoken of: mostly about in time, some much later."""
        late = self._rng.random(count) < 0.05
        return (t - START) / DAY_US + self._rng.normal(0, 0.02, count) + late * self._rng.uniform(0, DAYS, count)


def table(rows: list[tuple[tuple[str, str, int], float | None]]) -> pa.Table:
    assets, sensors, stamps = zip(*(key for key, _ in rows), strict=True)
    values = pa.array([value for _, value in rows], pa.float64())
    ts = pa.array(stamps, pa.int64()).view(TS)
    return pa.table({"asset_id": list(assets), "sensor": list(sensors), "ts": ts, "value": values})


def fleet_in(root: Path, toys: Path | None) -> Fleet:
    root.mkdir(parents=True)
    fleet = Fleet(root / "store", models_dirs=[toys] if toys else [])
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS))
    return fleet


def deliver(fleet: Fleet, root: Path, messages: list[tuple[tuple[str, str, int], float | None]]) -> None:
    """One ingest for each stretch of messages of one kind: values, or retractions."""
    begin = 0
    for end in range(1, len(messages) + 1):
        if end == len(messages) or (messages[end][1] is None) != (messages[begin][1] is None):
            rows = messages[begin:end]
            path = root / f"{len(list(root.iterdir()))}.parquet"
            pq.write_table(table(rows), path)
            fleet.ingest(path, ParseOptions(retract=rows[0][1] is None), again=True)
            begin = end


def clean_digest(root: Path, log: Log, toys: Path | None) -> str:
    fleet = fleet_in(root, toys)
    pq.write_table(table(sorted(log.clean.items(), key=lambda item: item[0])), root / "clean.parquet")
    fleet.ingest(root / "clean.parquet")
    assert fleet.run(local=True).parked == []
    return fleet.digest()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_any_arrivals_give_the_digest_of_the_clean_log(
    tmp_path_factory: pytest.TempPathFactory, toys: Path, seed: int, cuts: list[float]
) -> None:
    root = tmp_path_factory.mktemp("arrivals")
    log = Log(seed)
    messages = log.messages()
    fleet = fleet_in(root / "pieces", toys)
    edges = [0, *sorted(int(cut * len(messages)) for cut in cuts), len(messages)]
    for low, high in pairwise(edges):
        if high > low:
            deliver(fleet, root / "pieces", messages[low:high])
            assert fleet.run(local=True).parked == []
    assert fleet.plan().items == ()
    assert fleet.digest() == clean_digest(root / "clean", log, toys)
    stored = {
        (a, s, int(t)): x
        for a, s, t, x in fleet.sql("select asset_id, sensor, epoch_us(ts), value from events").fetchall()
    }
    assert stored == log.clean
