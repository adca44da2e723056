"""What a run holds in memory is bounded: by the batch, or by the largest asset, and never by the fleet."""

import gc
import math
import random
import weakref

import pytest

from actors import host, local, running
from actors.work_source import BATCH_ASSETS, BATCH_EVENTS, grouped
from event_store.catalog import ROW_GROUP_ROWS, one
from event_store.merge_events import newest_events
from event_store.segments import Segment
from twins import Fingerprint, PlanItem

MADE = Fingerprint.of({"code": {"toy.py": "1"}, "tables": {}, "configuration": {}, "upstream": {}})


def item(asset, model, bucket, events):
    return PlanItem(asset, model, bucket, ("new_asset",), None, 0, 1, events, 0, MADE)


@pytest.mark.parametrize("largest", [1_000, BATCH_EVENTS // 3, 3 * BATCH_EVENTS])
def test_a_batch_holds_a_bounded_number_of_events_and_assets(largest):
    rng = random.Random(largest)
    sizes = {f"EV-{number}": rng.randrange(1, largest) for number in range(2_000)}
    items = [item(a, m, int(a[3:]) % 3, n) for a, n in sizes.items() for m in ("one", "two")]
    groups = list(grouped(items))
    for group in groups:
        assert len(group.assets) <= BATCH_ASSETS
        assert group.events == sum(sizes[asset] for asset in group.assets)
        assert group.events <= BATCH_EVENTS or len(group.assets) == 1
        assert {int(asset[3:]) % 3 for asset in group.assets} == {group.bucket}
    handed_out = [pair for group in groups for pairs in group.assets.values() for pair in pairs]
    assert sorted(handed_out) == sorted(items)


def test_work_is_prepared_as_it_is_drawn(ingested, monkeypatch):
    monkeypatch.setattr(running, "COMMIT_PAIRS", 1)
    monkeypatch.setattr(running, "BATCH_ASSETS", 1)
    out = []

    def run(self, source):
        while (batch := source.draw()) is not None:
            with ingested.store().catalog.session("test") as con:
                out.append(one(con, "select count(*) from store.attempts where status = 'running'"))
            yield self._host.run(batch)

    monkeypatch.setattr(local.LocalPool, "run", run)
    assert ingested.run(local=True).pairs == 4
    assert out == [2, 2]  # one asset's pairs at a time


def test_a_host_keeps_nothing_of_a_batch(ingested, monkeypatch):
    columns, kept, read_assets = [], [], host.read_assets

    def read(*args):
        found = read_assets(*args)
        columns.extend(weakref.ref(t) for series in found.values() for t, _ in series.events.values())
        return found

    monkeypatch.setattr(host, "read_assets", read)

    def run(self, source):
        while (batch := source.draw()) is not None:
            result = self._host.run(batch)
            gc.collect()
            kept.append(sum(column() is not None for column in columns))
            yield result

    monkeypatch.setattr(local.LocalPool, "run", run)
    ingested.run(local=True)
    assert columns
    assert set(kept) == {0}


def test_a_long_plan_is_shown_in_part(ingested, twins, monkeypatch):
    made = []
    monkeypatch.setattr("actors.cli.run.SHOWN", 1)
    monkeypatch.setattr("actors.plan_file._item", lambda item: made.append(item) or {"days": 1.0})
    twins("plan")
    assert len(made) == 1


def segment(rows, first_seq, seq):
    place = (f"{first_seq}-{seq}.parquet", "event", 0, "2026-01")
    return Segment(*place, rows, 8 * rows, 0, 1, first_seq, seq, False, False, "")


def test_merging_every_day_writes_a_row_a_few_times_and_leaves_few_segments():
    days, per_day, rows = 365, 20, 1_000
    segments, written = [], 0
    for day in range(days):
        first = day * per_day
        segments += [segment(rows, seq, seq) for seq in range(first, first + per_day)]
        newest = newest_events(segments)
        left = segments[: len(segments) - len(newest)]
        assert [*left, *newest] == segments
        assert all(s.seq < newest[0].first_seq for s in left)  # no batch lies between the merged ones
        written += sum(s.rows for s in newest)
        segments = [*left, segment(sum(s.rows for s in newest), newest[0].first_seq, newest[-1].seq)]
        assert len(segments) <= 1 + math.log2(day + 1) + 1
    assert sum(s.rows for s in segments) == days * per_day * rows
    assert written <= days * per_day * rows * math.log2(days)


def test_segments_whose_batches_overlap_are_merged_together():
    old, new = [segment(1_000, 1, 9), segment(10, 5, 5), segment(10, 10, 10)], segment(10, 11, 11)
    assert newest_events([*old, new]) == [*old, new]


def test_a_checkpoint_of_the_catalog_merges_small_row_groups_alone(ingested):
    catalog = ingested.store().catalog
    for number in range(8):
        with catalog.transaction("test") as con:
            con.execute("insert into store.lost select i, 'm', ? from range(5000) r(i)", [number])
    with catalog.session("test") as con:
        counts = con.execute(
            "select row_group_id, max(count) from pragma_storage_info('store.lost') where segment_type <> 'VALIDITY'"
            " group by all"
        ).fetchall()
    assert len(counts) >= 3
    assert max(count for _, count in counts) <= ROW_GROUP_ROWS
