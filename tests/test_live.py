"""Live twins end in the digest of runs over the same log, whatever comes in whichever order; and they sleep."""

import random
import shutil
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from histories import START, History, random_history, write_assets
from live_sessions import caught_up, following, wait_for
from toys import TOYS, write_toys

from actors import Fleet
from actors.live_socket import ask
from altergo_interface import SelectionError, StoreBusy
from event_store.ingest import ParseOptions
from event_store.records import Version

ASSETS = ("EV-1", "EV-2", "HOME/3")
DAYS = 4
Delivery = Callable[[Fleet], object]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fleet_of(root: Path, **options: object) -> Fleet:
    root.mkdir()
    fleet = Fleet(root / "store", **options)  # type: ignore[arg-type]
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS))
    return fleet


def deliveries(seed: int, root: Path) -> list[Delivery]:
    """A history in eight files, two of them late, the rest in order, and several files at once."""
    rng = random.Random(seed)
    events = random_history(seed, ASSETS, DAYS).events
    edges = [0, *sorted(rng.sample(range(1, events.num_rows), 7)), events.num_rows]
    pieces = [History(events.slice(low, high - low)) for low, high in pairwise(edges)]
    order = list(range(len(pieces)))
    for _ in range(2):
        order.insert(rng.randrange(len(order)), order.pop(rng.randrange(len(order))))
    paths = [pieces[n].write(root / f"{seed}-{n}.parquet") for n in order]
    return [lambda fleet, path=path: fleet.ingest(path) for path in paths]  # type: ignore[misc]


def parts(seed: int, count: int, root: Path) -> list[Path]:
    """A history in order, in files of the same length."""
    events = random_history(seed, ASSETS, DAYS).events
    edges = [events.num_rows * n // count for n in range(count + 1)]
    return [
        History(events.slice(low, high - low)).write(root / f"part-{n}.parquet")
        for n, (low, high) in enumerate(pairwise(edges))
    ]


def both(root: Path, given: Sequence[Delivery], patient: random.Random, **options: object) -> tuple[Fleet, Fleet]:
    """A store whose log was followed live, and one with the same log after one run."""
    live, once = fleet_of(root / "live", **options), fleet_of(root / "once", **options)
    given[0](live)
    with following(live):
        for delivery in given[1:]:
            delivery(live)
            if patient.random() < 0.7:
                wait_for(lambda: caught_up(live), "the twins")
        wait_for(lambda: caught_up(live), "the twins")
    for delivery in given:
        delivery(once)
    once.run(local=True)
    return live, once


@pytest.mark.parametrize("seed", range(4))
def test_any_deliveries_give_the_digest_of_one_run(tmp_path: Path, seed: int) -> None:
    live, once = both(tmp_path, deliveries(seed, tmp_path), random.Random(seed))
    assert live.digest() == once.digest()
    assert live.verify().findings == []
    assert live.sql("select count(*) > 3 from records").fetchall() == [(True,)]  # the copy is up to date, too


def test_every_continuity_and_models_that_feed_others(tmp_path: Path) -> None:
    toys = write_toys(tmp_path / "models")
    settings = tmp_path / "settings.json"
    settings.write_text(f'{{"parameters": {{"execution": {{"enabled_models": "{",".join(TOYS)}"}}}}}}')
    options = {"settings": settings, "models_dirs": [toys]}
    live, once = both(tmp_path, deliveries(7, tmp_path), random.Random(7), **options)
    assert live.digest() == once.digest()


def test_corrections_retractions_and_parameters(tmp_path: Path) -> None:
    """Each of them rewinds the twins, and what they remember of the log is not trusted any more."""
    events = random_history(5, ASSETS, DAYS).events
    table, rest = events.slice(0, events.num_rows * 3 // 4), events.slice(events.num_rows * 3 // 4)
    corrected = table.take(np.arange(0, table.num_rows, 97))
    corrected = corrected.set_column(3, "value", pa.array(np.full(len(corrected), 3.9)))
    recent = table.slice(len(table) - 300)

    def ingest(events: pa.Table, name: str, **options: bool) -> Delivery:
        path = tmp_path / name
        pq.write_table(events, path)
        return lambda fleet: fleet.ingest(path, ParseOptions(**options))  # type: ignore[arg-type]

    def parameters(fleet: Fleet) -> None:
        (tmp_path / "more.csv").write_text("asset_id,valid_from,capacity\nEV-1,2026-02-01T00:00Z,140\nEV-2,,120\n")
        fleet.import_assets(tmp_path / "more.csv")

    given = [
        ingest(table, "table.parquet"),
        ingest(corrected, "corrected.parquet"),
        ingest(recent.take(np.arange(0, len(recent), 3)), "gone.parquet", retract=True),
        parameters,
        ingest(rest, "rest.parquet"),
        lambda fleet: fleet.retract(
            next(b["batch"] for b in fleet.batches() if b["file"].endswith("corrected.parquet"))
        ),
        ingest(recent, "back.parquet"),
    ]
    live, once = both(tmp_path, given, random.Random(0))
    assert live.digest() == once.digest()


def test_segments_merged_between_two_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Housekeeping replaces segments that the twins have read."""
    monkeypatch.setattr("actors.live_publication.PUBLISH_EVERY_S", 0.0)
    monkeypatch.setattr("event_store.housekeeping.COMPACT_ABOVE", 2)
    given = [lambda fleet, path=path: fleet.ingest(path) for path in parts(6, 12, tmp_path)]  # type: ignore[misc]
    live, once = both(tmp_path, given, random.Random(0))
    assert live.digest() == once.digest()
    with live.store().catalog.session("test") as con:
        assert con.execute("select count(*) from store.segments where kind = 'event' and seq > first_seq").fetchall()


def test_an_idle_twin_sleeps_and_wakes(tmp_path: Path) -> None:
    fleet, once = fleet_of(tmp_path / "live"), fleet_of(tmp_path / "once")
    paths = parts(8, 4, tmp_path)
    store = fleet.store().paths
    fleet.ingest(paths[0])
    with following(fleet, idle_s=0.5):
        for path in paths[1:]:
            fleet.ingest(path)
            state = wait_for(lambda: ask(store, "EV-1"), "the twin to wake")
            wait_for(lambda: ask(store, "EV-1") is None, "the twin to sleep")
            assert fleet.state("EV-1") == state  # now from the catalog
    for path in paths:
        once.ingest(path)
    once.run(local=True)
    assert fleet.digest() == once.digest()


def test_every_new_record_version_is_told_once(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "live")
    paths = parts(9, 7, tmp_path)
    fleet.ingest(paths[0])
    fleet.run(local=True)
    before = set(stored(fleet))
    told: list[Version] = []
    with following(fleet, told.append, idle_s=0.2):
        for n, path in enumerate(paths[1:]):
            fleet.ingest(path)
            wait_for(lambda: caught_up(fleet), "the twins")
            if n % 2:
                wait_for(lambda: ask(fleet.store().paths, "EV-1") is None, "the twins to sleep")
        late = pq.read_table(paths[2])
        raised = late.set_column(3, "value", pa.array(np.full(late.num_rows, 4.6)))
        fleet.ingest(History(raised).write(tmp_path / "late.parquet"))
        wait_for(lambda: caught_up(fleet), "the twins")
    assert len(told) > 10
    newest = {version[:5]: version for version in told}
    for row in set(stored(fleet)) - before:
        assert newest[row[:5]][:8] == row  # what the view shows was told last
    contents = [version.content for version in told]
    assert len(set(contents)) == len(contents)


def stored(fleet: Fleet) -> list[tuple[object, ...]]:
    return fleet.sql(
        "select asset_id, model, kind, cell, epoch_us(started_at), epoch_us(ended_at), severity, value from records"
    ).fetchall()


def test_a_selection_leaves_the_others_alone(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "live")
    first, second = parts(10, 2, tmp_path)
    fleet.ingest(first)
    with following(fleet, select="EV-*,model:eq_cycles"):
        fleet.ingest(second)
        wait_for(lambda: fleet.plan("EV-*,model:eq_cycles").items == (), "the twins")
    assert {item.asset_id for item in fleet.plan("model:eq_cycles").items} == {"HOME/3"}
    assert {item.reasons for item in fleet.plan("EV-*").items} == {("new_asset",)}
    with pytest.raises(SelectionError, match="no asset matches"), following(fleet, select="asset:TRUCK-*"):
        pass
    with pytest.raises(SelectionError, match="by asset and model"), following(fleet, select="status:parked"):
        pass


def test_while_twins_are_live_no_run_begins(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "live")
    fleet.ingest(random_history(11, ASSETS, 1).write(tmp_path / "0.parquet"))
    with following(fleet):
        with pytest.raises(StoreBusy, match=r"a live session by process \d+ has been running since 20"):
            fleet.run(local=True)
        with pytest.raises(StoreBusy, match="a live session"):
            fleet.live(local=True)
    assert fleet.run(local=True).pairs == 0


def test_a_model_that_fails_is_parked_and_the_others_go_on(tmp_path: Path) -> None:
    toys = write_toys(tmp_path / "models", "held", "latest")
    code = (toys / "latest" / "__init__.py").read_text()
    raising = '            if value > 110:\n                raise ValueError("too high")\n'
    (toys / "latest" / "__init__.py").write_text(
        code.replace("            if value > 100", raising + "            if value > 100", 1)
    )
    settings = tmp_path / "settings.json"
    settings.write_text('{"parameters": {"execution": {"enabled_models": "held,latest"}}}')
    fleet = fleet_of(tmp_path / "live", settings=settings, models_dirs=[toys])
    t = START + np.arange(8) * 60_000_000

    def events(asset: str, low: int, values: Sequence[float]) -> Path:
        stamps = pa.array(t[low : low + len(values)]).cast(pa.timestamp("us", tz="UTC"))
        columns = {"asset_id": [asset] * len(values), "sensor": ["current"] * len(values), "ts": stamps}
        pq.write_table(pa.table(columns | {"value": [float(x) for x in values]}), tmp_path / f"{asset}{low}.parquet")
        return tmp_path / f"{asset}{low}.parquet"

    for asset in ("EV-1", "EV-2"):
        fleet.ingest(events(asset, 0, [1, 2]))
    with following(fleet):
        fleet.ingest(events("EV-1", 2, [120, 5]))
        fleet.ingest(events("EV-2", 2, [6, 7]))
        wait_for(lambda: fleet.state("EV-2")["models"]["latest"]["state"] == {"value": 7.0, "since": None}, "EV-2")
        found = fleet.state("EV-1")["models"]
        assert (found["latest"]["status"], found["latest"]["state"]["value"]) == ("parked", 2.0)
        assert "too high" in found["latest"]["error"]
        fleet.ingest(events("EV-1", 4, [8, 9]))
        wait_for(lambda: fleet.state("EV-1")["models"]["held"]["state"] == {"seconds": 300.0}, "the other model")
    assert fleet.status()["parked"] == 1


def test_a_copy_of_the_store_does_not_ask_the_original(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "live")
    first, second = parts(12, 2, tmp_path)
    fleet.ingest(first)
    fleet.run(local=True)
    with following(fleet):
        fleet.ingest(second)
        wait_for(lambda: ask(fleet.store().paths, "EV-1"), "the twin to wake")
        copy = Fleet(
            shutil.copytree(fleet.root, tmp_path / "copy", ignore=lambda *_: ["live.sock", "catalog.duckdb.wal"])
        )
        assert ask(copy.store().paths, "EV-1") is None
    assert ask(fleet.store().paths, "EV-1") is None
