"""Law 1: however the history was cut into runs, and however many workers ran, the digest is that of one full run."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import ray
from histories import DAY_US, START, History, random_history, write_assets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import Fleet

ASSETS = ("EV-1", "EV-2", "HOME/3")
DAYS = 6


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def in_pieces(root: Path, history: History, cuts: Sequence[int], workers: Sequence[int | None]) -> Fleet:
    """A store fed and run piece by piece; `workers` None runs locally, else on Ray with that many hosts."""
    root.mkdir(parents=True)
    fleet = Fleet(root / "store")
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS))
    edges = [START, *sorted(cuts), START + DAYS * DAY_US]
    for number, (low, high) in enumerate(pairwise(edges)):
        piece = history.between(low, high)
        if piece.events.num_rows:
            fleet.ingest(piece.write(root / f"{number}.parquet"))
        count = workers[number % len(workers)]
        report = fleet.run(local=count is None, workers=count)
        assert report.parked == []
    return fleet


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(START, START + DAYS * DAY_US), min_size=1, max_size=4),
)
def test_any_cuts_give_the_digest_of_one_full_run(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cuts: list[int]
) -> None:
    root = tmp_path_factory.mktemp("law1")
    history = random_history(seed, ASSETS, DAYS)
    whole = in_pieces(root / "whole", history, [], [None])
    pieces = in_pieces(root / "pieces", history, cuts, [None])
    assert pieces.digest() == whole.digest()
    pieces.run(compute_type="full", local=True)
    assert pieces.digest() == whole.digest()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


@pytest.mark.ray
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_number_of_workers_gives_the_same_digest(cluster: None, tmp_path: Path, seed: int) -> None:
    history = random_history(seed, ASSETS, DAYS)
    cuts = [START + DAY_US + seed * 3_600_000_000, START + 3 * DAY_US, START + 4 * DAY_US + 17]
    whole = in_pieces(tmp_path / "whole", history, [], [None])
    one = in_pieces(tmp_path / "one", history, cuts, [1])
    mixed = in_pieces(tmp_path / "mixed", history, cuts, [2, None, 1])
    assert one.digest() == whole.digest()
    assert mixed.digest() == whole.digest()


def test_the_digest_is_of_something(tmp_path: Path) -> None:
    """Guards the guard: outputs, records and states are there, and another history has another digest."""
    fleet = in_pieces(tmp_path / "a", random_history(5, ASSETS, DAYS), [], [None])
    other = in_pieces(tmp_path / "b", random_history(6, ASSETS, DAYS), [], [None])
    assert fleet.digest() != other.digest()
    assert fleet.sql("select count(*) > 1000 from outputs").fetchall() == [(True,)]
    assert fleet.sql("select count(*) > 3 from records").fetchall() == [(True,)]
    models = len(fleet.registry())
    assert fleet.sql("select count(*) from twin_state where state is not null").fetchall() == [(3 * models,)]
