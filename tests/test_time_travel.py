"""State as of a time, and as known at a sequence: today's models over the events and parameters known then."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from histories import DAY_US, START, History, random_history, write_assets
from toys import write_toys

from actors import Fleet, twin_actor
from altergo_interface import SelectionError
from event_store.ingest import ParseOptions

ASSET = "EV-1"
DAYS = 12


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toys(tmp_path_factory.mktemp("toys"))


@pytest.fixture(scope="module")
def history() -> History:
    return random_history(3, [ASSET], DAYS)


def at(t: int) -> str:
    return datetime.fromtimestamp(t / 1e6, UTC).isoformat()


def fleet_with(root: Path, toys: Path, *pieces: History) -> Fleet:
    root.mkdir(parents=True, exist_ok=True)
    fleet = Fleet(root / "store", models_dirs=[toys])
    fleet.import_assets(write_assets(root / "assets.csv", [ASSET]))
    for piece in pieces:
        fleet.ingest(piece.write(root / f"{len(list(root.iterdir()))}.parquet"))
    return fleet


def expected(root: Path, toys: Path, *pieces: History) -> object:
    """What a fresh store says that only ever knew these events."""
    fleet = fleet_with(root, toys, *pieces)
    fleet.run(local=True)
    return comparable(fleet.state(ASSET))


def comparable(state: dict[str, object]) -> object:
    models = state["models"]
    assert isinstance(models, dict)
    return {name: (entry["state"], entry["outputs"], entry["status"]) for name, entry in models.items()}


@pytest.fixture
def fleet(tmp_path: Path, toys: Path, history: History) -> Fleet:
    """Twelve days, ingested and run in four pieces; the last one brings a correction of the third day, too."""
    edges = [START, START + 4 * DAY_US, START + 7 * DAY_US + 5, START + 9 * DAY_US, START + DAYS * DAY_US]
    pieces = [history.between(low, high) for low, high in pairwise(edges)]
    third = history.between(START + 2 * DAY_US, START + 3 * DAY_US).events
    values = pa.compute.add(third.column("value"), 1.5)
    pieces[3] = History(pa.concat_tables([pieces[3].events, third.set_column(3, "value", values)]))
    found = fleet_with(tmp_path / "main", toys)
    for n, piece in enumerate(pieces):
        found.ingest(piece.write(tmp_path / f"{n}.parquet"))
        found.run(local=True)
    return found


def test_without_a_time_it_is_what_the_last_run_left(fleet: Fleet) -> None:
    now = fleet.state(ASSET)
    assert comparable(fleet.state(ASSET, at(START + 99 * DAY_US))) == comparable(now)
    assert comparable(fleet.state(ASSET, known_at=5)) == comparable(now)


@pytest.mark.parametrize("hours", [7, 24 * 4, 24 * 9 + 5, 24 * 12 - 1])
def test_as_of_a_time(fleet: Fleet, toys: Path, tmp_path: Path, hours: int) -> None:
    t = START + hours * 3_600_000_000
    rows = fleet.sql(f"select asset_id, sensor, ts, value from events where ts < '{at(t)}'").to_arrow_table()
    found = fleet.state(ASSET, at(t))
    assert comparable(found) == expected(tmp_path / "then", toys, History(rows))
    replayed = fleet.twin(ASSET).replay(until=at(t))
    good = {name: entry["state"] for name, entry in found["models"].items() if entry["status"] == "ok"}
    assert good == replayed.state
    assert good


@pytest.mark.parametrize("seq", [2, 3, 4, 5])
def test_as_known_at_a_sequence(fleet: Fleet, toys: Path, tmp_path: Path, seq: int) -> None:
    known = [tmp_path / f"{n}.parquet" for n in range(seq - 1)]
    tables = [History(pa.parquet.read_table(path)) for path in known]
    found = fleet.state(ASSET, known_at=seq)
    assert found["seq"] == seq
    assert comparable(found) == expected(tmp_path / "then", toys, *tables)


def test_as_known_before_a_retraction_and_after(fleet: Fleet, history: History, tmp_path: Path) -> None:
    before = comparable(fleet.state(ASSET))
    keys = history.between(START + 8 * DAY_US, START + 9 * DAY_US).write(tmp_path / "keys.parquet")
    fleet.ingest(keys, ParseOptions(retract=True))
    batch = fleet.batches()[-2]["batch"]
    fleet.retract(batch)
    fleet.run(local=True)
    after = comparable(fleet.state(ASSET))
    assert after != before
    assert comparable(fleet.state(ASSET, known_at=5)) == before
    assert comparable(fleet.state(ASSET, known_at=7)) == after
    fleet.run(compute_type="full", local=True)
    assert comparable(fleet.state(ASSET)) == after


def test_parameters_are_those_known_then(fleet: Fleet, tmp_path: Path) -> None:
    before = comparable(fleet.state(ASSET))
    (tmp_path / "b.csv").write_text(f"asset_id,capacity\n{ASSET},75\n")
    fleet.import_assets(tmp_path / "b.csv")
    fleet.run(local=True)
    assert comparable(fleet.state(ASSET)) != before
    assert comparable(fleet.state(ASSET, known_at=5)) == before


def test_it_goes_on_from_a_snapshot(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the ladder's use: the fold begins at the newest edge before the time, and before what was corrected."""
    starts = []
    original = twin_actor.restate

    def spy(twin: object, order: object, series: object) -> object:
        starts.append(order.start)  # type: ignore[attr-defined]
        return original(twin, order, series)  # type: ignore[arg-type]

    monkeypatch.setattr(twin_actor, "restate", spy)
    query = "select max(epoch_us(as_of)) from snapshots where model = 'held' and epoch_us(as_of) <= "
    t = START + 9 * DAY_US + 5
    (newest,) = fleet.sql(f"select max(epoch_us(ts)) from events where epoch_us(ts) < {t}").fetchall()[0]
    (edge,) = fleet.sql(query + str(newest - newest % DAY_US)).fetchall()[0]
    fleet.state(ASSET, at(t))
    alone = [start for start in starts if start is not None]
    assert len(alone) >= 4
    assert max(alone) == edge > START + 3 * DAY_US
    starts.clear()
    fleet.state(ASSET, known_at=4)
    assert all(start <= START + 2 * DAY_US for start in starts if start is not None)


def test_times_and_sequences_that_make_no_sense(fleet: Fleet) -> None:
    with pytest.raises(SelectionError, match="the newest sequence is 5"):
        fleet.state(ASSET, known_at=99)
    with pytest.raises(SelectionError, match="no events before that time"):
        fleet.state(ASSET, "2001-01-01")
    with pytest.raises(SelectionError, match="'yesterday' is no time"):
        fleet.state(ASSET, known_at="yesterday")
    with pytest.raises(SelectionError, match="no asset is called 'EV-2'"):
        fleet.state("EV-2", "2026-02-02")
