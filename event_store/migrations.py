"""Migrations: what brings a store of an older schema version to this engine's."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from altergo_interface.errors import StoreError
from event_store.publish import publish
from event_store.schema import SCHEMA_VERSION
from event_store.store import Store
from twins import Fingerprint


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    """The schema version before and after, and copies of the catalog as it was."""

    was: int
    now: int
    backups: tuple[str, ...]


def upgrade(store: Store) -> UpgradeReport:
    """Bring a store to this engine's schema version, step by step, each all or nothing and with a copy made before.

    Raises StoreError for a version that is newer or unknown, StoreBusy during a run or an upload.
    """
    with store.running(), store.ingesting(), store.uploading():
        was = store.catalog.version()
        if was > SCHEMA_VERSION or (was < SCHEMA_VERSION and was not in MIGRATIONS):
            what = f"{store.paths.catalog}: schema version {was}, this engine upgrades {min(MIGRATIONS)} and later"
            raise StoreError(what, "Use the engine version that wrote it")
        backups = [_step(store, version) for version in range(was, SCHEMA_VERSION)]
        if backups:
            publish(store)
    return UpgradeReport(was, SCHEMA_VERSION, tuple(map(str, backups)))


def _step(store: Store, version: int) -> Path:
    backup = store.paths.root / f"catalog.v{version}.duckdb"
    with store.catalog.migration(backup) as con:
        with _functions(con):
            for statement in MIGRATIONS[version]:
                con.execute(statement)
        con.execute("update store.meta set value = ? where key = 'schema_version'", [str(version + 1)])
    return backup


@contextmanager
def _functions(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """What the statements may call; all sessions of this process share an instance, so it goes when they are done."""
    try:
        for name, function in _FUNCTIONS.items():
            con.create_function(name, function)
        yield
    finally:
        for name in _FUNCTIONS:
            with suppress(duckdb.Error):
                con.remove_function(name)


def _carry_digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _fingerprint_of(parts: str) -> str:
    return Fingerprint.from_json(parts).value


_FUNCTIONS: Mapping[str, Callable[[str], str]] = {"carry_digest": _carry_digest, "fingerprint_of": _fingerprint_of}
"""What the statements may call beside DuckDB's own functions."""

MIGRATIONS: Mapping[int, tuple[str, ...]] = {
    1: (
        "alter table store.batches add column retracted_by bigint",
        "alter table store.segments rename to segments_1",
        """create table store.segments as
           select path, kind, bucket, month, "rows", bytes, first_ts, last_ts, seq as first_seq, seq, collides,
                  false as tombstones, checksum from store.segments_1""",
        "drop table store.segments_1",
        "create table store.garbage(path varchar, bytes bigint, run bigint, since timestamptz)",
        "alter table store.arrivals rename to arrivals_1",
        # Where the last change was is not known: at the latest at the batch's last event.
        """create table store.arrivals as
           select asset_id, seq, changed, changed_from, if(changed_from is null, null, last_ts) as changed_to
           from store.arrivals_1""",
        "drop table store.arrivals_1",
        # Version 1 hashed code and configuration whole; whatever they were, they differ from today's.
        """create table store.made_1 as
           select code, config, json_object('code', json_object('version 1', code),
                                            'configuration', json_object('version 1', config))::varchar as parts
           from (select code, config from store.heads where code is not null
                 union select tried_code, tried_config from store.heads where tried_code is not null)""",
        "create table store.fingerprints as select fingerprint_of(parts) as fingerprint, parts from store.made_1",
        "alter table store.snapshots rename to snapshots_1",
        """create table store.snapshots as
           select asset_id, model, as_of, make_timestamptz((carry ->> '$.through')::bigint) as through, seq, run_id,
                  carry_digest(carry) as digest, carry from store.snapshots_1""",
        "drop table store.snapshots_1",
        "alter table store.heads rename to heads_1",
        """create table store.heads as
           select h.asset_id, h.model, version, status, error, fingerprint_of(m.parts) as fingerprint,
                  fingerprint_of(t.parts) as tried, tried_seq, choices, tried_choices, null::varchar as consumed,
                  head, s.through, h.as_of, h.seq, run, h.run_id, open_events, state, state_variant, latest
           from store.heads_1 h
           left join store.made_1 m on m.code = h.code and m.config = h.config
           left join store.made_1 t on t.code = h.tried_code and t.config = h.tried_config
           left join store.snapshots s on s.asset_id = h.asset_id and s.model = h.model and s.as_of = h.head""",
        "drop table store.heads_1",
        "drop table store.made_1",
        "alter table store.masks rename to masks_1",
        """create table store.masks as
           select asset_id, model, from_ts, 'infinity'::timestamptz as to_ts, before_run from store.masks_1""",
        "drop table store.masks_1",
        "alter table store.attempts add column planned_events bigint",
        "alter table store.attempts add column events bigint",
        "alter table store.attempts add column fingerprint varchar",
        "create table store.lost(asset_id varchar, model varchar, attempts bigint)",
    ),
    2: ('create table store.duplicates(asset_id varchar, sensor varchar, "day" date, duplicates bigint)',),
    3: (
        """create table store.uploads(
           "number" bigint, platform varchar, started_at timestamptz, ended_at timestamptz, status varchar,
           assets bigint, series bigint, points bigint, withdrawn bigint, failed bigint)""",
        """create table store.uploaded(
           platform varchar, asset_id varchar, model varchar, run bigint, settled bigint, tried bigint,
           naming varchar, open_from timestamptz)""",
    ),
}
"""Schema version to the SQL statements that bring it to the next one, in one transaction. A released entry stays."""
