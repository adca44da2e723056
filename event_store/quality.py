"""The view `quality`: what the model `data_quality` recorded, and for assets that it has not seen a plain count."""

from collections.abc import Iterable

QUALITY_MODEL = "data_quality"

UNSEEN = f"""
select bucket from store.assets a where events > 0 and not exists (
    select 1 from store.heads h where h.asset_id = a.asset_id and h.model = '{QUALITY_MODEL}' and h.status = 'ok')
group by bucket order by bucket
"""
"""The buckets of assets whose quality no run has looked at, or not to the end."""

_COUNTS = ("samples", "gaps", "gap_s", "out_of_range", "stuck", "contradictions")


def quality_view(records: str, events: str | None) -> str:
    """The view over the newest record versions; `events` are those of the unseen assets' buckets, None: all are seen.

    A plain count knows gaps and declared ranges; what is stuck or contradicts itself only the model tells (null).
    """
    counted = "" if events is None else f"union all by name {_counted(events)}"
    return f"""
create or replace view main.quality as
with told as (
    select asset_id, cell as sensor, (started_at at time zone 'UTC')::date as day, {_columns(_COUNTS)}
    from ({records}) r where kind = 'quality' and model = '{QUALITY_MODEL}' and {_seen("r")}),
days as (select * from told {counted})
select asset_id, sensor, day, samples, gaps, gap_s, out_of_range, stuck,
       coalesce(d.duplicates, 0) as duplicates, contradictions
from days left join store.duplicates d using (asset_id, sensor, day);
"""


def _columns(names: Iterable[str]) -> str:
    kinds = {"gap_s": "double"}
    return ", ".join(f"(detail::json ->> '$.{name}')::{kinds.get(name, 'bigint')} as {name}" for name in names)


def _seen(row: str) -> str:
    return f"""exists (select 1 from store.heads h
        where h.asset_id = {row}.asset_id and h.model = '{QUALITY_MODEL}' and h.status = 'ok')"""


def _counted(events: str) -> str:
    return f"""
    select asset_id, sensor, day, count(*) as samples,
           count(*) filter (step_s > max_interval_s) as gaps,
           coalesce(sum(step_s) filter (step_s > max_interval_s), 0) as gap_s,
           count(*) filter (value < low or value > high) as out_of_range,
           null::bigint as stuck, null::bigint as contradictions
    from (select e.asset_id, e.sensor, (e.ts at time zone 'UTC')::date as day, e.value, r.low, r.high,
                 coalesce(5 * try_cast(c.value as double), r.max_interval_s, 120) as max_interval_s,
                 epoch(e.ts) - epoch(lag(e.ts) over (partition by e.asset_id, e.sensor order by e.ts)) as step_s
          from ({events}) e
          left join store.sensor_rules r on r.sensor = e.sensor
          left join (select asset_id, arg_max(value, seq) as value from store.parameters
                     where name = 'cadence_s' group by asset_id) c on c.asset_id = e.asset_id
          where not {_seen("e")})
    group by asset_id, sensor, day"""
