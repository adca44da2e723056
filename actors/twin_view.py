"""One asset replayed in-process for looking at: the engine's own replay, with nothing written."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from actors.planning import Binder, enabled_models
from actors.times import iso, parse_range, parse_time
from actors.twin_actor import TwinActor
from actors.work import AssetWork, PairWork
from altergo_interface import SelectionError, SettingsError
from altergo_interface.config import ModelSettings, Settings
from altergo_interface.display import SHOWN, Displayed, Rows, Summary, counted
from altergo_interface.models import Registry, find_model
from altergo_interface.records import Record
from event_store.facts import Facts, read_carries, read_log_segments, sequence_at, unchanged_before
from event_store.log import read_assets
from event_store.store import Store, last_seq
from twins import AssetSeries, Binding, Missing, Replay
from twins.grid import UTC_DAYS

if TYPE_CHECKING:
    import pandas as pd  # takes a second to import: only a replay that shows its outputs does so


@dataclass(frozen=True, slots=True, repr=False)
class TwinReplay(Displayed):
    """What a replay gave: per model its state, last outputs, outputs as a DataFrame, records, or its error."""

    asset_id: str
    as_of: int
    seq: int
    state: Mapping[str, dict[str, Any]]
    latest: Mapping[str, dict[str, float | str]]
    outputs: "Mapping[str, pd.DataFrame]"
    records: Mapping[str, list[Record]]
    errors: Mapping[str, str]
    skipped: Mapping[str, str]
    events: int

    def _summary(self) -> Summary:
        """Its extent, and the last outputs of each model, or why it has none."""
        records = sum(map(len, self.records.values()))
        facts = [
            f"as of {iso(self.as_of)}",
            counted(self.events, "event"),
            *(f"{name} ok" for name in self.state),
            *(f"{name} failed" for name in self.errors),
            *(f"{name} skipped" for name in self.skipped),
            counted(records, "record"),
        ]
        rows: list[tuple[object, ...]] = [(m, o, x) for m, latest in self.latest.items() for o, x in latest.items()]
        rows += [(model, "failed", error) for model, error in self.errors.items()]
        rows += [(model, "skipped", f"no {missing}") for model, missing in self.skipped.items()]
        return Summary(f"Replay of {self.asset_id}", facts, Rows(("model", "output", "last value"), rows, len(rows)))


class AssetTwin(Displayed):
    """One asset of a fleet."""

    def __init__(self, store: Store, facts: Facts, asset_id: str, registry: Registry, settings: Settings) -> None:
        self._store = store
        self._facts = facts
        self._asset = facts.assets[asset_id]
        self._registry = registry
        self._settings = settings

    def _summary(self) -> Summary:
        """What the log has of it, and how far each model has come."""
        asset, heads = self._asset, self._facts.heads.get(self._asset.asset_id, {})
        known = {fact.name: fact.value for fact in asset.parameters}
        facts = [
            counted(asset.events, "event"),
            f"{iso(asset.first_ts)} to {iso(asset.last_ts)}" if asset.events else "no time",
            counted(len(asset.sensors), "sensor"),
            *(_named(name, known[name]) for name in ("chemistry", "capacity") if name in known),
            f"sequence {self._facts.seq}",
        ]
        rows = [(head.model, head.status, iso(head.as_of), iso(head.head)) for head in heads.values()]
        table = Rows(("model", "status", "as of", "closed up to"), rows[:SHOWN], len(rows))
        return Summary(f"Twin {asset.asset_id}", facts, table)

    def replay(
        self, since: str | None = None, until: str | None = None, overrides: Mapping[str, Any] | None = None
    ) -> TwinReplay:
        """Replay the asset from its first event up to `until`, and give the outputs from `since` on.

        `overrides` are configuration values by `model.key`. Times are ISO 8601, half-open; naive ones are UTC.
        Raises SelectionError where no event lies before `until`.
        """
        first, end = parse_range(since, until)
        settings = with_overrides(self._settings, overrides or {}, self._registry)
        series = self._load(end)
        return self._fold(settings, series, first, lambda *_: None)

    def state(self, at: str | None = None) -> dict[str, Any]:
        """The twin's state by today's models and settings over the events before `at` and the parameters, as far as
        they were known at the sequence of the facts that this was made with.

        It goes on from the newest snapshot that is still good, else from the first event.
        """
        series = self._load(None if at is None else parse_time(at, "--at"))
        found = self._fold(self._settings, series, None, self._snapshot)
        models: dict[str, Any] = {
            name: {"state": state, "outputs": found.latest[name], "status": "ok"}
            for name, state in found.state.items()
        }
        for name, error in found.errors.items():
            models[name] = {"state": None, "outputs": {}, "status": "parked", "error": error}
        for name, missing in found.skipped.items():
            models[name] = {"state": None, "outputs": {}, "status": "skipped", "missing": missing}
        return {"asset_id": found.asset_id, "as_of": iso(found.as_of), "seq": found.seq, "models": models}

    def _load(self, until: int | None) -> AssetSeries:
        asset = self._asset
        with self._store.catalog.session("replay") as con:
            segments = read_log_segments(con, self._facts.seq, [asset.bucket]).get(asset.bucket, ())
        found = read_assets(self._store.files, segments, {asset.asset_id: None}).get(asset.asset_id)
        if found is not None and until is not None:
            found = found.before(until)
        if found is None:
            known = f"{asset.asset_id}: no events{' before that time' if until is not None else ' yet'}"
            raise SelectionError(known, "See: twins assets list")
        return found

    def _fold(
        self,
        settings: Settings,
        series: AssetSeries,
        since: int | None,
        snapshot: Callable[[str, int], tuple[int, str] | None],
    ) -> TwinReplay:
        work, skipped = self._work(settings, series, snapshot)
        actor = TwinActor(work, self._registry, settings)
        actor.load(series)
        outcomes = actor.replay()
        done = {outcome.work.model: outcome.replayed for outcome in outcomes if outcome.replayed is not None}
        return TwinReplay(
            self._asset.asset_id,
            series.newest,
            self._facts.seq,
            {model: json.loads(result.state.model_dump_json()) for model, result in done.items()},
            {model: {name: x for name, (_, x) in sorted(r.latest.items())} for model, r in done.items()},
            {model: _frame(result, since) for model, result in done.items()},
            {model: _records(result, since) for model, result in done.items()},
            {o.work.model: o.error for o in outcomes if o.result is None},
            skipped,
            len(series),
        )

    def _work(
        self, settings: Settings, series: AssetSeries, snapshot: Callable[[str, int], tuple[int, str] | None]
    ) -> tuple[AssetWork, dict[str, str]]:
        """Work orders for all models that the asset can feed, as far as the loaded events say."""
        models = enabled_models(self._registry, settings)
        asset = self._asset._replace(sensors=frozenset(series.events))
        bindings = Binder(models, settings).bind(asset)
        linked = {u for b in bindings.values() if isinstance(b, Binding) for u in b.upstream}
        pairs, skipped = [], {}
        for name, binding in bindings.items():
            if isinstance(binding, Missing):
                skipped[name] = binding.what
                continue
            # What feeds others, and what is fed, has to be replayed over the same time: all of it.
            alone = not binding.upstream and name not in linked
            head = self._facts.heads.get(asset.asset_id, {}).get(name)
            alone = alone and (head is None or head.choices == binding.choices)
            start, carry = (snapshot(name, series.newest) if alone else None) or (None, None)
            above = tuple(sorted(binding.upstream))
            pairs.append(PairWork(name, (), models.fingerprints[name].value, 0, start, carry, start, above=above))
        return AssetWork(asset.asset_id, asset.sensors, asset.parameters, tuple(pairs)), skipped

    def _snapshot(self, model: str, newest: int) -> tuple[int, str] | None:
        """The newest stored edge and carry of a model that are good for the log as it was known at this sequence."""
        models = enabled_models(self._registry, self._settings)
        head = self._facts.heads.get(self._asset.asset_id, {}).get(model)
        if head is None or head.fingerprint is None or head.fingerprint != models.fingerprints.get(model):
            return None
        with self._store.catalog.session("state") as con:
            latest = min(
                UTC_DAYS.floor(newest), unchanged_before(con, self._asset.asset_id, head.seq, self._facts.seq)
            )
            edges = sorted((rung.at for rung in head.edges if rung.full and rung.at <= latest), reverse=True)
            carries = read_carries(con, [(self._asset.asset_id, model, edge) for edge in edges[:1]])
        return next(((edge, carry) for (_, _, edge), carry in carries.items()), None)


def _named(name: str, value: Any) -> str:
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def sequence_of(con: duckdb.DuckDBPyConnection, known_at: str | int | None) -> int | None:
    """A sequence of the log as given, or that of an ISO 8601 time; None: the newest.

    Raises SelectionError for one that is still to come.
    """
    if known_at is None:
        return None
    text = str(known_at)
    if not text.isdecimal():
        return sequence_at(con, parse_time(text, "--known-at"))
    last = last_seq(con)
    if int(text) > last:
        raise SelectionError(f"--known-at {text}: the newest sequence is {last}", "See: twins batches list")
    return int(text)


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
    # Columns of numbers are of floats also beside one of labels.
    return rows.reset_index().pivot(index="ts", columns="output", values="value").infer_objects()


def _records(result: Replay, since: int | None) -> list[Record]:
    """The newest version of every record that was not over before `since`."""
    newest = {(r.kind, r.cell, r.started_at): r for part in (result.closed, result.open) for r in part.records}
    return [r for r in newest.values() if since is None or r.ended_at is None or r.ended_at >= since]
