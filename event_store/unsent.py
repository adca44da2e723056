"""Reading what may differ from what a platform was sent: rows that stand, and rows of the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf

import duckdb
import pyarrow as pa

from event_store.ledger import PairMark
from event_store.object_store import own_errors
from event_store.paths import bucket_of
from event_store.store import Store
from event_store.views import current, quoted, scan, standing

_READ = ("output", "open_output", "sent")

_WORK = """
select c.asset_id, c.model, h.run as head, u.run, coalesce(u.settled, 0) as settled,
       coalesce(u.tried > u.settled, false) as doubtful, n.naming, u.naming as held, u.open_from
from _chosen c
left join store.heads h on h.asset_id = c.asset_id and h.model = c.model and h.run > 0
left join store.uploaded u on u.platform = $platform and u.asset_id = c.asset_id and u.model = c.model
left join _named n on n.model = c.model"""

_SINCE = """
create table since as
select w.asset_id, w.model, w.settled, least(
    if(w.run is null or w.head is null or w.held is distinct from w.naming, '-infinity'::timestamptz, null),
    w.open_from, m.ts, c.ts, d.ts) as from_ts
from work w left join masked m using (asset_id, model) left join closed c using (asset_id, model)
left join doubted d using (asset_id, model)"""
"""The earliest stamp at which a closed row, or one that was sent, may differ: `least` passes over nulls, and null
means nowhere. Provisional rows are looked at anyway."""


class Unsent:
    """Some pairs as one session saw them, and the rows in which they may differ from what was sent.

    Which files are worth reading follows from the runs and uploads in them: of years of points a daily upload reads
    the current month.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, store: Store, files: Sequence[tuple[str, str, int, int]]
    ) -> None:
        self._con = con
        self._store = store
        self._files = files
        self._since = -inf
        [names] = con.execute("select min(asset_id), max(asset_id) from work").fetchall()
        self._within = "asset_id between {} and {}".format(*map(quoted, names))  # lets row groups be skipped

    def find(self, platform: str) -> None:
        """Find out from where each pair is to be compared."""
        con = self._con
        self._platform = platform
        [(run, settled)] = con.execute("select min(run), min(settled) from work where run is not null").fetchall()
        closed = self._scan("output", "o.run > w.run", after=run)
        con.execute(
            "create table masked as select w.asset_id, w.model, min(m.from_ts) as ts from work w join store.masks m"
            " on m.asset_id = w.asset_id and m.model = w.model and m.before_run > w.run group by all"
        )
        con.execute(f"create table closed as select asset_id, model, min(ts) as ts from ({closed}) group by all")
        open_rows = current(f"({self._scan('open_output')})")
        con.execute(f"create table open_rows as select * from ({open_rows})")
        con.execute("create table provisional as select asset_id, model, min(ts) as ts from open_rows group by all")
        [(settled,)] = con.execute("select min(settled) from work where doubtful").fetchall()
        doubted = self._scan("sent", "w.doubtful and o.run > w.settled", after=settled)
        con.execute(
            f"create table doubted as select asset_id, model, min(ts) as ts from ({doubted})"
            f" where platform = {quoted(platform)} group by all"
        )
        con.execute(_SINCE)
        query = "select bool_or(isinf(from_ts)), min(epoch_us(from_ts)) filter (not isinf(from_ts)) from since"
        [(everything, since)] = con.execute(query).fetchall()
        self._since = -inf if everything else inf if since is None else since

    def present(self) -> pa.Table:
        """The rows that stand from there on: asset_id, model, output, ts (µs), value, label, in this order."""
        closed = standing(f"({self._scan('output', 'o.ts >= w.from_ts', 'since')})")
        return self._con.sql(
            f"""select asset_id::varchar as asset_id, model::varchar as model, "output"::varchar as name,
                       epoch_us(ts) as ts, value, label::varchar as label
                from (select * from ({closed}) union all select * from open_rows)
                order by asset_id, model, name, ts"""
        ).to_arrow_table()

    def sent(self) -> pa.Table:
        """The newest row of the ledger of each key from there on, without what is known to be withdrawn: asset_id,
        model, name (of the series), ts (µs), value, label, sure."""
        rows = self._scan("sent", f"o.platform = {quoted(self._platform)} and o.ts >= w.from_ts", "since")
        return self._con.sql(
            f"""select asset_id::varchar as asset_id, model::varchar as model, series::varchar as name,
                       epoch_us(ts) as ts, value, label::varchar as label, run <= settled as sure
                from (select o.*, w.settled from ({rows}) o join since w using (asset_id, model)
                      qualify row_number() over (partition by asset_id, model, series, ts order by run desc) = 1)
                where held or run > settled order by asset_id, model, name, ts"""
        ).to_arrow_table()

    def marks(self) -> list[PairMark]:
        """Every pair as it will have been settled."""
        return [
            PairMark(*row)
            for row in self._con.execute(
                "select asset_id, model, head, naming, epoch_us(o.ts) from work left join provisional o"
                " using (asset_id, model) order by asset_id, model"
            ).fetchall()
        ]

    def held(self) -> Mapping[str, Sequence[str]]:
        """By asset, the namings of its pairs as the platform has them."""
        return dict(
            self._con.execute(
                "select asset_id, list(distinct held) from work where held is not null group by all"
            ).fetchall()
        )

    def _scan(self, kind: str, where: str = "true", table: str = "work", after: int | None = -1) -> str:
        """Rows of one kind of the pairs in a table; with `after`, from files that hold something newer. None: no
        pair asks."""
        files = [
            self._store.files.sql_path(path)
            for path, k, newest, last in self._files
            if k == kind and after is not None and newest > after and (table != "since" or last >= self._since)
        ]
        return (
            f"select o.* from (select * from {scan(kind, files)} where {self._within}) o"
            f" join {table} w on w.asset_id = o.asset_id and w.model = o.model where {where}"
        )


@contextmanager
def unsent(
    store: Store, platform: str, pairs: Sequence[tuple[str, str]], namings: Mapping[str, str]
) -> Iterator[Unsent]:
    """What may be unsent of some pairs (asset, model), as of one moment; a run may commit meanwhile."""
    with duckdb.connect() as con, own_errors():
        store.files.serve(con)
        con.execute("set TimeZone = 'UTC'; create schema store")
        chosen = _table(("asset_id", "model"), pairs)
        with store.catalog.session("upload") as catalog:
            catalog.register("_chosen", chosen)
            catalog.register("_named", _table(("model", "naming"), list(namings.items())))
            work = catalog.sql(_WORK, params={"platform": platform}).to_arrow_table()
            masks = catalog.sql(
                "select m.* from store.masks m join _chosen c on c.asset_id = m.asset_id and c.model = m.model"
            ).to_arrow_table()
            files = catalog.execute(_FILES, [list({bucket_of(asset) for asset, _ in pairs}), list(_READ)]).fetchall()
            for name in ("_chosen", "_named"):
                catalog.unregister(name)
        for name, table in (("work", work), ("store.masks", masks)):
            con.register("_copied", table)
            con.execute(f"create table {name} as select * from _copied")
            con.unregister("_copied")
        con.execute(
            "create table store.heads as select asset_id, model, head as run from work where head is not null"
        )
        found = Unsent(con, store, files)
        found.find(platform)
        yield found


_FILES = """
select path, kind, seq, epoch_us(last_ts) from store.segments
where bucket in (select unnest(?)) and kind in (select unnest(?)) order by seq, path"""


def _table(names: Sequence[str], rows: Sequence[tuple[str, str]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table({name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)})
