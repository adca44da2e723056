"""Verification: every kind of damage is found and named, and a sound store has no findings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from histories import DAY_US, START, random_history, write_assets

from actors import Fleet
from actors.settings_file import packaged_settings

Damage = Callable[[Fleet], None]
Ask = Callable[..., dict[str, Any]]


def segment(fleet: Fleet, kind: str = "event") -> Path:
    with fleet.store().catalog.session("test") as con:
        rows = con.execute("select path from store.segments where kind = ? order by path", [kind]).fetchall()
    return fleet.root / rows[0][0]


def sql(statement: str) -> Damage:
    def damage(fleet: Fleet) -> None:
        with fleet.store().catalog.transaction("test") as con:
            con.execute(statement)

    return damage


def flip(kind: str) -> Damage:
    def damage(fleet: Fleet) -> None:
        path = segment(fleet, kind)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    return damage


def delete(fleet: Fleet) -> None:
    segment(fleet, "output").unlink()


def delete_events(fleet: Fleet) -> None:
    segment(fleet).unlink()


def truncate(fleet: Fleet) -> None:
    path = segment(fleet)
    path.write_bytes(path.read_bytes()[:-1])


OF = "EV-1 eq_cycles"
EV = "where asset_id = 'EV-1'"
PAIR = f"{EV} and model = 'eq_cycles'"
NEWEST = f"as_of = (select max(as_of) from store.snapshots {PAIR})"
TAMPERED = """regexp_replace(carry, '"charge_throughput_ah":[0-9.]+', '"charge_throughput_ah":1.5')"""


@pytest.mark.parametrize(
    ("damage", "what", "where"),
    [
        (flip("event"), "checksum differs", ".parquet"),
        (flip("output"), "checksum differs", ".parquet"),
        (delete, "the segment is missing", ".parquet"),
        (delete_events, "the segment is missing", ".parquet"),
        (truncate, "bytes, not", ".parquet"),
        (sql('update store.segments set "rows" = "rows" + 1 where kind = \'record\''), "rows, not", ".parquet"),
        (sql(f"update store.assets set events = events + 1 {EV}"), "the asset's figures are", "EV-1"),
        (sql(f"update store.assets set first_ts = first_ts - interval 1 day {EV}"), "the asset's figures", "EV-1"),
        (sql(f"update store.sensors set events = 7 {EV} and sensor = 'soc'"), "the sensor's figures", "EV-1 soc"),
        (sql(f"update store.sensors set max_value = 1 {EV} and sensor = 'soc'"), "the sensor's figures", "EV-1 soc"),
        (sql(f"delete from store.sensors {EV} and sensor = 'soc'"), "figures are none", "EV-1 soc"),
        (sql(f"update store.snapshots set carry = {TAMPERED} {PAIR} and {NEWEST}"), "its hash differs", OF),
        (sql(f"update store.snapshots set digest = 'ab' {PAIR} and {NEWEST}"), "another snapshot at", OF),
        (sql(f"delete from store.snapshots {PAIR}"), "no snapshot at the head", OF),
        (sql(f"delete from store.snapshots {PAIR} and {NEWEST}"), "no snapshot at the head", OF),
        (sql(f"update store.heads set state = replace(state, '1', '2') {PAIR}"), "another state", OF),
        (sql(f"update store.heads set as_of = as_of + interval 1 day {PAIR}"), "newer than the log", OF),
        (sql(f"update store.heads set head = head + interval 9 day {PAIR}"), "behind what was folded", OF),
    ],
)  # fmt: skip
def test_damage_is_found_and_named(ran: Fleet, ask: Ask, damage: Damage, what: str, where: str) -> None:
    damage(ran)
    found = ask("store", "verify", code=1)["findings"]
    assert any(what in finding["what"] and where in finding["where"] for finding in found), found


def test_a_sound_store_has_no_findings(ran: Fleet, ask: Ask, twins: Callable[..., Any]) -> None:
    found = ask("store", "verify")
    files = [path for path in (ran.root / "segments").rglob("*") if path.is_file()]
    assert found == {
        "segments": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "orphans": 0,
        "assets": 2,
        "pairs_replayed": 4,
        "skipped": [],
        "findings": [],
    }
    code, text, _ = twins("store", "verify", "--sample", "1")
    assert code == 0
    assert "1 asset counted, 1 pair replayed" in text
    assert "no damage found" in text


def test_damage_is_said_in_text(ran: Fleet, twins: Callable[..., Any]) -> None:
    delete(ran)
    code, text, _ = twins("store", "verify")
    assert code == 1
    assert "FOUND: segments/output/" in text


def test_verifying_changes_nothing(ran: Fleet, ask: Ask, snapshot: Callable[[Path], dict[str, bytes]]) -> None:
    before = {name: data for name, data in snapshot(ran.root).items() if name.endswith(".parquet")}
    digest = ran.digest()
    ask("store", "verify")
    assert {name: data for name, data in snapshot(ran.root).items() if name.endswith(".parquet")} == before
    assert ran.digest() == digest


def test_orphans_are_counted_and_no_finding(ran: Fleet, ask: Ask) -> None:
    (ran.root / "segments" / "event" / "stray.parquet").write_bytes(b"x")
    assert ask("store", "verify")["orphans"] == 1


def test_pairs_that_cannot_be_compared_are_skipped(ran: Fleet, ask: Ask, write: Callable[..., Path]) -> None:
    late = write("late.csv", "asset_id,sensor,ts,value\nEV-1,current,2026-01-31T00:00:01Z,5\n")
    ask("ingest", late)
    sql("update store.heads set status = 'parked' where asset_id = 'EV-2' and model = 'eq_cycles'")(ran)
    found = ask("store", "verify")
    assert found["pairs_replayed"] == 1
    assert sorted((skipped["where"], skipped["what"]) for skipped in found["skipped"]) == [
        (OF, "it is not up to date"),
        ("EV-1 voltage_monitor", "it is not up to date"),
        ("EV-2 eq_cycles", "it is parked"),
    ]


def test_a_retraction_that_no_run_has_seen_is_no_finding(ran: Fleet, ask: Ask, write: Callable[..., Path]) -> None:
    newest = write("newest.csv", "asset_id,sensor,ts,value\nEV-1,current,2026-02-09T00:00:01Z,5\n")
    batch = ask("ingest", newest)["batch"]
    ask("run", "--local")
    assert ask("store", "verify")["pairs_replayed"] == 4
    ask("batches", "retract", batch)
    assert ask("store", "verify")["findings"] == []


def test_corrected_values_and_budgets_are_no_findings(
    ingested: Fleet, ask: Ask, write: Callable[..., Path], settings_document: dict[str, Any]
) -> None:
    peak = write("peak.csv", "asset_id,sensor,ts,value\nEV-1,current,2026-01-31T00:00:01Z,500\n")
    lower = write("lower.csv", "asset_id,sensor,ts,value\nEV-1,current,2026-01-31T00:00:01Z,5\n")
    ask("ingest", peak)
    ask("ingest", lower)
    settings_document["parameters"]["execution"] |= {"max_days_period_compute": 2}
    write("settings.json", settings_document)
    assert ask("run", "--local")["remaining"] == 4
    found = ask("store", "verify")
    assert (found["findings"], found["pairs_replayed"]) == ([], 0)
    while ask("run", "--local")["remaining"]:
        pass
    found = ask("store", "verify")
    assert (found["findings"], found["pairs_replayed"]) == ([], 4)


def test_a_store_of_less_than_a_day_is_sound(tmp_path: Path) -> None:
    """All of its events lie in the open slot: the replay folds nothing before its head."""
    fleet = Fleet(tmp_path / "store", packaged_settings())
    fleet.import_assets(write_assets(tmp_path / "assets.csv", ["A"]))
    day = START - START % DAY_US + DAY_US
    fleet.ingest(random_history(3, ["A"], 3).between(day, day + DAY_US // 2).write(tmp_path / "day.parquet"))
    assert fleet.run(local=True).parked == []
    found = fleet.verify()
    assert (found.findings, found.pairs_replayed > 0) == ([], True)
