"""The views that users query: SQL over the catalog's tables and the Parquet segments."""

from collections.abc import Callable, Collection, Iterable, Sequence

import pyarrow as pa

from event_store.quality import quality_view
from event_store.segments import SCHEMAS

_TYPES = {"int64": "bigint", "int32": "integer", "double": "double", "string": "varchar", "bool": "boolean"}


def view_statements(
    locate: Callable[[str], str],
    segments: Iterable[tuple[str, str, int, str, int, int, bool]],
    parameters: Sequence[tuple[str, bool]],
    retracted: Sequence[int],
    unseen: Collection[int] = (),
) -> str:
    """All views. `locate` says how SQL names a segment. `segments` are (path, kind, bucket, month, first batch, last
    batch, collides), `parameters` (name, whether a number), `retracted` the batches that do not count, `unseen` the
    buckets of assets without records of their quality."""
    gone = set(retracted)
    segments = list(segments)
    rows = [row for row in segments if row[1] != "event" or row[4] != row[5] or row[4] not in gone]
    files = {kind: [locate(path) for path, k, *_ in rows if k == kind] for kind in SCHEMAS}
    # Only in these places can two events share a key; elsewhere nothing has to be compared.
    # Flags of retracted segments count, too: what came after a tombstone has relied on the flag of that.
    collided = {(bucket, month) for _, kind, bucket, month, *_, collides in segments if kind == "event" and collides}
    events = [(locate(p), b, (b, m) in collided) for p, kind, b, m, *_ in rows if kind == "event"]
    unlooked = _events([event for event in events if event[1] in unseen], retracted) if unseen else None
    records = newest_records(scan("record", files["record"]), scan("open_record", files["open_record"]))
    return "\n".join(
        (
            f"create or replace view main.events as {_events(events, retracted)};",
            _outputs(files["output"], files["open_output"]),
            _records(records),
            _assets(parameters),
            quality_view(records, unlooked),
            _CATALOG_VIEWS,
        )
    )


def scan(kind: str, files: Sequence[str]) -> str:
    """A table expression over segments of one kind; empty, with the right columns, where there are none."""
    if files:
        listed = ", ".join(quoted(path) for path in files)
        return f"read_parquet([{listed}], hive_partitioning = false)"
    columns = ", ".join(f'null::{_sql_type(f.type)} as "{f.name}"' for f in SCHEMAS[kind])
    return f"(select {columns} where false)"


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return "timestamptz" if pa.types.is_timestamp(kind) else _TYPES[str(kind)]


def _events(files: Sequence[tuple[str, int, bool]], retracted: Sequence[int]) -> str:
    """The winner of every key that has not been deleted: a tombstone's value is NaN. `files` are (path, bucket,
    whether keys may repeat in its place)."""
    counts = f" where seq not in ({', '.join(map(str, retracted))})" if retracted else ""
    plain, collided = ([path for path, _, hit in files if hit is repeats] for repeats in (False, True))
    return f"""
select asset_id, sensor, ts, value, seq from {scan("event", plain)}{counts}
union all
select * from (
    select asset_id, sensor, ts, value, seq from {scan("event", collided)}{counts}
    qualify row_number() over (partition by asset_id, sensor, ts order by seq desc, "row" desc) = 1)
where not isnan(value)"""


def standing(closed: str) -> str:
    """Rows of closed slots that no later replay masks."""
    return f"""
select o.* from {closed} o
where not exists (select 1 from store.masks m where {hides("m", "o")})"""


def hides(mask: str, row: str) -> str:
    """The condition on which a mask hides a row of a closed slot."""
    return f"""{mask}.asset_id = {row}.asset_id and {mask}.model = {row}.model
                  and {row}.ts >= {mask}.from_ts and {row}.ts < {mask}.to_ts and {row}.run < {mask}.before_run"""


def current(provisional: str) -> str:
    """Rows of each pair's current open slot."""
    return f"""
select o.* from {provisional} o
join store.heads h on h.asset_id = o.asset_id and h.model = o.model and h.run = o.run"""


def visible(closed: str, provisional: str) -> str:
    """Rows that stand: of closed slots, and of each pair's current open one."""
    return f"{standing(closed)}\nunion all{current(provisional)}\n"


def _outputs(closed: Sequence[str], provisional: Sequence[str]) -> str:
    return f"""
create or replace view main.outputs as
select asset_id, model, "output", ts, value, label
from ({visible(scan("output", closed), scan("open_output", provisional))});
"""


def newest_records(closed: str, provisional: str) -> str:
    """The newest version of every record that stands."""
    return f"""
select * from ({visible(closed, provisional)})
qualify row_number() over (partition by asset_id, model, kind, cell, started_at order by ts desc, run desc) = 1
"""


def _records(newest: str) -> str:
    """Days without any fault of their data stand in the view `quality` alone."""
    return f"""
create or replace view main.records as
select asset_id, model, kind, cell, started_at, ended_at, severity, value, detail::json as detail, ts as known_at
from ({newest}) where kind <> 'quality' or severity is not null;
"""


def _assets(parameters: Sequence[tuple[str, bool]]) -> str:
    names = _parameter_names(name for name, _ in parameters)
    columns = "".join(_parameter_column(*parameter, names[parameter[0]]) for parameter in parameters)
    chosen = "".join(f", p.{name}" for name in names.values())
    return f"""
create or replace view main.assets as
with current as (
    select asset_id, name, arg_max(value ->> '$', (coalesce(valid_from, '-infinity'::timestamptz), seq)) as value
    from store.parameters group by asset_id, name),
p as (select asset_id{columns} from current group by asset_id)
select a.asset_id{chosen}, a.first_ts, a.last_ts, a.events from store.assets a left join p using (asset_id);
"""


def _parameter_names(names: Iterable[str]) -> dict[str, str]:
    """Parameter to column; one that is called like another column, upper or lower case, gets underscores."""
    taken = {"asset_id", "first_ts", "last_ts", "events"}
    chosen: dict[str, str] = {}
    for name in names:
        column = name
        while column.lower() in taken:
            column += "_"
        taken.add(column.lower())
        chosen[name] = _identifier(column)
    return chosen


def _parameter_column(name: str, number: bool, column: str) -> str:
    kind = "double" if number else "varchar"
    return f", any_value(try_cast(value as {kind})) filter (name = {quoted(name)}) as {column}"


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_CATALOG_VIEWS = """
create or replace view main.twin_state as
select h.asset_id, h.model, as_of, state_variant as state, fingerprint,
       if(s.missing is null, status, 'skipped') as status, run_id, coalesce(error, s.missing) as error
from store.heads h left join store.skipped s on s.asset_id = h.asset_id and s.model = h.model
union all
select asset_id, model, null, null, null, 'skipped', null, missing from store.skipped s
where not exists (select 1 from store.heads h where h.asset_id = s.asset_id and h.model = s.model);
create or replace view main.latest_outputs as
select asset_id, model, l."output", l.ts, l."value", l.label
from (select asset_id, model, unnest(latest) as l from store.heads);
create or replace view main.snapshots as
select asset_id, model, as_of, seq, (carry::json -> 'state') as state, run_id from store.snapshots
where carry is not null;
create or replace view main.skipped as select * from store.skipped;
create or replace view main.runs as select * exclude (number) from store.runs;
create or replace view main.attempts as select * exclude (fingerprint) from store.attempts;
create or replace view main.batches as select * from store.batches;
create or replace view main.sensors as select * exclude (first_seq) from store.sensors where events > 0;
create or replace view main.uploads as select * exclude ("number") from store.uploads;
create or replace view main.quarantine as select batch, file, "row", reason, raw from store.quarantine;
"""
