"""A store whose segments lie in an object store: the same results, and it survives the loss of its own disk."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import moto.settings
import pytest
from live_sessions import caught_up, following, wait_for
from stories import Tell, objects

from actors import Fleet
from actors.live_socket import ask
from altergo_interface import InfrastructureError, StoreError
from event_store import object_store
from event_store.backup import KEPT, backups
from event_store.initial import init_store
from event_store.records import standing_versions

Twins = Callable[..., tuple[int, Any, str]]


def test_wherever_the_segments_lie_the_results_are_the_same(story: Tell, s3: str, workdir: Path) -> None:
    stories = [story(None), story(f"{s3}/a/remote"), story((workdir / "disk" / "shared").as_uri())]
    told = []
    for one in stories:
        one.begin()
        one.go_on()
        before = one.told()
        one.tidy()
        replay = one.fleet.twin("EV-1").replay()
        told.append((before, one.told(), one.fleet.digest(), one.fleet.state("EV-1"), replay.state, replay.latest))
    local, *others = told
    assert all(other == local for other in others)
    assert not any((one.fleet.root / "segments").exists() for one in stories[1:])
    assert {key.split("/")[2] for key in objects(s3)} == {"segments", "catalog"}


@pytest.mark.ray
def test_hosts_on_ray_write_to_the_object_store(story: Tell, s3: str) -> None:
    local, remote = story(None), story(f"{s3}/remote")
    local.begin()
    remote.begin()
    assert remote.fleet.run(compute_type="full", workers=1).parked == []
    assert remote.fleet.digest() == local.fleet.digest()


def test_live_twins_follow_a_log_in_the_object_store(story: Tell, s3: str) -> None:
    local, remote = story(None), story(f"{s3}/remote")
    for one in (local, remote):
        one.begin()
    before = objects(s3)
    with following(remote.fleet):
        remote.arrive()
        wait_for(lambda: caught_up(remote.fleet), "the twins")
        assert ask(remote.fleet.store().paths, "EV-1") is not None
    local.arrive()
    local.fleet.run(local=True)
    assert remote.fleet.digest() == local.fleet.digest()
    assert remote.told() == local.told()
    assert any("/segments/output/" in key for key in set(objects(s3)) - set(before))


def test_a_store_whose_disk_is_lost_comes_back_and_goes_on(
    story: Tell, s3: str, twins: Twins, settings: Path
) -> None:
    local, remote = story(None), story(f"{s3}/remote")
    for one in (local, remote):
        one.begin()
    digest = remote.fleet.digest()
    shutil.rmtree(remote.fleet.root)
    assert twins("store", "restore", "--segments", f"{s3}/remote", "--store", remote.fleet.root)[0] == 0
    assert remote.fleet.digest() == digest == local.fleet.digest()
    assert remote.fleet.plan().items == ()
    for one in (local, remote):
        one.go_on()
        one.tidy()
    assert remote.fleet.digest() == local.fleet.digest()
    assert remote.told() == local.told()


def test_a_catalog_is_not_overwritten(story: Tell, s3: str, twins: Twins) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    catalog = remote.fleet.root / "catalog.duckdb"
    before = catalog.read_bytes()
    code, _, err = twins("store", "restore", "--segments", f"{s3}/remote", "--store", remote.fleet.root)
    assert (code, catalog.read_bytes()) == (2, before)
    assert "catalog.duckdb: is there already" in err
    catalog.rename(catalog.with_name("moved"))
    code, found, _ = twins("store", "restore", "--store", remote.fleet.root, "--json")  # fleet.duckdb knows where
    assert (code, found["missing"]) == (0, [])
    assert catalog.is_file()


def test_a_damaged_backup_is_refused(story: Tell, s3: str, twins: Twins) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    files = remote.fleet.store().files
    files.write(backups(files)[-1], lambda file: file.write(b"damaged"))
    again = remote.fleet.root.with_name("again")
    code, _, err = twins("store", "restore", "--segments", f"{s3}/remote", "--store", again)
    assert code == 2
    assert f"{files.sql_path(backups(files)[-1])}: not a readable catalog" in err
    assert {path.name for path in again.iterdir()} == {"locks"}


def test_a_restore_says_what_is_missing(story: Tell, s3: str, twins: Twins) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    lost = next(key for key in objects(s3) if "/segments/output/" in key)
    object_store.connect().delete_file(f"{s3.removeprefix('s3://')}/{lost}")
    words = ("store", "restore", "--segments", f"{s3}/remote", "--store", remote.fleet.root.with_name("again"))
    code, found, _ = twins(*words, "--json")
    assert (code, found["missing"]) == (1, [lost.removeprefix("remote/")])
    code, _, err = twins("digest", "--store", remote.fleet.root.with_name("again"))
    assert code == 3
    assert f"{s3}/{lost}: it is not there" in err


def test_the_newest_backups_are_kept_and_a_purge_leaves_one(story: Tell, s3: str) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    for _ in range(KEPT + 1):
        remote.fleet.publish()
    kept = backups(remote.fleet.store().files)
    assert len(kept) == KEPT
    assert kept == sorted(kept)
    remote.fleet.purge("EV-2")
    [left] = backups(remote.fleet.store().files)
    assert left > kept[-1]
    client = object_store.connect()
    for key in objects(s3):
        assert b"EV-2" not in client.open_input_file(f"{s3.removeprefix('s3://')}/{key}").read(), key


def test_commands_make_and_refuse_stores(s3: str, twins: Twins, store: Path) -> None:
    uri = f"{s3}/fleets/one"
    code, made, _ = twins("init", "--segments", uri, "--json")
    assert (code, made["segments"]) == (0, uri)
    assert objects(s3) == []
    code, _, err = twins("init")
    assert code == 2
    assert f"{store}: is a store already" in err
    assert twins("init", "--store", store.with_name("plain"))[0] == 0
    assert not list(Fleet(store.with_name("plain")).store().files.list("segments"))


def test_a_place_serves_one_store(story: Tell, s3: str, twins: Twins) -> None:
    story(f"{s3}/remote").begin()
    code, _, err = twins("init", "--segments", f"{s3}/remote", "--store", "second")
    assert code == 2
    assert "is not empty" in err
    assert not Path("second").exists()


def test_sql_is_confined_to_the_segments(story: Tell, s3: str, twins: Twins) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    backup = remote.fleet.store().files.sql_path(backups(remote.fleet.store().files)[-1])
    inside = remote.fleet.store().files.sql_path("segments/new.parquet")
    for query in (f"from read_blob('{backup}')", "from read_text('/etc/hostname')", f"copy (select 1) to '{inside}'"):
        assert twins("sql", query, "--store", remote.fleet.root)[0] == 2
    assert not any(key.endswith("new.parquet") for key in objects(s3))


def test_the_published_copy_needs_httpfs_for_segments_only(story: Tell, s3: str) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    with duckdb.connect(str(remote.fleet.root / "fleet.duckdb"), read_only=True) as con:
        con.execute("set autoinstall_known_extensions = false; set autoload_known_extensions = false")
        assert con.execute("select count(*) from latest_outputs").fetchall() != [(0,)]
        with pytest.raises(duckdb.Error, match="httpfs"):
            con.execute("select count(*) from outputs")


def test_only_what_a_query_needs_is_fetched(story: Tell, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    files = remote.fleet.store().files
    sizes = {file.path: file.size for file in files.list("segments")}
    fetched = 0

    def count(file: Any, size: int = -1) -> Any:
        nonlocal fetched
        found = read(file, size)
        fetched += len(found)
        return found

    from event_store import sql_files

    read = sql_files._Ranges.read
    monkeypatch.setattr(sql_files._Ranges, "read", count)
    remote.fleet.sql("select min(ts) from outputs where asset_id = 'EV-1'").fetchall()
    outputs = sum(size for path, size in sizes.items() if "output" in path)
    assert 0 < fetched < sum(sizes.values())
    assert fetched < 2 * outputs


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures for good come soon."""
    monkeypatch.setattr(object_store, "ATTEMPTS", 2)
    monkeypatch.setattr(object_store, "REQUEST_ATTEMPTS", 1)
    monkeypatch.setattr(object_store, "FIRST_WAIT_S", 0.001)


NOWHERE = "http://127.0.0.1:9"
WRONG = {
    "no such bucket": ({}, "s3://no-such-bucket-anywhere/x", "there is no such bucket. Check the bucket's name"),
    "unknown key": (
        {"AWS_ACCESS_KEY_ID": "AKIAWRONG"},
        None,
        "the access key is not known there. Check AWS_ACCESS_KEY_ID",
    ),
    "no server": ({"AWS_ENDPOINT_URL": NOWHERE}, None, "the object store failed (AWS Error NETWORK_CONNECTION"),
}
"""Variables of the environment, the URI where it is another one, and what is said."""


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_reached_is_said_without_secrets(
    case: str, s3: str, impatient: None, twins: Twins, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    environment, uri, said = WRONG[case]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if case == "unknown key":
        monkeypatch.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)  # from now on keys are checked
    code, out, err = twins("init", "--segments", uri or f"{s3}/x")
    assert code == 3, err
    assert said in err
    assert (uri or s3) in err
    for secret in ("AKIAWRONG", "AKIATESTONLY", "nobody-must-read-this", "Traceback"):
        assert secret not in out + err
    assert not store.exists()


def test_an_outage_leaves_what_was_committed(
    story: Tell, s3: str, twins: Twins, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    digest = remote.fleet.digest()
    with monkeypatch.context() as outage:
        outage.setenv("AWS_ENDPOINT_URL", NOWHERE)
        for command in ("run --local --compute-type full", "digest", "sql", "store verify"):
            words = [*command.split(), *(["select count(*) from events"] if command == "sql" else [])]
            code, out, err = twins(*words, "--store", remote.fleet.root, "--json")
            assert code == 3, err
            said = json.loads(err.splitlines()[-1])
            assert (said["code"], out) == ("InfrastructureError", "")
            assert said["error"].startswith(f"{s3}/remote/")
            assert "nobody-must-read-this" not in err
    assert remote.fleet.digest() == digest
    remote.fleet.run(local=True)
    assert remote.fleet.digest() == digest


def test_an_outage_is_our_error_where_live_twins_ask_for_record_versions(
    story: Tell, s3: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    store = remote.fleet.store()
    with store.catalog.session("test") as con:
        assert standing_versions(con, store.files, ("EV-1", "EV-2"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    store = Fleet(remote.fleet.root).store()  # with connections of its own
    with store.catalog.session("test") as con, pytest.raises(InfrastructureError, match=f"^{s3}/remote/"):
        standing_versions(con, store.files, ("EV-1", "EV-2"))


def test_no_secret_reaches_the_store(story: Tell, s3: str) -> None:
    remote = story(f"{s3}/remote")
    remote.begin()
    for path in remote.fleet.root.rglob("*"):
        assert path.is_dir() or b"nobody-must-read-this" not in path.read_bytes()
        assert path.is_dir() or b"AKIATESTONLY" not in path.read_bytes()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(StoreError, match="exists and is not a store"):
        init_store(tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((NotADirectoryError, InfrastructureError)):
        init_store(tmp_path / "store", (tmp_path / "file" / "segments").as_uri())
    assert not (tmp_path / "store").exists()
