"""What befalls a store in the tests of where its segments lie, and what is left of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import fs

from actors import Fleet
from event_store import object_store

VIEWS = ("events", "outputs", "records", "latest_outputs", "twin_state", "assets", "sensors", "quality")
DAY = pd.Timedelta(days=1)


class Story:
    """What befalls a store: several runs over new, late, corrected and retracted events, and all housekeeping."""

    def __init__(self, fleet: Fleet, events: pd.DataFrame, assets: Path) -> None:
        self.fleet = fleet
        self._events = events
        self._assets = assets

    def _ingest(self, name: str, rows: pd.DataFrame) -> str:
        path = self._assets.with_name(f"{name}.parquet")
        if not path.exists():
            rows.to_parquet(path)
        return self.fleet.ingest(path).batch

    def _between(self, low: float, high: float) -> pd.DataFrame:
        start = self._events.ts.min()
        return self._events[(self._events.ts >= start + low * DAY) & (self._events.ts < start + high * DAY)]

    def begin(self) -> None:
        self.fleet.import_assets(self._assets)
        self._ingest("first", self._between(0, 2.5))
        assert not self.fleet.run(local=True).parked

    def arrive(self) -> None:
        late = self._between(1.25, 1.5)
        self._ingest("late", late.assign(value=late.value + 0.01))
        self._ingest("new", self._between(2.5, 4))

    def go_on(self) -> None:
        self.arrive()
        self.fleet.run(local=True)
        late = self._between(1.25, 1.5)
        undone = self._ingest("undone", late.assign(value=late.value + 0.02))
        self.fleet.run(local=True)
        self.fleet.retract(undone)
        self.fleet.run(local=True)

    def tidy(self) -> None:
        assert self.fleet.compact(every=True).places > 0
        self.fleet.gc(grace_s=0)
        self.fleet.purge("EV-2")
        found = self.fleet.verify()
        assert (found.findings, found.orphans) == ([], 0)
        assert found.pairs_replayed > 0

    def told(self) -> dict[str, list[Any]]:
        """All that the views say of results."""
        queries = {view: f"from {view} order by all" for view in VIEWS}
        queries["twin_state"] = "select asset_id, model, as_of, state::json from twin_state order by all"
        return {view: self.fleet.sql(query).fetchall() for view, query in queries.items()}


Tell = Callable[[str | None], Story]


def objects(uri: str) -> list[str]:
    """The keys of a bucket, below its name."""
    bucket = uri.removeprefix("s3://").partition("/")[0]
    found = object_store.connect().get_file_info(fs.FileSelector(bucket, recursive=True))
    return [info.path.removeprefix(f"{bucket}/") for info in found if info.is_file]
