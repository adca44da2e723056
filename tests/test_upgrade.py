"""Upgrading: a store of every released version opens, shows what it held, and goes on as if it had been new."""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from platform_double import Platform, winning

from actors import Fleet
from actors.uploading import upload
from altergo_interface import StoreError
from event_store.schema import SCHEMA_VERSION, TABLES

STORES = sorted(Path(__file__).with_name("stores").glob("*.tar.xz"))
DIGESTS = {
    "store-v1": "b11065e5cf635c88ae229d06ebac5abd16e0cc8a22d0082524364a47c8f6e6ab",
    "store-v3": "a4c3a77d64954d9a8fde24f96f057374d4acacf91cc8842e4575137758ca0bee",
}
"""What the engines of then said of their stores."""


@pytest.fixture(params=STORES, ids=lambda path: path.name)
def unpacked(request: pytest.FixtureRequest, workdir: Path) -> Path:
    """A folder with a store of an older version, its settings, and the three files that were ingested."""
    with tarfile.open(request.param) as archive:
        archive.extractall(workdir, filter="data")
    settings = workdir / "altergo-settings.json"
    document = json.loads(settings.read_text())
    document["parameters"].setdefault("execution", {})["enabled_models"] = "eq_cycles,voltage_monitor"
    settings.write_text(json.dumps(document))
    (workdir / "name").write_text(request.param.name.partition(".")[0])
    return workdir


@pytest.fixture
def old(unpacked: Path) -> Fleet:
    return Fleet(unpacked / "store", unpacked / "altergo-settings.json")


def columns(path: Path) -> list[tuple[str, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        query = """select table_name, column_name, data_type from duckdb_columns() where schema_name = 'store'
                   order by table_name, column_index"""
        found: list[tuple[str, ...]] = con.execute(query).fetchall()
    return found


def test_an_old_store_is_refused_with_the_command_that_upgrades_it(old: Fleet) -> None:
    for command in (old.status, old.plan, old.digest, lambda: old.run(local=True)):
        with pytest.raises(StoreError, match=r"schema version \d+, this engine reads") as refused:
            command()
        assert "twins store upgrade" in refused.value.hint


def test_it_shows_what_it_held_and_goes_on_as_if_it_had_been_new(old: Fleet, unpacked: Path) -> None:
    with duckdb.connect(str(old.root / "catalog.duckdb"), read_only=True) as con:
        was = con.execute("select asset_id, model, state from store.heads order by all").fetchall()
        [(events,)] = con.execute("select sum(events) from store.assets").fetchall()
    report = old.upgrade()
    assert report.now == SCHEMA_VERSION
    assert old.digest() == DIGESTS[(unpacked / "name").read_text()]
    assert old.verify().findings == []

    assert old.sql("select count(*) from events").fetchall() == [(events,)]
    assert old.sql("select count(distinct (asset_id, model)) from outputs").fetchall() == [(4,)]
    assert old.sql("select count(*) > 0 from records").fetchall() == [(True,)]
    shown = old.sql("select asset_id, model from twin_state where state is not null order by all").fetchall()
    assert shown == [row[:2] for row in was]
    assert old.sql("select count(*) from snapshots").fetchall() == [(8,)]

    items = old.plan().items
    if report.was == 1:  # its fingerprints were made otherwise
        assert len(items) == 4
        assert all({"code_changed", "config_changed"} <= set(item.reasons) for item in items)
    assert {item.asset_id for item in items if "late_events" in item.reasons} == {"EV-2"}
    assert old.explain("EV-1")

    assert old.run(local=True).parked == []
    assert old.plan().items == ()
    assert old.digest() == fresh(unpacked).digest()
    assert (old.verify().findings, old.verify().pairs_replayed) == ([], 4)


def test_what_it_holds_can_be_uploaded(old: Fleet) -> None:
    platform = Platform()
    old.upgrade()
    for _ in range(2):
        upload(old, platform)
        assert platform.holds() == winning(old) != {}
        old.run(local=True)
    assert upload(old, platform).exit_code == 0


def fresh(unpacked: Path) -> Fleet:
    found = Fleet(unpacked / "fresh", unpacked / "altergo-settings.json")
    for number in (1, 2, 3):
        found.ingest(unpacked / f"{number}.parquet")
    found.import_assets(unpacked / "assets.csv")
    found.run(local=True)
    return found


def test_the_tables_are_those_of_a_new_store(old: Fleet, unpacked: Path) -> None:
    old.upgrade()
    with duckdb.connect(str(unpacked / "new.duckdb")) as con:
        con.execute("create schema store")
        con.execute(TABLES)
    assert columns(old.root / "catalog.duckdb") == columns(unpacked / "new.duckdb")


def test_the_old_catalog_is_kept_and_can_be_put_back(old: Fleet) -> None:
    before = columns(old.root / "catalog.duckdb")
    report = old.upgrade()
    backup = Path(report.backups[0])
    assert backup == old.root / f"catalog.v{report.was}.duckdb"
    assert columns(backup) == before
    shutil.copyfile(backup, old.root / "catalog.duckdb")
    assert old.upgrade() == report


def test_snapshots_can_be_gone_back_to(old: Fleet) -> None:
    """Hashes and edges are those that today's engine would have stored."""
    old.upgrade()
    with old.store().catalog.session("test") as con:
        rows = con.execute(
            "select h.asset_id, h.through, s.through, epoch_us(s.through), s.carry, s.digest from store.heads h"
            " join store.snapshots s on s.asset_id = h.asset_id and s.model = h.model and s.as_of = h.head"
        ).fetchall()
    from twins import Carry

    assert len(rows) == 4
    for _, head, snapshot, through, text, digest in rows:
        carry = Carry.from_json(text)
        assert head == snapshot
        assert (carry.through, carry.digest()) == (through, digest)


def test_every_step_of_an_upgrade_is_all_or_nothing(old: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    from event_store import migrations

    version = old.store().catalog.version()
    statements = migrations.MIGRATIONS[version]
    monkeypatch.setattr(migrations, "MIGRATIONS", {version: (*statements, "select * from nowhere")})
    with pytest.raises(duckdb.Error, match="nowhere"):
        old.upgrade()
    assert old.store().catalog.version() == version
    monkeypatch.undo()
    assert old.upgrade().was == version


def test_the_command(unpacked: Path, ask: Callable[..., Any], twins: Callable[..., Any]) -> None:
    code, _, err = twins("status", "--json")
    assert code == 2
    assert "twins store upgrade" in err
    report = ask("store", "upgrade")
    assert (report["was"] < report["now"], len(report["backups"])) == (True, report["now"] - report["was"])
    code, text, _ = twins("store", "upgrade")
    assert (code, text) == (0, f"schema version {SCHEMA_VERSION} is current: nothing to do\n")


def test_a_current_store_stays_as_it_is(ran: Fleet) -> None:
    digest = ran.digest()
    report = ran.upgrade()
    assert (report.was, report.now, report.backups) == (SCHEMA_VERSION, SCHEMA_VERSION, ())
    assert ran.digest() == digest
    assert not list(ran.root.glob("catalog.v*"))


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 0])
def test_a_newer_or_unknown_version_is_refused(ran: Fleet, version: int) -> None:
    with ran.store().catalog.transaction("test") as con:
        con.execute("update store.meta set value = ? where key = 'schema_version'", [str(version)])
    with pytest.raises(StoreError, match=f"schema version {version}") as refused:
        ran.upgrade()
    assert "engine version that wrote it" in refused.value.hint
    with pytest.raises(StoreError, match=f"schema version {version}"):
        ran.status()
