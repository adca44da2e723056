"""Reads a file into raw columns, with each row's true number and the rows that no reader can split."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from altergo_interface.errors import IngestError
from event_store.ingest.layout import Layout, layout
from event_store.ingest.options import ParseOptions


@dataclass(frozen=True)
class Malformed:
    """A row of a CSV file with more or fewer fields than the header."""

    row: int
    reason: str
    text: str


@dataclass(frozen=True)
class Sheet:
    """A file's raw cells.

    Attributes:
        table: the columns of the layout, cells as delivered (CSV: strings).
        row: the number of each table row among the file's data rows, from 1, shape (table rows,).
        rows: data rows in the file, malformed ones too.
    """

    layout: Layout
    table: pa.Table
    row: NDArray[np.int64]
    malformed: list[Malformed]
    rows: int


def read(path: Path, options: ParseOptions) -> Sheet:
    """Reads a `.parquet`, `.csv` or `.csv.gz` file.

    Raises:
        IngestError: the file is missing, empty, damaged, of another kind, or lacks a column.
    """
    reader = check_file(path)
    try:
        sheet = reader(path, options)
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except (pa.ArrowException, OSError, EOFError, zlib.error, csv.Error) as error:
        raise _unreadable(path, error) from error
    if sheet.rows == 0:
        raise IngestError(f"{path} is empty (a header, no rows)", "Export it again, or leave it out")
    return sheet


def check_file(path: Path) -> Callable[[Path, ParseOptions], Sheet]:
    """The reader of a file that is there, not empty, and of a known kind; raises IngestError for any other."""
    if not path.is_file():
        raise IngestError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", "Name a file")
    reader = _reader(path)
    if path.stat().st_size == 0:
        raise IngestError(f"{path} is empty (0 bytes)", "Export it again, or leave it out")
    return reader


def _reader(path: Path) -> Callable[[Path, ParseOptions], Sheet]:
    name = path.name.lower()
    if name.endswith(".parquet"):
        return _read_parquet
    if name.endswith((".csv", ".csv.gz")):
        return _read_csv
    raise IngestError(f"{path}: the name ends in none of .parquet, .csv, .csv.gz", "Convert or rename it")


def _read_parquet(path: Path, options: ParseOptions) -> Sheet:
    with pq.ParquetFile(path) as file:
        found = layout(path, file.schema_arrow.names, options)
    # Names come as dictionaries, so that each is decoded once and not once per row.
    with pq.ParquetFile(path, read_dictionary=list(found.names)) as file:
        table = file.read(columns=None if options.wide else found.columns).select(found.columns)
    table.validate(full=True)  # strings in Parquet need not be UTF-8
    return Sheet(found, table, np.arange(1, table.num_rows + 1), [], table.num_rows)


def _read_csv(path: Path, options: ParseOptions) -> Sheet:
    gzipped = path.name.lower().endswith(".gz")
    found = layout(path, _csv_header(path, options, gzipped), options)
    bad: list[pa_csv.InvalidRow] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    text = dict.fromkeys(found.columns, pa.string())
    names = dict.fromkeys(found.names, pa.dictionary(pa.int32(), pa.string()))
    with pa.input_stream(str(path), compression="gzip" if gzipped else None) as stream:
        table = pa_csv.read_csv(
            stream,
            read_options=pa_csv.ReadOptions(use_threads=False),  # only then it numbers malformed rows
            parse_options=pa_csv.ParseOptions(
                delimiter=options.delimiter, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=text | names,
                include_columns=found.columns,
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    rows = table.num_rows + len(bad)
    malformed = [_malformed(row) for row in bad]
    numbers = np.delete(np.arange(1, rows + 1), [row.row - 1 for row in malformed])
    return Sheet(found, table, numbers, malformed, rows)


def _csv_header(path: Path, options: ParseOptions, gzipped: bool) -> list[str]:
    with (gzip.open if gzipped else open)(path, "rb") as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        header = next((row for row in csv.reader(text, delimiter=options.delimiter) if row), None)
    if header is None:
        raise IngestError(f"{path} is empty (no header)", "Export it again, or leave it out")
    return header


def _malformed(row: pa_csv.InvalidRow) -> Malformed:
    # Arrow counts the header as row 1, and no blank lines.
    reason = f"wrong number of fields: {row.actual_columns}, where the header has {row.expected_columns}"
    return Malformed(row.number - 1, reason, row.text)


def _unreadable(path: Path, error: Exception) -> IngestError:
    message = " ".join(str(error).split())
    if "utf8" in message.lower() or "utf-8" in message.lower():
        return _not_utf8(path)
    if "straddling" in message:  # Arrow's word for a row that is longer than its block of 1 MB
        return IngestError(f"{path} has a row of more than 1 MB", "Look for a quote that is never closed")
    return IngestError(f"{path} cannot be read: {message}", "Is it complete, and what its name says it is?")


def _not_utf8(path: Path) -> IngestError:
    return IngestError(f"{path} is not UTF-8 text", "Convert it, e.g. iconv -f latin1 -t utf-8")
