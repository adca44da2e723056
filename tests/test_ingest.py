"""Ingest as a user sees it: what is appended, duplicate, corrected, late or quarantined, and that names are data."""

import gzip
import re
from itertools import count, pairwise
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Fleet
from event_store.facts import read_log_segments
from event_store.log import read_assets
from event_store.paths import bucket_of

HEADER = "asset_id,sensor,ts,value\n"
COUNTS = ("appended", "duplicates", "late", "quarantined")


def rows(*lines):
    """A narrow CSV; each line is `sensor minute value` of asset A on 2026-03-01."""
    fields = (line.split() for line in lines)
    return HEADER + "".join(
        f"A,{sensor},2026-03-01T00:{int(minute):02}Z,{value}\n" for sensor, minute, value in fields
    )


def counts(document):
    return tuple(document[key] for key in COUNTS)


@pytest.fixture
def ingest(ask, write):
    """`ingest(text, *flags, code=0)`: writes a new CSV file and ingests it; the JSON document."""
    number = count()

    def run_ingest(text, *flags, code=0):
        return ask("ingest", *flags, write(f"f{next(number)}.csv", text), code=code)

    return run_ingest


@pytest.fixture
def winners(ask):
    """(value, seq) of the winning events, by sensor and time."""

    def query():
        found = ask("sql", "select value, seq from events order by asset_id, sensor, ts")
        return [(row["value"], row["seq"]) for row in found]

    return query


def test_the_document_counts_a_file(ask, write, events):
    document = ask("ingest", write("e.parquet", events))
    assert isinstance(document["batch"], str)
    assert counts(document) == (len(events), 0, 0, 0)


def test_the_same_file_again_is_skipped_with_a_notice(twins, ask, write):
    path = write("e.csv", rows("x 0 1", "x 1 2"))
    first = ask("ingest", path)
    code, _, err = twins("ingest", path)
    assert code == 0
    assert first["batch"] in err
    assert "skipped" in err
    assert "--again" in err
    known = ask("ingest", path)
    assert known["batch"] == first["batch"]
    assert counts(known) == (0, 0, 0, 0)
    assert [batch["seq"] for batch in ask("batches", "list")] == [1]


def test_the_same_bytes_under_another_name_are_the_same_batch(ask, write):
    text = rows("x 0 1")
    assert ask("ingest", write("a.csv", text))["batch"] == ask("ingest", write("b.csv", text))["batch"]
    assert len(ask("batches", "list")) == 1


def test_other_options_make_another_batch(ask, write):
    path = write("e.csv", HEADER + "A,x,2026-03-01T00:00,1\n")
    in_utc = ask("ingest", "--tz", "UTC", path)
    in_berlin = ask("ingest", "--tz", "Europe/Berlin", path)
    assert in_utc["batch"] != in_berlin["batch"]
    assert in_berlin["appended"] == 1


def test_again_gives_a_known_file_a_new_sequence(ask, write):
    path = write("e.csv", rows("x 0 1", "x 1 2"))
    first = ask("ingest", path)
    again = ask("ingest", "--again", path)
    assert counts(again) == (0, 2, 0, 0)
    assert [(b["seq"], b["batch"]) for b in ask("batches", "list")] == [(1, first["batch"]), (2, first["batch"])]


def test_overlapping_files_tell_duplicates_from_corrections(ingest, winners):
    ingest(rows("x 0 1", "x 1 2", "x 2 3"))
    assert counts(ingest(rows("x 1 2", "x 2 30", "x 3 4", "y 1 2"))) == (3, 1, 0, 0)
    values = [value for value, _ in winners()]
    assert values == [1, 2, 30, 4, 2]


def test_a_value_that_returns_is_no_duplicate(ingest, winners):
    assert counts(ingest(rows("x 0 1"))) == (1, 0, 0, 0)
    assert counts(ingest(rows("x 0 2", "y 0 0"))) == (2, 0, 0, 0)
    assert counts(ingest(rows("x 0 1", "z 0 0"))) == (2, 0, 0, 0)
    assert winners()[0] == (1, 3)


@pytest.mark.parametrize(
    ("known", "values", "appended", "winner"),
    [
        ([], [1, 2, 1], 3, 1),
        ([], [1, 1, 2, 2], 2, 2),
        ([1], [1, 2, 1], 2, 1),
        ([1], [2, 1], 2, 1),
        ([1, 2], [1, 1, 2], 2, 2),
        ([1, 2], [2, 2], 0, 2),
    ],
)
def test_inside_one_file_each_row_meets_its_keys_winner(known, values, appended, winner, fleet, write):
    for number, value in enumerate(known):
        fleet.ingest(write(f"{number}.csv", rows(f"x 0 {value}")))
    report = fleet.ingest(write("file.csv", rows(*(f"x 0 {value}" for value in values), "other 0 0")))
    assert (report.appended, report.duplicates) == (appended + 1, len(values) - appended)
    fleet.publish()
    assert fleet.sql("select value from events where sensor = 'x'").fetchall() == [(winner,)]


def test_late_are_the_changing_rows_before_the_head(ran, ask, write, make_events):
    day = make_events("EV-1").query("sensor == 'current'")
    fresh = day.assign(ts=day.ts + pd.Timedelta(seconds=1))  # before the head but for the open day
    document = ask("ingest", write("late.parquet", pd.concat([fresh, day])))
    assert counts(document) == (len(day), len(day), 3 * 288, 0)


def test_a_dry_run_tells_and_changes_nothing(ask, write, store, snapshot, ingest):
    ingest(rows("x 0 1"))
    before = snapshot(store)
    path = write("more.csv", rows("x 0 1", "x 1 2") + "A,x,never,1\n")
    assert counts(ask("ingest", "--dry-run", path, code=1)) == (1, 1, 0, 1)
    assert snapshot(store) == before


def test_a_dry_run_makes_no_store(ask, write, store):
    assert counts(ask("ingest", "--dry-run", write("e.csv", rows("x 0 1")))) == (1, 0, 0, 0)
    assert not store.exists()


def test_bad_rows_are_quarantined_and_the_rest_is_ingested(ask, write, ingest, winners):
    bad = {
        2: ("A,x,2026-03-01T00:01Z,abc", "not a number"),
        3: (",x,2026-03-01T00:02Z,1", "no asset"),
        4: ("A,,2026-03-01T00:03Z,1", "no sensor"),
        5: ("A,x,2026-03-01T00:04Z,", "no value"),
        6: ("A,x,2026-03-01T00:05Z,inf", "not finite"),
        7: ("A,x,2026-03-01T00:06,1", "--tz"),
        8: ("A,x,1999-12-31T00:00Z,1", "2000-01-01"),
        9: ("A,x,2099-01-01T00:00Z,1", "ahead"),
        10: ("A,x,2026-03-01T00:07Z,1,extra", "fields"),
    }
    path = write(
        "e.csv", rows("x 0 1") + "".join(f"{line}\n" for line, _ in bad.values()) + rows("x 9 2")[len(HEADER) :]
    )
    document = ask("ingest", path, code=1)
    assert counts(document) == (2, 0, 0, len(bad))
    assert [value for value, _ in winners()] == [1, 2]
    found = ask("sql", "from quarantine order by row")
    assert {row["batch"] for row in found} == {document["batch"]}
    assert {row["file"] for row in found} == {str(path)}
    assert [row["row"] for row in found] == list(bad)
    for row in found:
        line, reason = bad[row["row"]]
        assert reason in row["reason"]
        assert max(line.split(","), key=len) in row["raw"]


def test_quarantined_rows_are_told_on_stderr(twins, write):
    code, _, err = twins("ingest", write("e.csv", rows("x 0 1") + "A,x,2026-03-01T00:06Z,abc\n"))
    assert code == 1
    assert "1 quarantined" in err
    assert "not a number" in err


def test_naive_times_need_a_zone(ask, ingest):
    text = rows("x 0 1") + "A,x,2026-03-01T12:00:00,5\n"
    assert counts(ingest(text, code=1)) == (1, 0, 0, 1)
    assert counts(ingest(text, "--tz", "Europe/Berlin")) == (1, 1, 0, 0)
    found = ask("sql", "select ts from events where value = 5")
    assert found == [{"ts": "2026-03-01T11:00:00Z"}]


def test_a_german_export_with_its_mapping(ask, write):
    mapping = {
        "columns": {"asset_id": "VIN", "sensor": "Signal", "ts": "Zeit", "value": "Wert"},
        "ts_format": "%d.%m.%Y %H:%M:%S",
        "tz": "Europe/Berlin",
        "delimiter": ";",
        "decimal": ",",
    }
    path = write("export.csv", "VIN;Signal;Zeit;Wert\nA;x;02.03.2026 01:00:00;3,5\nA;x;02.07.2026 01:00:00;-1,25\n")
    assert counts(ask("ingest", "--mapping", write("m.json", mapping), path)) == (2, 0, 0, 0)
    found = ask("sql", "select ts, value from events order by ts")
    assert found == [{"ts": "2026-03-02T00:00:00Z", "value": 3.5}, {"ts": "2026-07-01T23:00:00Z", "value": -1.25}]


def test_a_wide_gzipped_file(ask, workdir):
    path = workdir / "wide.csv.gz"
    path.write_bytes(
        gzip.compress(b"asset_id,ts,x,y\nA,2026-03-01T00:00Z,1,\nA,2026-03-01T00:01Z,,2\nB,2026-03-01T00:00Z,,\n")
    )
    assert counts(ask("ingest", "--wide", path)) == (2, 0, 0, 0)
    found = ask("sql", "select asset_id, sensor, value from events order by all")
    assert [tuple(row.values()) for row in found] == [("A", "x", 1.0), ("A", "y", 2.0)]


def test_several_files_are_summed_and_told_apart(ask, write):
    paths = [write("a.csv", rows("x 0 1", "x 1 2")), write("b.csv", rows("x 1 2", "x 2 3"))]
    document = ask("ingest", *paths)
    assert counts(document) == (3, 1, 0, 0)
    assert [counts(entry) for entry in document["files"]] == [(2, 0, 0, 0), (1, 1, 0, 0)]


def test_a_file_that_fails_keeps_the_others_of_its_command_out(twins, ask, write):
    ask("ingest", write("a.csv", rows("x 0 1")))
    code, _, err = twins("ingest", write("c.csv", rows("x 1 2")), write("b.csv", "nothing,of,use\n1,2,3\n"))
    assert code == 2
    assert "b.csv" in err
    assert len(ask("batches", "list")) == 1
    assert ask("sql", "select count(*) as n from events") == [{"n": 1}]


KEYS = st.tuples(st.sampled_from("AB"), st.sampled_from("xy"), st.integers(0, 3))


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_split_over_files_gives_the_same_events(data, tmp_path_factory):
    """The oracle is a dict: the last row of a key wins, whatever file it came in."""
    log = data.draw(st.lists(st.tuples(KEYS, st.integers(0, 2)), min_size=1, max_size=24))
    waiting = {}
    for row in log:
        waiting.setdefault(row[0], []).append(row)
    order = [waiting[key].pop(0) for key, _ in data.draw(st.permutations(log))]  # keys mix, each keeps its own order
    cuts = sorted(data.draw(st.sets(st.integers(1, len(log)), max_size=3)) | {0, len(log)})
    root = tmp_path_factory.mktemp("split")
    fleet = Fleet(root / "store")
    for low, high in pairwise(cuts):
        path = root / f"{low}.csv"
        path.write_text(HEADER + "".join(line(*row) for row in order[low:high]))
        report = fleet.ingest(path, again=True)
        assert report.appended + report.duplicates == high - low
    fleet.publish()
    expected = {key: float(value) for key, value in log}
    found = fleet.sql("select asset_id, sensor, ts, value from events order by all").fetchall()
    assert {(a, s, stamp(t)): x for a, s, t, x in found} == expected
    assert len(found) == len(expected)
    assert fleet.sql("select sum(events) from assets").fetchall() == [(len(expected),)]
    assert as_replay_reads(fleet) == expected


MINUTES = ("2026-01-31T23:59:00", "2026-01-31T23:59:30", "2026-02-01T00:00:00", "2026-02-03T00:00:00")
"""Both sides of a month's end: segments are cut there."""


def line(key, value):
    asset, sensor, minute = key
    return f"{asset},{sensor},{MINUTES[minute]}Z,{value}\n"


def stamp(t):
    return MINUTES.index(f"{t:%Y-%m-%dT%H:%M:%S}")


def as_replay_reads(fleet):
    """The same events as the replay reads them: by NumPy, not by SQL."""
    store, found = fleet.store(), {}
    for asset in "AB":
        with store.catalog.session("test") as con:
            segments = read_log_segments(con, 10**9, [bucket_of(asset)])
        listed = segments.get(bucket_of(asset), ())
        for series in read_assets(store.files, listed, {asset: None}).values():
            for sensor, (t, x) in series.events.items():
                for at, value in zip(pd.to_datetime(t, unit="us"), x, strict=True):
                    found[asset, sensor, stamp(at)] = value
    return found


HOSTILE = (
    "../../x",
    "..",
    "/etc/passwd",
    "a'b\"c",
    "'; drop table store.heads; --",
    "%s %d {0} $1 ?",
    "wagon n° 7 – Zürich 電池",
    "-x",
    "a,b:c*[d]",
    "line\nbreak\ttab",
)


def test_hostile_names_are_data(workdir, write, ask, make_events, settings_document, twins):
    store = workdir / "deep" / "down" / "store"
    base = make_events("base", days=2).query("sensor == 'current'")
    log = pd.concat([base.assign(asset_id=name, sensor=name) for name in HOSTILE])
    events = write("e.parquet", log)
    settings_document["parameters"]["models"]["eq_cycles"]["inputs"]["current"] = list(HOSTILE)
    settings = write("hostile.json", settings_document)
    assets = write(
        "assets.json", [{"asset_id": name, "capacity": 10, "cadence_s": 300, "note": name} for name in HOSTILE]
    )
    outside = set(workdir.rglob("*"))

    here = ("--store", store, "--settings", settings)
    assert ask(*here, "ingest", events)["appended"] == len(log)
    ask(*here, "assets", "import", assets)
    report = ask(*here, "run", "--local")
    assert (report["pairs"], report["parked"]) == (len(HOSTILE), [])
    cycles = set()
    for name in HOSTILE:
        code, document, err = twins("--json", *here, "state", "--", name)
        assert code == 0, err
        assert document["asset_id"] == name
        cycles.add(document["models"]["eq_cycles"]["outputs"]["equivalent_cycles"])
        literal = "'" + name.replace("'", "''") + "'"
        query = "select count(*) as n, any_value(note) as note from events join assets using (asset_id)"
        query += f" where sensor = {literal}"
        assert ask(*here, "sql", query) == [{"n": len(base), "note": name}]
    assert len(cycles) == 1
    assert cycles.pop() > 0
    made = set(workdir.rglob("*")) - outside - set(store.rglob("*"))
    assert made == {store, store.parent, store.parent.parent}
    allowed = re.compile(
        r"(catalog|fleet)\.duckdb|locks/\w+\.lock|segments/\w+/b=\d{4}/\d{4}-\d{2}/[0-9a-f]{32}\.parquet"
    )
    files = [str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()]
    assert [name for name in files if not allowed.fullmatch(name)] == []


@pytest.mark.parametrize("name", ["it's a store", "50% [done]", "sémantique 電池", 'quote"d'])
def test_a_store_may_lie_anywhere(name, workdir, write, ask):
    store = workdir / name / "store"
    ask("--store", store, "ingest", write("e.csv", rows("x 0 1")))
    assert ask("--store", store, "sql", "select value from events") == [{"value": 1.0}]
    with duckdb.connect(str(store / "fleet.duckdb"), read_only=True) as con:
        assert con.sql("select value from events").fetchall() == [(1.0,)]


def test_a_relative_store_can_be_read_from_elsewhere(workdir, write, monkeypatch):
    path = write("e.csv", rows("x 0 1"))
    fleet = Fleet(Path("relative"))
    fleet.ingest(path)
    fleet.publish()
    elsewhere = workdir / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with duckdb.connect(str(workdir / "relative" / "fleet.duckdb"), read_only=True) as con:
        assert con.sql("select value from events").fetchall() == [(1.0,)]
