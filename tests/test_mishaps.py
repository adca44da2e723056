"""Mishaps of daily use: a moved store, a broken file among good ones, a demo in the wrong place, late parameters."""

from pathlib import Path

import pytest
from histories import random_history, write_assets

from actors import Fleet
from actors.cli import main
from altergo_interface import SelectionError

GOOD = "asset_id,sensor,ts,value\nA,current,2026-02-01T00:00Z,1\n"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.chdir(tmp_path)
    found = Fleet(tmp_path / "store")
    found.import_assets(write_assets(tmp_path / "assets.csv", ("A",)))
    found.ingest(random_history(1, ("A",), 2).write(tmp_path / "events.parquet"))
    return found


def code(*words: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(list(words))
    return int(exit_.value.code or 0)


def test_a_moved_store_is_published_again(fleet: Fleet, tmp_path: Path) -> None:
    fleet.run(local=True)
    rows = fleet.sql("select count(*) from outputs").fetchall()
    moved = Fleet((tmp_path / "store").rename(tmp_path / "moved"))
    assert moved.sql("select count(*) from outputs").fetchall() == rows


def test_a_file_without_a_good_row_keeps_the_others_of_its_command_out(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_text(GOOD.replace(",1", ",x"))
    before = fleet.batches()
    assert code("--store", "store", "ingest", "good.csv", "bad.csv") == 2
    assert fleet.batches() == before


def test_the_demo_does_not_mix_with_real_events(fleet: Fleet) -> None:
    before = fleet.batches()
    assert code("--store", "store", "demo", "--assets", "1", "--days", "1") == 2
    assert fleet.batches() == before


def test_purging_one_asset_keeps_the_quarantined_rows_of_its_namesakes(fleet: Fleet, tmp_path: Path) -> None:
    rows = "".join(f"{name},current,2026-02-01T00:00Z,x\n" for name in ("A", "AB", "CAR"))
    (tmp_path / "rows.csv").write_text(GOOD + rows)
    fleet.ingest(tmp_path / "rows.csv")
    fleet.purge("A")
    left = fleet.sql("select raw ->> '$.asset_id' from quarantine order by 1").fetchall()
    assert left == [("AB",), ("CAR",)]


def test_a_dotenv_file_overrides_the_settings_and_the_environment_overrides_it(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("OTHER=1\nTWINS__EXECUTION__COMPUTE_TYPE=full\n")
    assert fleet.settings().execution.compute_type == "full"
    monkeypatch.setenv("TWINS__EXECUTION__COMPUTE_TYPE", "incremental")
    assert fleet.settings().execution.compute_type == "incremental"


def test_a_capacity_that_begins_after_the_events_is_named(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "late.csv").write_text("asset_id,capacity,chemistry,valid_from\nB,50,NMC,2026-02-02T00:00Z\n")
    fleet.import_assets(tmp_path / "late.csv")
    (tmp_path / "b.csv").write_text(GOOD.replace("A,", "B,"))
    fleet.ingest(tmp_path / "b.csv")
    parked = fleet.run("asset:B", local=True).parked
    assert any("'capacity' has no value before its first valid_from" in error for _, _, error in parked)


def test_the_lag_counts_assets_that_never_ran(fleet: Fleet) -> None:
    assert fleet.status()["lag_s"] > 86_400
    fleet.run(local=True)
    assert fleet.status()["lag_s"] == 0


def test_an_empty_range_is_refused(fleet: Fleet) -> None:
    with pytest.raises(SelectionError, match="is not before"):
        fleet.twin("A").replay("2026-02-02", "2026-02-01")
