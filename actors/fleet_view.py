"""Everything that the fleet's dashboard shows, gathered from one publication of the store."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from actors.wording import told
from altergo_interface.dashboards import ColumnView, FleetView, RunView, TableView
from altergo_interface.dashboards.words import moment, stamp
from altergo_interface.file_names import to_file_name
from event_store.pinned import Pinned

WINDOW_DAYS = 30
ALERT_DAYS = 90
SHOWN = 100
TIMELINE_ASSETS = 25
US_PER_DAY = 86_400_000_000

_COLUMNS = (
    ColumnView("asset", "asset", "asset"),
    ColumnView("status", "status", "status", "", "the worst of its models: parked, blocked, ok, skipped, or new"),
    ColumnView("chemistry", "chemistry", "text"),
    ColumnView("cycles", "cycles", "number", "", "equivalent full cycles", 2),
    ColumnView("soc", "SOC", "number", "%", "state of charge, the newest estimate", 1),
    ColumnView("margin", "margin", "number", "V", "distance of the cells to the nearest voltage limit, now", 3),
    ColumnView(
        "worst_margin", "worst margin", "number", "V", f"least distance to a voltage limit in {WINDOW_DAYS} days", 3
    ),
    ColumnView("imbalance", "imbalance", "number", "%", "spread of the cells' state of charge at the last rest", 1),
    ColumnView(
        "worst_imbalance", "worst imbalance", "number", "%", f"the greatest imbalance of {WINDOW_DAYS} days", 1
    ),
    ColumnView("opened", "open", "number", "", "alerts and imbalances that have not ended"),
    ColumnView("alerts", "alerts", "number", "", f"alerts that began in the last {WINDOW_DAYS} days"),
    ColumnView("coverage", "coverage", "number", "%", f"share of the last {WINDOW_DAYS} days that is no gap", 1),
    ColumnView("bad", "bad readings", "number", "", f"out of range, stuck or contradictory in {WINDOW_DAYS} days"),
    ColumnView("silent", "silent", "number", "h", "its newest event before the newest of the fleet", 1),
    ColumnView("lag", "lag", "number", "h", "how far its slowest twin is behind its own events", 1),
)

_ASSETS = """
with newest as (select max(last_ts) as t from store.assets),
heads as (
    select h.asset_id, min(case h.status when 'parked' then 0 when 'blocked' then 1 else 2 end) as rank,
           max(epoch(a.last_ts) - epoch(coalesce(h.as_of, a.first_ts))) / 3600 as lag
    from store.heads h join store.assets a using (asset_id) group by h.asset_id),
latest as (
    select asset_id,
           any_value("value") filter ("output" = 'equivalent_cycles') as cycles,
           any_value("value") filter ("output" = 'soc') as soc,
           any_value("value") filter ("output" = 'voltage_margin') as margin,
           any_value("value") filter ("output" = 'soc_imbalance') as imbalance
    from latest_outputs group by asset_id),
worst as (
    select asset_id, min("value") filter ("output" = 'voltage_margin') as worst_margin,
           max("value") filter ("output" = 'soc_imbalance') as worst_imbalance
    from outputs, newest
    where "output" in ('voltage_margin', 'soc_imbalance') and not isnan("value")
          and ts >= newest.t - interval ($window) day
    group by asset_id),
alerts as (
    select asset_id, count(*) filter (ended_at is null and kind = 'alert') as open_alerts,
           count(*) filter (ended_at is null and kind = 'imbalance') as open_imbalances,
           max(severity) filter (ended_at is null and kind = 'alert') as severity,
           count(*) filter (started_at >= newest.t - interval ($window) day and kind = 'alert') as alerts
    from records, newest where kind in ('alert', 'imbalance') group by asset_id),
quality as (
    select asset_id, sum(gap_s) / count(distinct sensor) as gap_s,
           sum(out_of_range + coalesce(stuck, 0) + coalesce(contradictions, 0))::bigint as bad
    from main.quality, newest where "day" >= (newest.t - interval ($window) day)::date group by asset_id)
select a.asset_id, coalesce(h.rank, if(s.asset_id is null, 4, 3)) as rank, p.chemistry,
       l.cycles, l.soc * 100 as soc, l.margin, w.worst_margin,
       l.imbalance * 100 as imbalance, w.worst_imbalance * 100 as worst_imbalance,
       coalesce(c.open_alerts, 0) as open_alerts, coalesce(c.open_imbalances, 0) as open_imbalances,
       coalesce(c.open_alerts + c.open_imbalances, 0) as opened, coalesce(c.alerts, 0) as alerts,
       if(q.gap_s is null, null, 100 * greatest(0, 1 - q.gap_s / greatest(1, epoch(a.last_ts)
           - epoch(greatest(a.first_ts, newest.t - interval ($window) day))))) as coverage,
       q.bad, epoch(newest.t - a.last_ts) / 3600 as silent, h.lag
from store.assets a cross join newest
left join heads h using (asset_id)
left join (select distinct asset_id from store.skipped) s using (asset_id)
left join (select asset_id, arg_max("value" ->> '$', seq) as chemistry from store.parameters
           where name = 'chemistry' group by asset_id) p using (asset_id)
left join latest l using (asset_id) left join worst w using (asset_id)
left join alerts c using (asset_id) left join quality q using (asset_id)
order by rank, c.severity desc nulls last, opened desc, w.worst_margin nulls last, a.asset_id"""
_STATUS = ("parked", "blocked", "ok", "skipped", "new")

_PARKED = """
select asset_id, model, status, error, run_id from store.heads
where status in ('parked', 'blocked') order by status desc, asset_id, model"""
_ALERTS = """
select asset_id, model, cell, epoch_us(started_at) as started, epoch_us(ended_at) as ended, severity, "value"
from records where kind = 'alert' and started_at >= make_timestamptz($since)
order by ended_at is not null, started_at desc, asset_id, model, cell"""
_RUNS = """
select run_id, epoch_us(started_at) as started, epoch_us(ended_at) as ended, mode, status, assets, pairs, parked,
       events_replayed from store.runs order by number desc limit 30"""
_TOTALS = """
select count(*) as assets, coalesce(sum(events), 0)::bigint as events, epoch_us(max(last_ts)) as newest,
       (select coalesce(max(seq), 0) from store.batches) as seq,
       (select count(*) from store.quarantine) as quarantined
from store.assets"""


def fleet_view(pin: Pinned, pages: int) -> FleetView:
    """What the fleet's page shows, `pages` of whose assets have a page of their own."""
    totals = pin.rows(_TOTALS)[0]
    rows = pin.rows(_ASSETS, window=WINDOW_DAYS)
    newest = totals["newest"] or 0
    alerts = pin.rows(_ALERTS, since=newest - ALERT_DAYS * US_PER_DAY)
    runs = pin.rows(_RUNS)
    return FleetView(
        f"events up to sequence {totals['seq']}",
        _tiles(totals, rows),
        _COLUMNS,
        [_row(row) for row in rows],
        [page_address(row["asset_id"]) for row in rows[:pages]],
        ALERT_DAYS,
        _parked(pin.rows(_PARKED)),
        _alert_table(alerts),
        _alert_days(alerts, newest) if alerts else (),
        _alert_spans(alerts, newest),
        _run_table(runs),
        [_run(run) for run in runs],
    )


def page_address(asset_id: str) -> str:
    """The address of an asset's page, relative to the fleet's."""
    return quote(f"assets/{to_file_name(asset_id)}.html")


def _tiles(totals: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    counts = [sum(row["rank"] == rank for row in rows) for rank in (0, 1)]
    opened = [sum(row[kind] for row in rows) for kind in ("open_alerts", "open_imbalances")]
    return [
        ("assets", f"{totals['assets']:,}", False),
        ("events", f"{totals['events']:,}", False),
        ("newest event", moment(totals["newest"])[:16] or "none yet", False),
        ("parked assets", f"{counts[0]:,}", counts[0] > 0),
        ("blocked assets", f"{counts[1]:,}", counts[1] > 0),
        ("open alerts", f"{opened[0]:,}", opened[0] > 0),
        ("open imbalances", f"{opened[1]:,}", opened[1] > 0),
        ("quarantined rows", f"{totals['quarantined']:,}", totals["quarantined"] > 0),
    ]


def _row(row: Mapping[str, Any]) -> list[object]:
    known = {**row, "asset": row["asset_id"], "status": _STATUS[row["rank"]]}
    return [_plain(known[column.key]) for column in _COLUMNS]


def _plain(value: Any) -> object:
    """A number as the page carries it: short, and None where it is unknown."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def _parked(rows: Sequence[Mapping[str, Any]]) -> TableView:
    found = [(r["asset_id"], r["model"], r["status"], r["error"], r["run_id"]) for r in rows[:SHOWN]]
    return TableView(
        ("asset", "model", "status", "reason", "run"),
        [*found, *_rest(len(rows), 5)],
        "Nothing is parked: every pair of an asset and a model that has run is good.",
    )


def _rest(count: int, columns: int) -> Iterable[tuple[str, ...]]:
    if count > SHOWN:
        yield ("…", f"and {count - SHOWN:,} more: twins sql", *("",) * (columns - 2))


def _alert_table(alerts: Sequence[Mapping[str, Any]]) -> TableView:
    rows = [
        (
            *(one["asset_id"], one["cell"], stamp(one["started"])),
            "open" if one["ended"] is None else told((one["ended"] - one["started"]) / 1e6),
            *({1: "warning", 2: "critical"}.get(one["severity"], ""), one["value"]),
        )
        for one in alerts[:SHOWN]
    ]
    return TableView(
        ("asset", "side", "began", "lasted", "severity", "value in V"),
        [*rows, *_rest(len(alerts), 6)],
        f"Nothing to show: no alert in the {ALERT_DAYS} days before the newest event.",
    )


def _alert_days(alerts: Sequence[Mapping[str, Any]], newest: int) -> list[tuple[str, int, int]]:
    """Every day from the first alert to the newest event, so that quiet days show."""
    found: dict[int, list[int]] = {}
    for one in alerts:
        day = found.setdefault(one["started"] // US_PER_DAY, [0, 0])
        day[int(one["severity"] == 2)] += 1
    days = range(min(found), max(newest // US_PER_DAY, max(found)) + 1)
    return [(moment(day * US_PER_DAY)[:10], *found.get(day, (0, 0))) for day in days]


def _alert_spans(alerts: Sequence[Mapping[str, Any]], newest: int) -> dict[str, list[tuple[int, int, int]]]:
    found: dict[str, list[tuple[int, int, int]]] = {}
    for one in alerts:
        span = (one["started"], newest if one["ended"] is None else one["ended"], one["severity"] or 1)
        found.setdefault(one["asset_id"], []).append(span)
    longest = sorted(found, key=lambda asset: (-sum(b - a for a, b, _ in found[asset]), asset))
    return {asset: found[asset] for asset in longest[:TIMELINE_ASSETS]}


def _run_table(runs: Sequence[Mapping[str, Any]]) -> TableView:
    rows = [
        (
            *(one["run_id"], stamp(one["started"]), _lasted(one), one["mode"], one["status"]),
            *(one["assets"], one["pairs"], one["parked"], one["events_replayed"]),
        )
        for one in runs
    ]
    columns = ("run", "began", "lasted", "mode", "status", "assets", "pairs", "parked", "events")
    return TableView(columns, rows, "Nothing to show: nothing has run yet (twins run).")


def _lasted(run: Mapping[str, Any]) -> str:
    return "not ended" if run["ended"] is None else told((run["ended"] - run["started"]) / 1e6)


def _run(run: Mapping[str, Any]) -> RunView:
    seconds = None if run["ended"] is None else (run["ended"] - run["started"]) / 1e6
    return RunView(moment(run["started"]).removesuffix(" UTC"), seconds, run["pairs"] or 0, run["parked"] or 0)
