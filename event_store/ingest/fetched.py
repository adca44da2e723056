"""Appending fetched events: what the log says already is left out, because fetches overlap on purpose."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from event_store.facts import read_log_segments
from event_store.ingest.append import Appender
from event_store.ingest.arrange import arrange
from event_store.ingest.batch import IngestReport, record_batch, told_reasons
from event_store.ingest.compare import mark_known, overlaps
from event_store.ingest.options import ParseOptions
from event_store.ingest.parse import Parsed, parse
from event_store.store import Store


def append_fetched(store: Store, path: Path, name: str, now_us: int) -> IngestReport:
    """Append the events of a spool that are new or different, as one batch under `name`.

    Unlike those of a file, repeated events leave no trace: they come again with every fetch, and would fill the log
    and count as bad data. The same holds for rows that are in quarantine already. Without anything new there is no
    batch, and the report is `known`.
    """
    options = ParseOptions()
    parsed = parse(path, options, now_us)
    with store.ingesting():
        came = len(parsed.ts)
        parsed = _without_known_rejects(store, _without_known(store, parsed) if came else parsed, name)
        repeated = came - len(parsed.ts)
        batch = _batch_id(parsed, name)
        if len(parsed.ts):
            report = Appender(store, name, batch, parsed).run(options)
            return replace(report, duplicates=report.duplicates + repeated)
        bad = parsed.rejected.num_rows
        report = IngestReport(batch, name, 0, repeated, quarantined=bad, known=not bad, reasons=told_reasons(parsed))
        if bad:
            with store.catalog.transaction("ingest") as con:
                record_batch(con, store.next_seq(con), report, options, parsed, (None, None))
        return report


def _without_known(store: Store, parsed: Parsed) -> Parsed:
    events = arrange(parsed)
    if events.repeats.any():  # of equal stamps the last counts: only that can be told apart from the log's
        replaced = events.row[np.append(events.repeats[1:], False)]
        parsed = _only(parsed, ~np.isin(parsed.row, replaced))
        events = arrange(parsed)
    with store.catalog.session("ingest") as con:
        con.register("_groups", events.groups_table())
        overlapping = overlaps(con)
        segments = read_log_segments(con, store.next_seq(con), set(overlapping))
    mark_known(events, overlapping, segments, store.files)
    return _only(parsed, ~np.isin(parsed.row, events.row[events.duplicate]))


def _only(parsed: Parsed, kept: NDArray[np.bool_]) -> Parsed:
    columns = ("asset", "sensor", "ts", "value", "row")
    return replace(parsed, **{name: getattr(parsed, name)[kept] for name in columns})


def _without_known_rejects(store: Store, parsed: Parsed, name: str) -> Parsed:
    if not parsed.rejected.num_rows:
        return parsed
    with store.catalog.session("ingest") as con:
        con.register("_rejected", parsed.rejected)
        rows = con.execute(
            'select "row" from _rejected r where not exists ('
            " select 1 from store.quarantine q where q.file = ? and q.raw = r.raw and q.reason = r.reason)",
            [name],
        ).fetchall()
        con.unregister("_rejected")
    new = np.isin(parsed.rejected.column("row").to_numpy(), np.array([row for (row,) in rows], np.int64))
    return replace(parsed, rejected=parsed.rejected.filter(new))


def _batch_id(parsed: Parsed, name: str) -> str:
    """A hash of what is new: names, stamps and values, and what was rejected."""
    digest = hashlib.blake2b(name.encode())
    for names, codes in ((parsed.assets, parsed.asset), (parsed.sensors, parsed.sensor)):
        digest.update(repr([names[code] for code in np.unique(codes).tolist()]).encode())
        digest.update(np.unique(codes, return_inverse=True)[1].astype(np.int32).tobytes())
    digest.update(parsed.ts.tobytes() + parsed.value.tobytes())
    digest.update(repr(parsed.rejected.column("raw").to_pylist()).encode())
    return digest.hexdigest()[:24]
