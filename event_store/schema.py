"""The catalog's tables, and the version of all that a store holds."""

SCHEMA_VERSION = 4

TABLES = """
create table store.meta(key varchar, value varchar);
create table store.batches(
    seq bigint, batch varchar, kind varchar, file varchar, options varchar, ingested_at timestamptz,
    "rows" bigint, appended bigint, duplicates bigint, late bigint, quarantined bigint,
    first_ts timestamptz, last_ts timestamptz, retracted_by bigint);
create table store.segments(
    path varchar, kind varchar, bucket integer, month varchar, "rows" bigint, bytes bigint,
    first_ts timestamptz, last_ts timestamptz, first_seq bigint, seq bigint, collides boolean, tombstones boolean,
    checksum varchar);
create table store.garbage(path varchar, bytes bigint, run bigint, since timestamptz);
create table store.assets(
    asset_id varchar, bucket integer, first_ts timestamptz, last_ts timestamptz, events bigint);
create table store.sensors(
    asset_id varchar, sensor varchar, first_seq bigint, events bigint, first_ts timestamptz, last_ts timestamptz,
    min_value double, max_value double);
create table store.arrivals(
    asset_id varchar, seq bigint, changed bigint, changed_from timestamptz, changed_to timestamptz);
create table store.duplicates(asset_id varchar, sensor varchar, "day" date, duplicates bigint);
create table store.parameters(
    asset_id varchar, name varchar, value varchar, valid_from timestamptz, seq bigint);
create table store.fingerprints(fingerprint varchar, parts varchar);
create table store.heads(
    asset_id varchar, model varchar, version bigint, status varchar, error varchar,
    fingerprint varchar, tried varchar, tried_seq bigint, choices varchar, tried_choices varchar, consumed varchar,
    head timestamptz, through timestamptz, as_of timestamptz, seq bigint, run bigint, run_id varchar,
    open_events bigint, state varchar, state_variant variant,
    latest struct("output" varchar, ts timestamptz, "value" double, label varchar)[]);
create table store.snapshots(
    asset_id varchar, model varchar, as_of timestamptz, through timestamptz, seq bigint, run_id varchar,
    digest varchar, carry varchar);
create table store.masks(
    asset_id varchar, model varchar, from_ts timestamptz, to_ts timestamptz, before_run bigint);
create table store.skipped(asset_id varchar, model varchar, missing varchar);
create table store.runs(
    run_id varchar, number bigint, started_at timestamptz, ended_at timestamptz, mode varchar, status varchar,
    seq bigint, assets bigint, pairs bigint, events_replayed bigint, parked bigint, settings varchar,
    environment varchar);
create table store.attempts(
    run_id varchar, asset_id varchar, model varchar, status varchar, reasons varchar[], error varchar,
    seconds double, planned_events bigint, events bigint, fingerprint varchar);
create table store.lost(asset_id varchar, model varchar, attempts bigint);
create table store.uploads(
    "number" bigint, platform varchar, started_at timestamptz, ended_at timestamptz, status varchar, assets bigint,
    series bigint, points bigint, withdrawn bigint, failed bigint);
create table store.uploaded(
    platform varchar, asset_id varchar, model varchar, run bigint, settled bigint, tried bigint, naming varchar,
    open_from timestamptz);
create table store.quarantine(batch varchar, seq bigint, file varchar, "row" bigint, reason varchar, raw varchar);
create table store.sensor_rules(sensor varchar, low double, high double, max_interval_s double);
"""
"""No primary keys: their ART indexes would slow the hot tables down; the one writer keeps rows unique.

A snapshot without a carry is an edge that was thinned out: its hash still tells a replay where to stop. An attempt
is `running` from before its execution; `lost` counts those in a row that never ended. `uploaded` says of a pair up to
which run a platform has it (null: none yet), and by which upload that was settled; see `event_store.ledger`.
"""
