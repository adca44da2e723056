"""Purging an asset: nothing of it is left on the disk, and nothing of the others changes."""

from pathlib import Path

import pytest
from histories import random_history, write_assets

from actors import Fleet
from altergo_interface import SelectionError, StoreBusy

GONE = "EV-to-be-forgotten"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Two assets in one bucket and one in another, with events in two months, run, and one quarantined row."""
    monkeypatch.chdir(tmp_path)
    assets = (GONE, "A", "B", "C", "D", "E", "F", "G", "H")
    found = Fleet(tmp_path / "store")
    found.import_assets(write_assets(tmp_path / "assets.csv", assets))
    found.ingest(random_history(4, assets, 3).write(tmp_path / "events.parquet"))
    (tmp_path / "bad.csv").write_text(
        f"asset_id,sensor,ts,value\n{GONE},current,2026-02-01T00:00Z,x\nA,current,2026-02-02T00:00Z,1\n"
    )
    found.ingest(tmp_path / "bad.csv")
    found.run(local=True)
    return found


def test_nothing_of_the_asset_is_left(fleet: Fleet) -> None:
    before = {name: fleet.digest(f"asset:{name}") for name in "ABCDEFGH"}
    events = fleet.sql(f"select count(*) from events where asset_id = '{GONE}'").fetchall()[0][0]
    report = fleet.purge(GONE)
    assert report.events == events > 0
    assert report.results > 0
    traces = [path for path in fleet.root.rglob("*") if path.is_file() and GONE.encode() in path.read_bytes()]
    assert traces == []
    assert {name: fleet.digest(f"asset:{name}") for name in "ABCDEFGH"} == before
    assert fleet.plan().items == ()
    fleet.run(compute_type="full", local=True)
    assert {name: fleet.digest(f"asset:{name}") for name in "ABCDEFGH"} == before


def test_every_listed_segment_is_there_and_whole(fleet: Fleet) -> None:
    from event_store.local_files import checksum

    fleet.purge(GONE)
    with fleet.store().catalog.session("test") as con:
        listed = con.execute("select path, checksum from store.segments").fetchall()
    on_disk = {str(path.relative_to(fleet.root)) for path in (fleet.root / "segments").rglob("*.parquet")}
    assert {path for path, _ in listed} == on_disk
    assert all(checksum(fleet.root / path) == expected for path, expected in listed)


def test_the_asset_may_come_back(fleet: Fleet, tmp_path: Path) -> None:
    fleet.purge(GONE)
    report = fleet.ingest(tmp_path / "events.parquet", again=True)
    assert report.duplicates > 0
    assert report.appended > 0
    assert {(item.asset_id, item.reasons) for item in fleet.plan().items} <= {(GONE, ("new_asset",))}


def test_an_unknown_asset_or_a_run_in_progress_is_refused(fleet: Fleet) -> None:
    with pytest.raises(SelectionError, match="no asset is called 'Z'"):
        fleet.purge("Z")
    with fleet.store().running(), pytest.raises(StoreBusy, match="a run by process"):
        fleet.purge("A")
