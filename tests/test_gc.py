"""Garbage: what nothing names is deleted, in time and never while a reader may need it."""

import os
import time
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from actors import Fleet
from altergo_interface import StoreBusy
from event_store import garbage

Ask = Callable[..., dict[str, Any]]


def files(fleet: Fleet) -> set[str]:
    paths = (fleet.root / "segments").rglob("*")
    return {str(path.relative_to(fleet.root)) for path in paths if path.is_file()}


def rows(fleet: Fleet, query: str) -> list[tuple[Any, ...]]:
    with fleet.store().catalog.session("test") as con:
        found: list[tuple[Any, ...]] = con.execute(query).fetchall()
    return found


def listed(fleet: Fleet) -> set[str]:
    return {path for (path,) in rows(fleet, "select path from store.segments")}


def waste(fleet: Fleet) -> set[str]:
    return {path for (path,) in rows(fleet, "select path from store.garbage")}


def rerun(fleet: Fleet) -> None:
    fleet.run(compute_type="full", local=True)


def age(fleet: Fleet, hours: int = 2) -> None:
    """As if all garbage had become so that much earlier."""
    with fleet.store().catalog.transaction("test") as con:
        con.execute(f"update store.garbage set since = since - interval {hours} hour")


def test_open_slots_of_earlier_runs_become_garbage(ran: Fleet) -> None:
    before = {path for path in listed(ran) if "/open_" in path}
    rerun(ran)
    assert waste(ran) == before
    assert not before & listed(ran)
    assert before < files(ran)
    assert ran.verify().findings == []


def test_an_open_slot_that_a_pair_still_shows_is_none(ran: Fleet) -> None:
    before = {path for path in listed(ran) if "/open_" in path}
    ran.run("asset:EV-1", "full", local=True)
    buckets = dict(rows(ran, "select asset_id, bucket from store.assets"))
    assert set(before & listed(ran)) == {p for p in before if f"b={buckets['EV-2']:04d}" in p}
    ran.run("asset:EV-2,model:eq_cycles", "full", local=True)
    assert before & listed(ran)  # the other model's
    assert ran.digest() == Fleet(ran.root).digest()


def test_collecting_by_hand(ran: Fleet, ask: Ask) -> None:
    ran.compact(every=True)
    rerun(ran)
    digest, wasted = ran.digest(), waste(ran)
    size = sum((ran.root / path).stat().st_size for path in wasted)
    assert ask("store", "gc") == {"garbage": 0, "orphans": 0, "drafts": 0, "bytes": 0}
    age(ran)
    everything = files(ran)
    expected = {"garbage": len(wasted), "orphans": 0, "drafts": 0, "bytes": size}
    assert ask("store", "gc", "--dry-run") == expected
    assert (files(ran), waste(ran)) == (everything, wasted)
    assert ask("store", "gc") == expected
    assert files(ran) == listed(ran) == everything - wasted
    assert waste(ran) == set()
    assert ran.digest() == digest
    assert ran.verify().findings == []
    assert all(any(folder.iterdir()) for folder in (ran.root / "segments").rglob("*") if folder.is_dir())


def test_orphans_and_drafts_go_after_the_grace(ran: Fleet, ask: Ask) -> None:
    folder = ran.root / "segments" / "output" / "b=0001" / "2026-01"
    folder.mkdir(parents=True)
    old, young = folder / "old.parquet", folder / "young.parquet"
    draft = ran.root / "fleet.123.draft"
    for path in (old, young, draft):
        path.write_bytes(b"12345")
    for path in (old, draft):
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    assert ask("store", "gc") == {"garbage": 0, "orphans": 1, "drafts": 1, "bytes": 10}
    assert not old.exists()
    assert not draft.exists()
    assert young.exists()
    assert ask("store", "gc", "--grace", "0s")["orphans"] == 1
    assert not folder.parent.exists()
    assert files(ran) == listed(ran)


def test_a_duration_is_checked_and_a_run_is_respected(ran: Fleet, twins: Callable[..., Any]) -> None:
    code, _, err = twins("store", "gc", "--grace", "soon")
    assert code == 2
    assert "no duration" in err
    code, text, _ = twins("store", "gc", "--grace", "90m")
    assert (code, text) == (0, "0 replaced files, 0 orphans and 0 drafts deleted: 0 bytes\n")
    with ran.store().running(), pytest.raises(StoreBusy, match="a run by process"):
        ran.gc()


def test_a_run_deletes_only_what_was_garbage_before_the_previous_one(
    ran: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "KEEP", 0)
    first = {path for path in listed(ran) if "/open_" in path}
    rerun(ran)
    rerun(ran)
    assert first <= files(ran)
    second = waste(ran) - first
    assert second
    rerun(ran)
    assert not first & files(ran)
    assert second <= files(ran)


def test_without_being_many_garbage_stays_for_the_grace(ran: Fleet) -> None:
    first = {path for path in listed(ran) if "/open_" in path}
    for _ in range(3):
        rerun(ran)
    assert first <= files(ran)
    age(ran)
    rerun(ran)
    assert not first & files(ran)
    assert not first & waste(ran)


def test_a_reader_of_the_previous_publication_is_safe(ran: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "KEEP", 0)
    monkeypatch.setattr(garbage, "GRACE_S", 0.0)
    query = "select asset_id, model, count(*), min(value), max(value) from outputs group by all order by all"
    for _ in range(4):
        rerun(ran)
        with duckdb.connect(str(ran.root / "fleet.duckdb"), read_only=True) as reader:
            before = reader.execute(query).fetchall()
            ran.compact(every=True)
            rerun(ran)  # whoever opens the copy from now on sees another one
            assert reader.execute(query).fetchall() == before
    assert len(files(ran)) < 3 * len(listed(ran))


def test_a_file_that_is_gone_already_is_no_error(ran: Fleet) -> None:
    """Killed between deleting files and forgetting them, the next collection does the rest."""
    rerun(ran)
    age(ran)
    for path in waste(ran):
        (ran.root / path).unlink()
        (ran.root / path).parent.rmdir() if not any((ran.root / path).parent.iterdir()) else None
    rerun(ran)
    rerun(ran)
    assert all((ran.root / path).exists() for path in waste(ran))
    assert ran.verify().findings == []


def test_attempts_of_old_runs_are_forgotten(ran: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    rerun(ran)
    rerun(ran)
    assert rows(ran, "select count(distinct run_id) from store.attempts") == [(3,)]
    ran.gc()
    assert rows(ran, "select count(distinct run_id) from store.attempts") == [(3,)]
    monkeypatch.setattr(garbage, "KEPT_RUNS", 2)
    ran.gc()
    kept = rows(ran, "select number from store.runs join (select distinct run_id from store.attempts) using (run_id)")
    assert sorted(kept) == [(2,), (3,)]


def test_a_purge_takes_garbage_orphans_and_backups_along(ran: Fleet) -> None:
    ran.compact(every=True)
    rerun(ran)
    [(bucket,)] = rows(ran, "select bucket from store.assets where asset_id = 'EV-1'")
    (ran.root / "segments" / "event" / f"b={bucket:04d}" / "2026-01" / "orphan.parquet").write_bytes(b"EV-1")
    (ran.root / "catalog.v1.duckdb").write_bytes(b"EV-1")
    ran.purge("EV-1")
    assert [path for path in ran.root.rglob("*") if path.is_file() and b"EV-1" in path.read_bytes()] == []
    assert all((ran.root / path).exists() for path in waste(ran))
    assert ran.verify().findings == []
