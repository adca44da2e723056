"""One asset replayed in-process for looking at: the engine's own replay, with nothing written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from actors.planning import enabled_models
from actors.times import parse_time
from actors.twin_actor import TwinActor
from actors.work import AssetWork, PairWork
from altergo_interface import SelectionError, SettingsError
from altergo_interface.config import ModelSettings, Settings
from altergo_interface.models import Registry, find_model
from altergo_interface.records import Record
from event_store.facts import Facts, read_log_segments
from event_store.log import read_assets
from event_store.store import Store
from twins import AssetSeries, Missing, Replay, bind

if TYPE_CHECKING:
    import pandas as pd  # takes a second to import: only a replay that shows its outputs does so


@dataclass(frozen=True, slots=True)
class TwinReplay:
    """What a replay gave: state per model, outputs per model as a DataFrame, records, and errors by model."""

    asset_id: str
    as_of: int
    seq: int
    state: Mapping[str, dict[str, Any]]
    outputs: "Mapping[str, pd.DataFrame]"
    records: Mapping[str, list[Record]]
    errors: Mapping[str, str]
    skipped: Mapping[str, str]
    events: int


class AssetTwin:
    """One asset of a fleet."""

    def __init__(self, store: Store, facts: Facts, asset_id: str, registry: Registry, settings: Settings) -> None:
        self._store = store
        self._facts = facts
        self._asset = facts.assets[asset_id]
        self._registry = registry
        self._settings = settings

    def replay(
        self, since: str | None = None, until: str | None = None, overrides: Mapping[str, Any] | None = None
    ) -> TwinReplay:
        """Replay the asset from its first event up to `until`, and give the outputs from `since` on.

        `overrides` are configuration values by `model.key`. Times are ISO 8601, half-open; naive ones are UTC.
        Raises SelectionError where no event lies before `until`.
        """
        if since and until and parse_time(since, "--from") >= parse_time(until, "--to"):
            raise SelectionError(f"--from {since} is not before --to {until}", "Ranges are half-open")
        settings = with_overrides(self._settings, overrides or {}, self._registry)
        series = self._load(until)
        work, skipped = self._work(settings)
        actor = TwinActor(work, self._registry, settings)
        actor.load(series)
        outcomes = actor.replay()
        done = {outcome.work.model: outcome.result for outcome in outcomes if outcome.result is not None}
        first = parse_time(since, "--from") if since else None
        return TwinReplay(
            self._asset.asset_id,
            series.newest,
            self._facts.seq,
            {model: json.loads(result.state.model_dump_json()) for model, result in done.items()},
            {model: _frame(result, first) for model, result in done.items()},
            {model: _records(result, first) for model, result in done.items()},
            {o.work.model: o.error for o in outcomes if o.result is None},
            skipped,
            len(series),
        )

    def _load(self, until: str | None) -> AssetSeries:
        asset = self._asset
        with self._store.catalog.session("replay") as con:
            segments = read_log_segments(con, self._facts.seq, [asset.bucket]).get(asset.bucket, ())
        found = read_assets(self._store.paths.root, segments, {asset.asset_id: None}).get(asset.asset_id)
        if found is not None and until is not None:
            found = found.before(parse_time(until, "--to"))
        if found is None:
            raise SelectionError(
                f"{asset.asset_id}: no events{' before --to' if until else ' yet'}", "Ingest some first"
            )
        return found

    def _work(self, settings: Settings) -> tuple[AssetWork, dict[str, str]]:
        asset, models = self._asset, enabled_models(self._registry, settings)
        pairs, skipped = [], {}
        for name, spec in models.specs.items():
            bound = bind(name, spec.manifest, settings, asset.sensors, asset.parameters)
            if isinstance(bound, Missing):
                skipped[name] = bound.what
            else:
                pairs.append(PairWork(name, ("replay",), models.fingerprints[name], 0, None, None))
        return AssetWork(asset.asset_id, asset.sensors, asset.parameters, tuple(pairs)), skipped


def with_overrides(settings: Settings, overrides: Mapping[str, Any], registry: Registry) -> Settings:
    """The settings with configuration values by `model.key`. Raises SettingsError for a wrong key."""
    models = dict(settings.models)
    for path, value in overrides.items():
        name, dot, key = path.partition(".")
        if not dot:
            raise SettingsError(f"--set {path}: no 'model.key'", "For example --set eq_cycles.deadband_a=0.02")
        spec = find_model(registry, name)
        block = models.get(name, ModelSettings())
        configuration = {**block.configuration, key: value}
        spec.manifest.effective_configuration(configuration, f"--set {name}")
        models[name] = block.model_copy(update={"configuration": configuration})
    return settings.model_copy(update={"models": models})


def _frame(result: Replay, since: int | None) -> "pd.DataFrame":
    """Outputs as columns on the union of their stamps, UTC."""
    import pandas as pd

    pieces = []
    for part in (result.closed, result.open):
        for name, (t, x) in part.columns().items():
            index = pd.DatetimeIndex(t.view("M8[us]"), tz="UTC", name="ts")
            pieces.append(pd.DataFrame({"output": name, "value": x}, index=index))
    if not pieces:
        return pd.DataFrame(index=pd.DatetimeIndex(np.empty(0, "M8[us]"), tz="UTC", name="ts"))
    rows = pd.concat(pieces)
    if since is not None:
        rows = rows[rows.index >= pd.Timestamp(since, unit="us", tz="UTC")]
    return rows.reset_index().pivot(index="ts", columns="output", values="value")


def _records(result: Replay, since: int | None) -> list[Record]:
    """The newest version of every record that was not over before `since`."""
    newest = {(r.kind, r.cell, r.started_at): r for part in (result.closed, result.open) for r in part.records}
    return [r for r in newest.values() if since is None or r.ended_at is None or r.ended_at >= since]
