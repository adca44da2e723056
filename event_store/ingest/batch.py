"""What is kept and told of a batch: its row in the catalog, its quarantined rows, and the report."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from altergo_interface.display import Displayed, Rows, Summary, counted
from event_store.catalog import insert
from event_store.ingest.options import ParseOptions
from event_store.ingest.parse import Parsed


@dataclass(frozen=True, slots=True, repr=False)
class IngestReport(Displayed):
    """What one file brought. Of a file of keys to delete, `retracted` counts those that are gone, and `duplicates`
    those that were not there. `reasons` counts the quarantined rows by reason; `known` marks a skipped file."""

    batch: str
    file: str
    appended: int = 0
    duplicates: int = 0
    late: int = 0
    quarantined: int = 0
    retracted: int = 0
    known: bool = False
    reasons: tuple[tuple[str, int], ...] = ()

    def _summary(self) -> Summary:
        """What became of the rows, and why some are in quarantine."""
        others = ("duplicates", "late", "quarantined", "retracted")
        facts = [f"{counted(self.appended, 'event')} appended"]
        facts += [f"{getattr(self, name):,} {name}" for name in others if getattr(self, name)]
        table = Rows(("quarantined because", "rows"), self.reasons, len(self.reasons))
        return Summary(f"Batch {self.batch[:8]}", ["known already, skipped"] if self.known else facts, table)


def record_batch(
    con: duckdb.DuckDBPyConnection,
    seq: int,
    report: IngestReport,
    options: ParseOptions,
    parsed: Parsed,
    extent: tuple[int | None, int | None],
) -> None:
    """Enter a batch, and what of it goes to quarantine. `extent`: its first and last stamp, µs UTC."""
    con.execute(
        "insert into store.batches values (?, ?, ?, ?, ?, now(), ?, ?, ?, ?, ?,"
        " make_timestamptz(?), make_timestamptz(?), null)",
        [
            *(seq, report.batch, "retract" if options.retract else "events", report.file, options.fingerprint()),
            *(parsed.rows, report.appended + report.retracted, report.duplicates, report.late, report.quarantined),
            *extent,
        ],
    )
    rejected = parsed.rejected
    batch = pa.array([report.batch] * rejected.num_rows, pa.string())
    file = "'" + report.file.replace("'", "''") + "'"
    insert(con, "quarantine", rejected.append_column("batch", batch), seq=str(seq), file=file)


def told_reasons(parsed: Parsed) -> tuple[tuple[str, int], ...]:
    """How many rows were rejected for each reason."""
    counted = parsed.rejected.group_by("reason").aggregate([("row", "count")]).to_pylist()
    return tuple(sorted((entry["reason"], entry["row_count"]) for entry in counted))
