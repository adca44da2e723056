"""Compaction: fewer files, and not a bit of what can be seen, replayed, retracted or remembered differs."""

import shutil
import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from faults import Commands, steps
from histories import History, random_history, write_assets
from test_arrivals import Log, clean_digest, deliver, fleet_in
from toys import write_toys

from actors import Fleet
from altergo_interface import StoreBusy
from event_store import housekeeping
from event_store.compact import compact
from event_store.ingest import ParseOptions

ASSETS = ("EV-1", "HOME/3")
DAYS = 6
VIEWS = ("events", "outputs", "records", "latest_outputs", "twin_state", "assets", "sensors")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def shifted(history: History, by: float) -> History:
    """The same keys with other values."""
    values = pc.add(history.events.column("value"), by)
    return History(history.events.set_column(3, "value", values))


def pieces() -> list[History]:
    """A history of several days in six pieces of as many rows."""
    events = random_history(7, ASSETS, DAYS).events
    size = len(events) // 6
    return [History(events.slice(n * size, size)) for n in range(6)]


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after runs over new, late, corrected, deleted and retracted events."""
    root = tmp_path_factory.mktemp("eventful")
    fleet = Fleet(root / "store")
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS))
    for number, piece in enumerate(pieces()):
        tenth = len(piece.events) // 10
        early, late, rest = piece.events[: 3 * tenth], piece.events[3 * tenth : 4 * tenth], piece.events[4 * tenth :]
        fleet.ingest(History(pa.concat_tables([early, rest])).write(root / f"new{number}.parquet"))
        fleet.run(local=True)
        fleet.ingest(History(late).write(root / f"late{number}.parquet"))
        if number % 2:
            fleet.ingest(shifted(History(early[:tenth]), 0.5).write(root / f"corrected{number}.parquet"))
            deleted = History(early[tenth : 2 * tenth]).write(root / f"deleted{number}.parquet")
            fleet.ingest(deleted, ParseOptions(retract=True))
    fleet.retract(batch_of(fleet, "corrected1"))
    fleet.run(local=True)
    return root / "store"


@pytest.fixture
def fleet(eventful: Path, tmp_path: Path) -> Fleet:
    found = Fleet(shutil.copytree(eventful, tmp_path / "store"))
    found.publish()
    return found


def batch_of(fleet: Fleet, name: str) -> str:
    return next(row["batch"] for row in fleet.batches() if name in row["file"] and row["kind"] == "events")


def seen(fleet: Fleet) -> dict[str, list[tuple[Any, ...]]]:
    queries = {name: f"select * from {name}" for name in VIEWS}
    return {name: sorted(map(repr, fleet.sql(query).fetchall())) for name, query in queries.items()}


def log_rows(fleet: Fleet) -> list[tuple[Any, ...]]:
    """Every row of the log, those that do not count included."""
    with fleet.store().catalog.session("test") as con:
        paths = con.execute("select path from store.segments where kind = 'event'").fetchall()
    tables = [pq.read_table(fleet.root / path, partitioning=None) for (path,) in paths]
    rows = (row.values() for table in tables for row in table.to_pylist())
    return sorted(map(repr, map(tuple, rows)))


def counts(fleet: Fleet, kind: str = "") -> list[int]:
    """How many segments each place has."""
    query = "select count(*) from store.segments where starts_with(kind, ?) group by kind, bucket, month"
    with fleet.store().catalog.session("test") as con:
        return [n for (n,) in con.execute(query, [kind]).fetchall()]


def test_nothing_that_can_be_seen_differs(fleet: Fleet) -> None:
    before = fleet.digest(), seen(fleet), log_rows(fleet)
    assert max(counts(fleet)) > 5
    report = fleet.compact(every=True)
    assert max(counts(fleet)) == 1
    assert report.after < report.before
    assert (fleet.digest(), seen(fleet), log_rows(fleet)) == before
    assert fleet.plan().items == ()
    assert fleet.verify().findings == []
    assert fleet.compact(every=True).places == 0
    fleet.run(compute_type="full", local=True)
    assert fleet.digest() == before[0]


def test_each_asset_is_one_row_group_with_sorted_rows(fleet: Fleet) -> None:
    fleet.compact(every=True)
    with fleet.store().catalog.session("test") as con:
        rows = con.execute(
            "select path, \"rows\", first_seq, seq, collides, tombstones from store.segments where kind = 'event'"
        ).fetchall()
    for path, size, first, last, collides, tombstones in rows:
        with pq.ParquetFile(fleet.root / path) as file:
            groups = [file.read_row_group(n).to_pydict() for n in range(file.num_row_groups)]
        assert all(len(set(group["asset_id"])) == 1 for group in groups)
        for group in groups:
            assert len(group["ts"]) > 0
            keys = list(zip(*(group[name] for name in ("sensor", "ts", "seq", "row")), strict=True))
            assert keys == sorted(keys)
        batches = {seq for group in groups for seq in group["seq"]}
        assert (min(batches), max(batches), sum(len(group["ts"]) for group in groups)) == (first, last, size)
        deletes = any(value != value for group in groups for value in group["value"])
        assert (collides, tombstones) == (True, deletes)


def test_what_was_known_at_any_time_is_the_same(fleet: Fleet) -> None:
    last = max(row["seq"] for row in fleet.batches())
    known = range(2, last + 1)
    before = [fleet.state("EV-1", known_at=seq)["models"] for seq in known]
    fleet.compact(every=True)
    assert [fleet.state("EV-1", known_at=seq)["models"] for seq in known] == before
    assert len({repr(state) for state in before}) > DAYS


def retract(fleet: Fleet, _: Path) -> None:
    fleet.retract(batch_of(fleet, "new2"))


def retract_a_correction(fleet: Fleet, _: Path) -> None:
    fleet.retract(batch_of(fleet, "corrected3"))


def retract_deletions(fleet: Fleet, _: Path) -> None:
    fleet.retract(next(row["batch"] for row in fleet.batches() if "deleted3" in row["file"]))


def late_event(fleet: Fleet, root: Path) -> None:
    (root / "more.csv").write_text("asset_id,sensor,ts,value\nEV-1,current,2026-02-02T03:00:01Z,44.5\n")
    fleet.ingest(root / "more.csv")


def correct(fleet: Fleet, root: Path) -> None:
    fleet.ingest(shifted(pieces()[2], 3.25).write(root / "again.parquet"))


@pytest.mark.parametrize("change", [retract, retract_a_correction, retract_deletions, late_event, correct])
def test_changes_of_a_compacted_store_come_to_the_same(
    fleet: Fleet, tmp_path: Path, change: Callable[[Fleet, Path], None]
) -> None:
    other = Fleet(shutil.copytree(fleet.root, tmp_path / "other"))
    fleet.compact(every=True)
    for one in (fleet, other):
        change(one, tmp_path)
        assert one.plan().items
        one.run(local=True)
        one.publish()
    assert fleet.digest() == other.digest()
    assert {**seen(fleet), "twin_state": []} == {**seen(other), "twin_state": []}  # run ids differ
    assert fleet.verify().findings == []


def test_masks_go_once_nothing_needs_them(fleet: Fleet) -> None:
    query = "select asset_id, model, from_ts, to_ts, before_run from store.masks"
    store = fleet.store()
    with store.catalog.transaction("test") as con:
        masks = con.execute(query).fetchall()
        asset, model, *_, newest = max(masks, key=lambda mask: mask[-1])
        other = "voltage_monitor" if model == "eq_cycles" else "eq_cycles"
        con.execute(
            "update store.heads set consumed = ? where asset_id = ? and model = ?",
            [f'{{"{model}": {newest - 1}}}', asset, other],
        )
    report = fleet.compact(every=True)
    with store.catalog.session("test") as con:
        left = con.execute(query).fetchall()
    assert 0 < len(left) < len(masks)
    assert {mask[:2] for mask in left} == {(asset, model)}  # has still to be read by the other one
    assert report.masks == len(masks) - len(left)


def test_masks_stay_while_a_segment_holds_what_they_hide(fleet: Fleet) -> None:
    before = fleet.digest()
    with fleet.store().catalog.session("test") as con:
        [(masks,)] = con.execute("select count(*) from store.masks").fetchall()
    crowd = max(counts(fleet, "output"))
    with fleet.store().running():
        compact(fleet.store(), above=crowd - 1)
    with fleet.store().catalog.session("test") as con:
        [(left,)] = con.execute("select count(*) from store.masks").fetchall()
    assert 0 < left <= masks
    assert fleet.digest() == before


def test_a_run_compacts_what_has_become_many(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "COMPACT_ABOVE", 2)
    late_event(fleet, tmp_path)
    fleet.run(local=True)
    assert max(counts(fleet)) <= 2
    digest = fleet.digest()
    fleet.run(compute_type="full", local=True)
    assert fleet.digest() == digest


def test_events_wait_while_an_ingest_is_going_on(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "COMPACT_ABOVE", 2)
    before = counts(fleet, "event")
    with fleet.store().ingesting():
        fleet.run(local=True)
    assert sorted(counts(fleet, "event")) == sorted(before)
    assert max(counts(fleet, "output")) == max(counts(fleet, "record")) == 1
    with fleet.store().running(), pytest.raises(StoreBusy, match="a run by process"):
        fleet.compact()


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toys(tmp_path_factory.mktemp("toys"))


@pytest.mark.parametrize("seed", [1, 2])
def test_any_arrivals_compacted_after_every_run_give_the_digest_of_the_clean_log(
    toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(housekeeping, "COMPACT_ABOVE", 1)
    log = Log(seed)
    messages = log.messages()
    fleet = fleet_in(tmp_path / "pieces", toys)
    edges = [len(messages) * n // 4 for n in range(5)]
    for low, high in pairwise(edges):
        deliver(fleet, tmp_path / "pieces", messages[low:high])
        assert fleet.run(local=True).parked == []
        assert max(counts(fleet)) <= 3  # a larger and older segment of events is left alone
    assert fleet.plan().items == ()
    assert fleet.verify().findings == []
    assert fleet.digest() == clean_digest(tmp_path / "clean", log, toys)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of one asset after two runs, the second of which restated what the first one had yielded."""
    root = tmp_path_factory.mktemp("small")
    fleet = Fleet(root / "store")
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS[:1]))
    events = random_history(7, ASSETS[:1], 2).events
    for number in (1, 0):
        fleet.ingest(History(events[number::2]).write(root / f"{number}.parquet"))
        fleet.run(local=True)
    return root / "store"


def test_any_step_of_a_compaction_can_be_the_last(small: Path, tmp_path: Path, commands: Commands) -> None:
    digest = Fleet(small).digest()
    command = ("store", "compact", "--all")
    counting = Path(shutil.copytree(small, tmp_path / "counting"))
    code, count = commands.run(counting, *command)
    assert (code, count >= 20) == (0, True)
    for at in steps(count):
        store = Path(shutil.copytree(small, tmp_path / f"store{at}"))
        fleet = Fleet(store)
        assert commands.run(store, *command, at=at)[0] == -signal.SIGKILL
        assert fleet.digest() == digest, f"killed at step {at}"
        assert fleet.verify().findings == []
        fleet.compact(every=True)
        fleet.gc(grace_s=0)
        assert max(counts(fleet)) == 1
        with fleet.store().catalog.session("test") as con:
            listed = {path for (path,) in con.execute("select path from store.segments").fetchall()}
        assert listed == {str(path.relative_to(store)) for path in store.rglob("*.parquet")}
        assert fleet.digest() == digest, f"killed at step {at}"
