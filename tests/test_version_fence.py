"""A batch whose pairs have moved since it was handed out is left out, and no other with it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from actors import Fleet
from event_store.commit import GroupResult, RunRef, commit_group


def test_a_batch_that_comes_twice_counts_once(
    ingested: Fleet, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[tuple[RunRef, Sequence[GroupResult]]] = []

    def hold(_: object, run: RunRef, results: Sequence[GroupResult]) -> int:
        held.append((run, results))
        return 0

    monkeypatch.setattr("actors.running.commit_group", hold)
    ingested.run(local=True)
    ((run, results),) = held
    first, second = results  # an asset each, because their buckets differ
    catalog = ingested.store().catalog
    for given, stale in (([first], 0), ([first, second], 1), ([second, first], 2)):
        with catalog.transaction("test") as con:
            assert commit_group(con, run, given) == stale
    ingested.publish()
    assert ingested.digest() == Fleet(prepared / "ran", prepared / "settings.json").digest()
    assert ingested.sql("select count(*) = count(distinct (asset_id, model)) from twin_state").fetchall() == [(True,)]
