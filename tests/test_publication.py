"""Publication: the users' copy is replaced in one step, readable by DuckDB 1.5, and consistent at any moment."""

import json
import subprocess
import sys
from contextlib import contextmanager

import duckdb
import pytest

from actors import Fleet, running, work_source
from event_store import publish as publication
from event_store.paths import StorePaths
from event_store.published import ATTEMPTS, attach_published

READER = """
import duckdb, json, sys
con = None
for line in sys.stdin:
    command = json.loads(line)
    if command == "open":
        con = duckdb.connect(sys.argv[1], read_only=True)
        answer = "opened"
    else:
        answer = con.execute(command).fetchall()
    print(json.dumps(answer, default=str), flush=True)
"""

LOOPING = '''
import duckdb, select, sys
pairs = """
    select count(*) from twin_state t left join (
        select asset_id, model, count(*) as n, max(ts) as ts from outputs group by all) o using (asset_id, model)
    where t.status = 'ok' and (o.n is null or o.ts <> t.as_of)"""
latest = """
    select count(*) from latest_outputs l full join (
        select asset_id, model, output, max(ts) as ts, arg_max(value, ts) as value from outputs group by all) o
    using (asset_id, model, output) where l.ts is distinct from o.ts or l.value is distinct from o.value"""
ahead = "select count(*) from twin_state t join assets a using (asset_id) where t.as_of > a.last_ts"
lost = "select sum(a.events) - (select count(*) from events) from assets a"

def connected():
    # In the instant of a publication DuckDB may read the header of one file and the blocks of the next: it says so.
    for left in reversed(range(5)):
        try:
            return duckdb.connect(sys.argv[1], read_only=True)
        except duckdb.IOException:
            if not left:
                raise

def look():
    with connected() as con:
        wrong = [con.execute(query).fetchall()[0][0] or 0 for query in (pairs, latest, ahead, lost)]
        return wrong, con.execute("select count(*) from twin_state where status = 'ok'").fetchall()[0][0]

worst = [0, 0, 0, 0]
while True:
    asked = bool(select.select([sys.stdin], [], [], 0)[0])
    if asked and not sys.stdin.readline():
        break
    wrong, heads = look()
    worst = [max(abs(now), before) for now, before in zip(wrong, worst)]
    if asked:
        print(*worst, heads, flush=True)
'''


@contextmanager
def client(code, published):
    """`ask(line)`: the answer of a process of its own that runs `code` over the published copy."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code, str(published)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "the reader ended"
        return answer

    with process:
        yield ask
        process.stdin.close()
    assert process.returncode == 0


def drafts(store):
    return [path.name for path in store.iterdir() if "draft" in path.name or path.suffix == ".wal"]


def test_a_reader_keeps_the_copy_that_it_has_open(ran, write, make_events):
    count = json.dumps("select count(*) from events")
    before, more = 2 * 6 * 1152, make_events("EV-3")
    with client(READER, ran.store().paths.published) as ask:
        ask(json.dumps("open"))
        assert json.loads(ask(count)) == [[before]]
        ran.ingest(write("more.parquet", more))
        assert json.loads(ask(count)) == [[before]]
        ran.publish()
        assert json.loads(ask(count)) == [[before]]
    with client(READER, ran.store().paths.published) as ask:
        ask(json.dumps("open"))
        assert json.loads(ask(count)) == [[before + len(more)]]


def test_no_draft_is_left_behind(ran, store):
    ran.publish()
    assert drafts(store) == []


def test_a_publication_that_fails_leaves_the_old_copy_and_no_draft(ran, store, monkeypatch):
    before = (store / "fleet.duckdb").read_bytes()
    monkeypatch.setattr(publication, "view_statements", lambda *given: "create view broken as select nonsense")
    with pytest.raises(duckdb.Error):
        ran.publish()
    assert (store / "fleet.duckdb").read_bytes() == before
    assert drafts(store) == []


def test_a_draft_of_a_killed_process_is_in_nobodys_way(ran, store):
    (store / "fleet.1.draft").write_bytes(b"half a copy")
    ran.publish()
    assert ran.sql("select count(*) from events").fetchall() == [(2 * 6 * 1152,)]


@pytest.mark.parametrize("name", ["fleet.duckdb", "catalog.duckdb"])
def test_the_files_can_be_read_by_duckdb_1_5(name, ran, store):
    with duckdb.connect(str(store / name), read_only=True) as con:
        query = "select tags['storage_version'] from duckdb_databases() where not internal"
        ((version,),) = con.execute(query).fetchall()
    assert version.startswith("v1.5.0")


def test_status_tells_the_age_of_the_copy(ran, ask, write, make_events, store):
    assert ask("status")["published_age_s"] >= 0
    (store / "fleet.duckdb").unlink()
    assert ask("status")["published_age_s"] is None
    assert ask("sql", "select count(*) as n from assets") == [{"n": 2}]


def test_every_writing_command_publishes(ask, write, make_events, assets_csv):
    ask("ingest", write("e.parquet", make_events("EV-1")))
    assert ask("sql", "select events from assets") == [{"events": 6 * 1152}]
    ask("assets", "import", assets_csv)
    assert ask("sql", "select capacity from assets where asset_id = 'EV-1'") == [{"capacity": 50.0}]
    ask("run", "--local")
    assert ask("sql", "select count(*) as n from twin_state where status = 'ok'") == [{"n": 2}]


def test_a_publication_between_the_two_looks_of_an_attachment_is_tried_again(ran):
    """DuckDB looks at a file's header, and then opens it again for its blocks."""
    refused = [duckdb.IOException("No more data remaining in MetadataReader")] * (ATTEMPTS - 1)

    class Unlucky:
        def __init__(self, con):
            self.con = con

        def execute(self, statement):
            if refused:
                raise refused.pop()
            return self.con.execute(statement)

    with duckdb.connect() as con:
        attach_published(Unlucky(con), StorePaths(ran.root))
        assert con.execute("select count(*) from fleet.main.runs").fetchall() == [(1,)]
        refused += [duckdb.IOException("as often as it is tried")] * ATTEMPTS
        with pytest.raises(duckdb.IOException):
            attach_published(Unlucky(con), StorePaths(ran.root))


def test_a_reader_never_sees_half_a_commit(store, settings, write, make_events, monkeypatch):
    """The reader never rests, while every batch is committed and published at once; after each it must answer."""
    monkeypatch.setattr(running, "COMMIT_PAIRS", 1)
    monkeypatch.setattr(work_source, "BATCH_ASSETS", 1)
    monkeypatch.setattr(running, "PUBLISH_EVERY_S", 0.0)
    monkeypatch.setattr(running, "PUBLISH_SHARE", 1e9)
    names = [f"EV-{number}" for number in range(3)]
    fleet = Fleet(store, settings)
    registry = "".join(f"{name},50,NMC\n" for name in names)
    fleet.import_assets(write("assets.csv", "asset_id,capacity,chemistry\n" + registry))
    logs = {name: make_events(name, days=2, seed=at) for at, name in enumerate(names)}
    seen = []
    fleet.publish()
    with client(LOOPING, store / "fleet.duckdb") as ask:

        def look(_=None):
            *wrong, heads = map(int, ask("look").split())
            assert wrong == [0, 0, 0, 0]
            seen.append(heads)

        for end in ("2026-01-30T12:00Z", "2026-02-01"):
            for name, log in logs.items():
                fleet.ingest(write(f"{name} {end}.parquet", log[log.ts < end]))
            fleet.publish()
            look()
            fleet.run(local=True, on_progress=look)
            look()
        assert fleet.plan().items == ()
    commits = [heads for before, heads in zip([0, *seen], seen, strict=False) if heads != before]
    assert commits == [2, 4, 6]  # each batch of one asset brought its two models, and nothing else
