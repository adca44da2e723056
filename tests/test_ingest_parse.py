"""Event files: every fault of a row and of a file, zones and clock changes, and nothing lost on the way."""

import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altergo_interface.errors import IngestError
from event_store.ingest import Parsed, ParseOptions, parse

NOW_US = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 10**6
HEADER = "asset_id,sensor,ts,value\n"
GOOD_TS = "2026-01-01T00:00:00Z"
GOOD_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 10**6
GOOD = f"EV-1,current,{GOOD_TS},1.5\n"


def parsed(path: Path, **options: Any) -> Parsed:
    return parse(path, ParseOptions(**options), NOW_US)


def csv_file(folder: Path, text: str, name: str = "events.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def parquet_file(folder: Path, name: str = "events.parquet", **columns: Any) -> Path:
    rows = len(columns["value"]) if "value" in columns else len(columns["ts"])
    base = {"asset_id": ["EV-1"] * rows, "sensor": ["current"] * rows} if "value" in columns else {}
    path = folder / name
    pq.write_table(pa.table(base | columns), path)
    return path


def iso(result: Parsed) -> list[str]:
    return [str(time) for time in result.ts.astype("M8[us]").astype("M8[s]")]


def rejects(result: Parsed) -> list[tuple[int, str]]:
    return list(zip(result.rejected["row"].to_pylist(), result.rejected["reason"].to_pylist(), strict=True))


# ---- rows


def test_a_narrow_file_becomes_columns_with_sorted_names(tmp_path: Path) -> None:
    text = f"{HEADER}EV-2,voltage,{GOOD_TS},3.7\n{GOOD}EV-2,current,2026-01-01T01:00:01.5+01:00,-2e1\n"
    result = parsed(csv_file(tmp_path, text))
    assert (result.assets, result.sensors) == (["EV-1", "EV-2"], ["current", "voltage"])
    assert result.asset.tolist() == [1, 0, 1]
    assert result.sensor.tolist() == [1, 0, 0]
    assert (result.ts - GOOD_US).tolist() == [0, 0, 1_500_000]
    assert result.value.tolist() == [3.7, 1.5, -20.0]
    assert result.row.tolist() == [1, 2, 3]
    assert (result.rows, result.rejected.num_rows) == (3, 0)
    dtypes = [column.dtype for column in (result.asset, result.sensor, result.ts, result.value, result.row)]
    assert dtypes == [np.int32, np.int32, np.int64, np.float64, np.int64]


ROW_FAULTS = {
    f",current,{GOOD_TS},1": "no asset",
    f'"  ",,{GOOD_TS},1': "no asset",
    f"EV-1,,{GOOD_TS},1": "no sensor",
    f"EV-1,current,{GOOD_TS},": "no value",
    f"EV-1,current,{GOOD_TS}, ": "no value",
    "EV-1,current,,abc": "value is not a number",
    f"EV-1,current,{GOOD_TS},1_0": "value is not a number",
    f'EV-1,current,{GOOD_TS},"1,5"': "value is not a number",
    f"EV-1,current,{GOOD_TS},nan": "value is not finite",
    f"EV-1,current,{GOOD_TS},1e999": "value is not finite",
    "EV-1,current,,1": "no time",
    "EV-1,current,yesterday,1": "time is unreadable: not ISO 8601",
    "EV-1,current,2026-02-30T00:00:00Z,1": "time is unreadable: not ISO 8601",
    "EV-1,current,2026-01-01+01:00,1": "time is unreadable: not ISO 8601",
    "EV-1,current,1767225600,1": "time is unreadable: a bare number; give its unit with --ts-unit",
    "EV-1,current,2026-01-01T00:00:00,1": "time without a zone; give it with --tz",
    "EV-1,current,1999-12-31T23:59:59Z,1": "time is before 2000-01-01",
    "EV-1,current,2026-03-02T00:00:00.000001Z,1": "time is more than 86400 s ahead of now",
    "EV-1,current": "wrong number of fields: 2, where the header has 4",
    f"EV-1,current,{GOOD_TS},1,": "wrong number of fields: 5, where the header has 4",
}


@pytest.mark.parametrize(("row", "reason"), ROW_FAULTS.items())
def test_a_bad_row_is_rejected_with_its_reason_and_its_neighbours_stay(row: str, reason: str, tmp_path: Path) -> None:
    result = parsed(csv_file(tmp_path, f"{HEADER}{GOOD}{row}\n{GOOD}"))
    assert rejects(result) == [(2, reason)]
    assert result.row.tolist() == [1, 3]
    assert result.ts.tolist() == [GOOD_US, GOOD_US]
    assert result.rows == 3


def test_bad_rows_keep_their_numbers_and_raw_cells(tmp_path: Path) -> None:
    text = f'{HEADER}{GOOD}\n"a\nb",1\n{GOOD}Ü"1,current,{GOOD_TS},x\n{GOOD}'
    result = parsed(csv_file(tmp_path, text))
    assert result.row.tolist() == [1, 3, 5]
    assert result.rejected["row"].to_pylist() == [2, 4]
    assert [json.loads(raw) for raw in result.rejected["raw"].to_pylist()] == [
        {"text": '"a\nb",1'},
        {"asset_id": 'Ü"1', "sensor": "current", "ts": GOOD_TS, "value": "x"},
    ]


def test_names_are_kept_as_they_are(tmp_path: Path) -> None:
    odd = ["../x", 'say "hi"', " padded ", "電池", "a,b", "line\nbreak", "NULL"]
    path = tmp_path / "odd.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER.strip().split(","), *([name, name, GOOD_TS, 1] for name in odd)])
    result = parsed(path)
    assert [result.assets[code] for code in result.asset] == odd
    assert [result.sensors[code] for code in result.sensor] == odd


def test_slow_and_fast_paths_agree_in_a_large_file(tmp_path: Path) -> None:
    stamps = [GOOD_TS, "2026-01-01T01:00:00+01:00", " 2026-01-01 00:00:00Z", "20260101T000000Z", "x"]
    rows = [f"EV-{i % 7},s,{stamps[i % 5 if i > 3000 else 0]},{i / 7 if i % 911 else 'bad'}" for i in range(5000)]
    result = parsed(csv_file(tmp_path, HEADER + "\n".join(rows) + "\n"))
    bad = [i + 1 for i in range(5000) if i % 911 == 0 or (i > 3000 and i % 5 == 4)]
    assert result.rejected["row"].to_pylist() == bad
    assert set(result.ts.tolist()) == {GOOD_US}
    assert result.value.tolist() == [(row - 1) / 7 for row in result.row.tolist()]


# ---- wide files


def test_wide_cells_become_events_and_a_bad_cell_rejects_only_itself(tmp_path: Path) -> None:
    text = (
        f"ts,asset_id,current,temp\n{GOOD_TS},EV-1,1,20\n{GOOD_TS},EV-1,,nan\n{GOOD_TS},EV-1,x,inf\n"
        f"{GOOD_TS},EV-1,x,25\n,EV-1,x,1\n{GOOD_TS},,,\n"
    )
    result = parsed(csv_file(tmp_path, text), wide=True)
    events = [
        (row, result.sensors[code], value)
        for row, code, value in zip(result.row.tolist(), result.sensor, result.value.tolist(), strict=True)
    ]
    assert events == [(1, "current", 1.0), (1, "temp", 20.0), (4, "temp", 25.0)]
    assert rejects(result) == [
        (3, "value is not a number (sensor 'current')"),
        (3, "value is not finite (sensor 'temp')"),
        (4, "value is not a number (sensor 'current')"),
        (5, "no time"),
        (6, "no asset"),
    ]
    assert json.loads(result.rejected["raw"][0].as_py())["temp"] == "inf"


def test_wide_parquet_takes_nulls_and_nan_for_empty(tmp_path: Path) -> None:
    stamps = pa.array([GOOD_US] * 3, pa.timestamp("us", "UTC"))
    columns: dict[str, Any] = {
        "a": [1, None, 3],
        "b": [np.nan, 2.5, None],
        "c": pa.nulls(3),
        "d": [True, False, None],
    }
    result = parsed(parquet_file(tmp_path, ts=stamps, **columns), wide=True, asset="EV-9")
    assert result.assets == ["EV-9"]
    assert result.sensors == ["a", "b", "d"]
    assert result.value.tolist() == [1, 3, 2.5, 1, 0]
    assert result.row.tolist() == [1, 3, 2, 1, 2]
    assert result.rejected.num_rows == 0


# ---- forms of times, values and files


@pytest.mark.parametrize(
    ("text", "us"),
    {
        "2026-01-01T00:00:00+00:00": 0,
        "2026-01-01 00:00:00Z": 0,
        "2026-01-01T01:00+0100": 0,
        "2026-01-01T00:00:00.1Z": 100_000,
        "2026-01-01T00:00:00.123456999Z": 123_456,
        "2025-12-31T19:00:00-05": 0,
    }.items(),
)
def test_iso_stamps(text: str, us: int, tmp_path: Path) -> None:
    result = parsed(csv_file(tmp_path, f"{HEADER}EV-1,current,{text},1\n{GOOD}"))
    assert (result.ts - GOOD_US).tolist() == [us, 0]


@pytest.mark.parametrize(
    ("text", "unit", "us"),
    [
        ("1767225600", "s", 0),
        ("1767225600.123456", "s", 123_456),
        ("1767225600.1234569", "s", 123_456),
        ("1.7672256e9", "s", 0),
        ("1767225600000.5", "ms", 500),
        ("1767225600000001", "us", 1),
        ("1767225600000001999", "ns", 1),
        ("1767225600000001999.0", "ns", 1),
    ],
)
def test_epoch_stamps(text: str, unit: str, us: int, tmp_path: Path) -> None:
    result = parsed(csv_file(tmp_path, f"{HEADER}EV-1,current,{text},1\n"), ts_unit=unit)
    assert (result.ts - GOOD_US).tolist() == [us]


@pytest.mark.parametrize(
    ("stamps", "options", "us"),
    [
        (pa.array([GOOD_US * 1000 + 1999], pa.timestamp("ns", "UTC")), {}, 1),
        (pa.array([GOOD_US // 1000], pa.timestamp("ms", "Europe/Berlin")), {}, 0),
        (pa.array([GOOD_US // 10**6 + 3600], pa.timestamp("s")), {"tz": "Europe/Berlin"}, 0),
        (pa.array([GOOD_US // 10**6 // 86400], pa.date32()), {"tz": "UTC"}, 0),
        (pa.array([GOOD_US // 10**6], pa.uint64()), {"ts_unit": "s"}, 0),
        (pa.array([GOOD_US / 10**6 + 0.123456]), {"ts_unit": "s"}, 123_456),
        (pa.array([GOOD_TS]).dictionary_encode(), {}, 0),
        (pa.array([GOOD_TS], pa.large_string()), {}, 0),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_parquet_stamps(stamps: pa.Array, options: dict[str, Any], us: int, tmp_path: Path) -> None:
    result = parsed(parquet_file(tmp_path, ts=stamps, value=[1.0]), **options)
    assert (result.ts - GOOD_US).tolist() == [us]


def test_impossible_parquet_stamps_are_rejected(tmp_path: Path) -> None:
    extreme = pa.array([2**62, None, 0, GOOD_US // 1000], pa.timestamp("ms", "UTC"))
    result = parsed(parquet_file(tmp_path, ts=extreme, value=[1.0] * 4))
    assert [reason.split()[-1] for _, reason in rejects(result)] == ["now", "time", "2000-01-01"]
    huge = pa.array([2**64 - 1, None], pa.uint64())
    result = parsed(parquet_file(tmp_path, ts=huge, value=[1.0, 1.0]), ts_unit="s")
    assert [reason for _, reason in rejects(result)] == ["time is more than 86400 s ahead of now", "no time"]
    result = parsed(parquet_file(tmp_path, ts=[np.nan, np.inf], value=[1.0, 1.0]), ts_unit="s")
    assert [reason[:12] for _, reason in rejects(result)] == ["no time", "time is unre"]
    result = parsed(parquet_file(tmp_path, ts=[1, None], value=[1.0, 1.0]))
    assert [reason[:12] for _, reason in rejects(result)] == ["time is unre", "no time"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([0.1], pa.float32()), float(np.float32(0.1))),
        (pa.array([7], pa.int8()), 7.0),
        (pa.array(["2.5"]).dictionary_encode(), 2.5),
        (pa.array([2.5]).dictionary_encode(), 2.5),
        (pa.array(["-.5"], pa.string_view()), -0.5),
        (pa.array([1.25]).cast(pa.decimal128(10, 2)), 1.25),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_parquet_values(values: pa.Array, expected: float, tmp_path: Path) -> None:
    stamps = pa.array([GOOD_US], pa.timestamp("us", "UTC"))
    assert parsed(parquet_file(tmp_path, ts=stamps, value=values)).value.tolist() == [expected]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_parquet_names_over_many_row_groups(kind: pa.DataType, tmp_path: Path) -> None:
    wanted = ["b", None, "a", "", "c", "b"]
    table = pa.table({
        "asset_id": pa.array(wanted).cast(kind), "sensor": pa.array([1, 2, None, 1, 2, 2]),
        "ts": pa.array([GOOD_US] * 6, pa.timestamp("us", "UTC")), "value": np.arange(6.0),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "groups.parquet", row_group_size=2)
    result = parsed(tmp_path / "groups.parquet")
    assert [result.assets[code] for code in result.asset] == ["b", "c", "b"]
    assert [result.sensors[code] for code in result.sensor] == ["1", "2", "2"]
    assert rejects(result) == [(2, "no asset"), (3, "no sensor"), (4, "no asset")]
    assert json.loads(result.rejected["raw"][0].as_py()) == {
        "asset_id": None, "sensor": 2, "ts": "2026-01-01T00:00:00.000000Z", "value": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a.csv.gz", "A.CSV.GZ"])
def test_gzip_with_byte_order_mark(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(("\ufeff" + HEADER + GOOD).encode()))
    assert parsed(tmp_path / name).value.tolist() == [1.5]


# ---- mappings and options


GERMAN = {
    "columns": {"ts": "Zeit", "asset_id": "VIN", "sensor": "Größe", "value": "Wert"},
    "ts_format": "%d.%m.%Y %H:%M:%S",
    "tz": "Europe/Berlin",
    "delimiter": ";",
    "decimal": ",",
}


def test_a_german_export_by_its_mapping_file(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps(GERMAN))
    text = (
        "Nr;VIN;Zeit;Größe;Wert\n1;WVW1;01.01.2026 01:00:00;Strom;1,5\n2;WVW1;1.1.2026 1:00:00;Strom;-2\n"
        "3;WVW1;2026-01-01T00:00:00;Strom;1\n4;WVW1;01.01.2026 01:00:00;Strom;1.234\n"
        "5;WVW1;30.02.2026 01:00:00;Strom;1\n"
    )
    result = parse(csv_file(tmp_path, text), ParseOptions.load(mapping, tz=None), NOW_US)
    assert result.value.tolist() == [1.5, -2.0]
    assert (result.ts - GOOD_US).tolist() == [0, 0]
    unreadable = "time is unreadable: not '%d.%m.%Y %H:%M:%S'"
    assert rejects(result) == [(3, unreadable), (4, "value is not a number"), (5, unreadable)]


@pytest.mark.parametrize(
    ("ts_format", "text"),
    [
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2026-01-01T01:00:00.000+0100"),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-01-01T00:00:00Z"),
        ("%d/%m/%Y %H.%M", "01/01/2026 00.00"),
        ("%b %d %Y, %I:%M %p", "Jan 01 2026, 12:00 AM"),
        ("%Y%m%d%H%M%S", "20260101000000"),
    ],
)
def test_formats(ts_format: str, text: str, tmp_path: Path) -> None:
    result = parsed(csv_file(tmp_path, f'{HEADER}EV-1,current,"{text}",1\n'), ts_format=ts_format, tz="UTC")
    assert result.ts.tolist() == [GOOD_US]


def test_flags_win_over_the_mapping_file(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps(GERMAN))
    options = ParseOptions.load(mapping, tz="UTC", asset=None)
    assert (options.tz, options.delimiter) == ("UTC", ";")
    assert options.fingerprint() == ParseOptions(**(GERMAN | {"tz": "UTC"})).fingerprint()
    assert options.fingerprint() != ParseOptions.load(mapping).fingerprint()
    assert ParseOptions().fingerprint() == "{}"


@pytest.mark.parametrize(("pattern", "asset"), [(r"EV-\d+", "EV-07"), (r"_(\d{4})\.", "2026"), ("(?i)ev", "EV")])
def test_the_asset_from_the_name(pattern: str, asset: str, tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"sensor,ts,value\nx,{GOOD_TS},1\n", "log_EV-07_2026.csv")
    assert parsed(path, asset_from_name=pattern).assets == [asset]


def test_a_given_range_replaces_the_default(tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{HEADER}a,s,1990-01-01T00:00:00Z,1\n{GOOD}a,s,1989-12-31T23:59:59Z,1\n")
    result = parsed(path, ts_range=("1990-01-01", "2026-01-01T00:00Z"))
    assert result.row.tolist() == [1]
    assert rejects(result) == [(2, "time is not before 2026-01-01T00:00Z"), (3, "time is before 1990-01-01")]


BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"ts_formt": "x"}, "ts_formt: unknown key. Did you mean 'ts_format'?"),
    ({"columns": {"sensr": "x"}}, "columns: unknown column 'sensr'. Did you mean 'sensor'?"),
    ({"columns": {"ts": "x", "value": "x"}}, "columns: the same column of the file is named twice"),
    ({"columns": {"ts": 3}}, "columns.ts: Input should be a valid string"),
    ({"ts_unit": "h"}, "ts_unit: Input should be 's', 'ms', 'us' or 'ns'"),
    ({"tz": "Europe/Berln"}, "tz: unknown time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?"),
    ({"tz": "Europe"}, "tz: unknown time zone 'Europe'"),
    ({"tz": "../../etc/passwd"}, "tz: unknown time zone"),
    ({"asset_from_name": "(("}, "asset_from_name: '((' is no regular expression"),
    ({"asset": " "}, "asset: the asset is empty"),
    ({"ts_format": "%Q"}, "ts_format: '%Q': 'Q' is a bad directive"),
    ({"ts_format": "%d %d"}, "ts_format: '%d %d': redefinition"),
    ({"ts_format": "%H %Z"}, "ts_format: %Z depends on the machine"),
    ({"delimiter": "ab"}, "delimiter: 'ab' is not one ASCII character"),
    ({"ts_range": ["2026-01-02", "2026-01-01"]}, "ts_range: 2026-01-02 is not before 2026-01-01"),
    ({"ts_range": ["soon", "2026-01-01"]}, "ts_range: 'soon' is no ISO 8601 time"),
    ({"ts_unit": "s", "ts_format": "%Y"}, "ts_unit excludes ts_format"),
    ({"asset": "a", "asset_from_name": "b"}, "asset excludes asset_from_name"),
    ({"asset": "a", "columns": {"asset_id": "b"}}, "columns.asset_id excludes asset"),
    ({"wide": True, "columns": {"sensor": "b"}}, "a wide file has no column for columns.sensor"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS, ids=[message for _, message in BAD_OPTIONS])
def test_bad_options_are_told_with_their_place(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps(options))
    with pytest.raises(IngestError) as from_file:
        ParseOptions.load(mapping)
    assert str(from_file.value).startswith(f"mapping file {mapping}: {message}")
    with pytest.raises(IngestError) as from_python:
        ParseOptions(**options)
    assert message in str(from_python.value)


def test_a_bad_flag_is_named(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text("{}")
    with pytest.raises(IngestError, match=r"^--ts-unit: Input should be"):
        ParseOptions.load(mapping, ts_unit="h")


@pytest.mark.parametrize(("content", "message"), [("{", "is no JSON"), ("[1]", "holds no JSON object")])
def test_a_bad_mapping_file(content: str, message: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    with pytest.raises(IngestError, match="No such file"):
        ParseOptions.load(mapping)
    mapping.write_text(content)
    with pytest.raises(IngestError, match=message):
        ParseOptions.load(mapping)


# ---- whole files that cannot be read


BAD_FILES: list[tuple[str, bytes, dict[str, Any], str]] = [
    ("a.csv", b"", {}, "is empty (0 bytes)"),
    ("a.csv", b"\n\n", {}, "is empty (no header)"),
    ("a.csv", HEADER.encode(), {}, "is empty (a header, no rows)"),
    ("a.xlsx", b"x", {}, "ends in none of .parquet, .csv, .csv.gz"),
    ("a.parquet", b"not parquet at all", {}, "cannot be read: Parquet magic bytes not found"),
    ("a.csv.gz", b"not gzip", {}, "cannot be read: Not a gzipped file"),
    ("a.csv.gz", gzip.compress((HEADER + GOOD * 9).encode())[:-12], {}, "cannot be read"),
    ("a.csv", (HEADER + GOOD).encode("utf-16"), {}, "is not UTF-8 text"),
    ("a.csv", (HEADER + GOOD.replace("EV", "Ü")).encode("latin-1"), {}, "is not UTF-8 text"),
    ("a.csv", f'{HEADER}"{GOOD * 100_000}'.encode(), {}, "Look for a quote that is never closed"),
    ("a.csv", b"asset_id;sensor;ts;value\n1;2;3;4\n", {}, "Is the delimiter ';'? Give it with --delimiter"),
    ("a.csv", b"Asset_ID,sensor,ts,value\n1,2,3,4\n", {}, "has no column 'asset_id'; it has 'Asset_ID', 'sensor',"),
    ("a.csv", b"Asset_ID,sensor,ts,value\n1,2,3,4\n", {}, "Did you mean 'Asset_ID'? Name the columns"),
    ("a.csv", b"x,y,z\n1,2,3\n", {}, "has no column 'asset_id', 'ts', 'sensor', 'value'; it has 'x', 'y', 'z'"),
    ("a.csv", b"asset_id,ts,soc\n1,2,3\n", {}, "Is there one column per sensor? Then --wide"),
    ("a.csv", (HEADER + GOOD).encode(), {"columns": {"ts": "time"}}, "has no column 'time'"),
    ("a.csv", (HEADER + GOOD).encode(), {"wide": True}, "of a narrow file. Drop --wide"),
    ("a.csv", (HEADER + GOOD).encode(), {"asset": "x"}, "Drop --asset"),
    ("a.csv", (HEADER + GOOD).encode(), {"asset_from_name": "EV(.)"}, "finds no asset in 'a.csv'"),
    ("a.csv", b"asset_id,ts\n1,2\n", {"wide": True}, "has no sensor columns"),
    ("a.csv", b",asset_id,ts,x\n0,1,2,3\n", {"wide": True}, "has a column without a name"),
    ("a.csv", b"asset_id,ts,x,x\n0,1,2,3\n", {"wide": True}, "has more than one column 'x'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "options", "message"), BAD_FILES, ids=[message for *_, message in BAD_FILES]
)
def test_a_bad_file_is_told_in_one_line(
    name: str, content: bytes, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(IngestError) as caught:
        parsed(tmp_path / name, **options)
    assert message in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="is not there"):
        parsed(tmp_path / "none.csv")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(IngestError, match="is a folder"):
        parsed(tmp_path / "folder.parquet")


UTC_STAMPS = pa.array([GOOD_US], pa.timestamp("us", "UTC"))


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"ts": UTC_STAMPS}, {"ts_unit": "s"}, r"column 'ts' holds timestamp\[us, tz=UTC\]. Drop --ts-unit"),
        ({"ts": UTC_STAMPS}, {"ts_format": "%Y"}, r"Drop --ts-format"),
        ({"ts": [1]}, {"ts_format": "%Y"}, r"column 'ts' holds int64. Drop --ts-format"),
        ({"ts": [[1]]}, {}, r"column 'ts' holds list<element: int64>, not times"),
        ({"value": UTC_STAMPS}, {}, r"column 'value' holds timestamp\[us, tz=UTC\], not numbers"),
        ({"asset_id": [1.5]}, {}, r"column 'asset_id' holds double, not names"),
    ],
)
def test_columns_of_a_wrong_type(
    columns: dict[str, Any], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = parquet_file(tmp_path, **({"ts": UTC_STAMPS, "value": [1.0]} | columns))
    with pytest.raises(IngestError, match=message):
        parsed(path, **options)


def test_parquet_strings_that_are_not_utf8(tmp_path: Path) -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    with pytest.raises(IngestError, match="not UTF-8"):
        parsed(parquet_file(tmp_path, ts=UTC_STAMPS, value=broken))


# ---- clock changes


def berlin(folder: Path, *times: str, options: dict[str, Any] | None = None) -> Parsed:
    """Rows "SENSOR HH:MM" of 2025-10-26, when 02:00–03:00 comes twice."""
    rows = [f"EV-1,{text.split()[0]},2025-10-26T{text.split()[1]}:00,1\n" for text in times]
    return parsed(csv_file(folder, HEADER + "".join(rows)), tz="Europe/Berlin", **(options or {}))


def test_one_step_back_tells_the_passes_apart_per_series(tmp_path: Path) -> None:
    result = berlin(tmp_path, "a 01:30", "b 02:15", "a 02:00", "a 02:30", "a 02:10", "b 02:15", "a 02:50", "a 03:00")
    minutes = [time[11:16] for time in iso(result)]
    assert minutes == ["23:30", "00:15", "00:00", "00:30", "01:10", "01:15", "01:50", "02:00"]
    assert result.rejected.num_rows == 0


@pytest.mark.parametrize(
    "times",
    [
        ("a 02:30",),
        ("a 02:00", "a 02:30"),
        ("a 02:00", "a 02:00", "a 02:00"),
        ("a 02:00", "b 02:00"),
        ("a 02:30", "a 03:00", "a 02:30"),
    ],
)
def test_a_repeated_hour_that_order_does_not_settle_is_ambiguous(times: tuple[str, ...], tmp_path: Path) -> None:
    result = berlin(tmp_path, "a 01:59", *times, "a 03:01")
    assert {reason.split(":")[0] for _, reason in rejects(result)} == {"time is ambiguous in Europe/Berlin"}
    assert result.rejected.num_rows == sum(" 02" in time for time in times)
    assert iso(result)[0] == "2025-10-25T23:59:00"
    assert iso(result)[-1] == "2025-10-26T02:01:00"


def test_a_wide_file_orders_its_repeated_hour_by_asset(tmp_path: Path) -> None:
    rows = [("A", "02:00"), ("B", "02:30"), ("A", "02:00"), ("B", "02:00")]
    text = "asset_id,ts,x,y\n" + "".join(f"{asset},2025-10-26 {time},1,2\n" for asset, time in rows)
    result = parsed(csv_file(tmp_path, text), wide=True, tz="Europe/Berlin")
    assert [time[11:16] for time in iso(result)] == ["00:00", "00:30", "01:00", "01:00"] * 2


def test_times_that_a_clock_change_skips_are_rejected(tmp_path: Path) -> None:
    times = ["01:59:59", "02:00:00", "02:59:59", "03:00:00"]
    text = HEADER + "".join(f"EV-1,s,2025-03-30T{time},1\n" for time in times)
    result = parsed(csv_file(tmp_path, text), tz="Europe/Berlin")
    assert iso(result) == ["2025-03-30T00:59:59", "2025-03-30T01:00:00"]
    reason = "time does not exist in Europe/Berlin: a clock change skips it"
    assert rejects(result) == [(2, reason), (3, reason)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata", "UTC"])
def test_whole_years_come_back_from_wall_time(zone: str, tmp_path: Path) -> None:
    start = int(datetime(2005, 1, 1, tzinfo=UTC).timestamp())
    instants = np.arange(start, start + 3 * 366 * 86400, 887)
    wall = pa.array(instants, pa.timestamp("s", zone))
    path = parquet_file(tmp_path, ts=pc.local_timestamp(wall), value=np.ones(len(instants)))
    result = parsed(path, tz=zone)
    assert (result.ts // 10**6).tolist() == instants.tolist()


# ---- nothing is lost

garbage = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["", " ", GOOD_TS, "2026-01-01T00:00:00", "1", "-1.5", "nan", "1e400", "1e-400", "١", "0x1"]),
)
good_row = st.tuples(st.sampled_from("AB"), st.sampled_from("xy"), st.just(GOOD_TS), st.floats(width=32).map(str))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.one_of(good_row, st.lists(garbage, min_size=1, max_size=6)), min_size=1, max_size=12))
def test_every_row_is_an_event_or_rejected(rows: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "garbage.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([HEADER.strip().split(","), *rows])
    result = parsed(path)
    assert result.rows == len(rows)
    assert sorted([*result.row.tolist(), *result.rejected["row"].to_pylist()]) == list(range(1, len(rows) + 1))
    assert np.isfinite(result.value).all()
    assert all(json.loads(raw) for raw in result.rejected["raw"].to_pylist())


any_name = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4)
clean = st.tuples(
    any_name.filter(str.strip),
    st.sampled_from(["current", "voltage"]),
    st.integers(GOOD_US - 10**14, GOOD_US),
    st.floats(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(clean, min_size=1, max_size=12))
def test_csv_and_parquet_give_the_same_events(rows: list[Any], tmp_path: Path) -> None:
    assets, sensors, stamps, values = (list(column) for column in zip(*rows, strict=True))
    text = [f"{time}Z" for time in np.datetime_as_string(np.array(stamps, "M8[us]")).tolist()]
    with (tmp_path / "same.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(
            [HEADER.strip().split(","), *zip(assets, sensors, text, map(repr, values), strict=True)]
        )
    columns = {"asset_id": assets, "sensor": sensors, "ts": pa.array(stamps, pa.timestamp("us", "UTC"))}
    pq.write_table(pa.table(columns | {"value": values}), tmp_path / "same.parquet")
    from_csv, from_parquet = parsed(tmp_path / "same.csv"), parsed(tmp_path / "same.parquet")
    assert from_csv.rejected.num_rows == from_parquet.rejected.num_rows == 0
    assert (from_csv.assets, from_csv.sensors) == (from_parquet.assets, from_parquet.sensors)
    for name in ("asset", "sensor", "ts", "value", "row"):
        np.testing.assert_array_equal(getattr(from_csv, name), getattr(from_parquet, name))
