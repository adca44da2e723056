"""Everything that an asset's dashboard shows, gathered from one publication of the store."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from actors.asset_tables import asset_tables
from actors.asset_tiles import about, tiles
from actors.effective import Effective
from actors.input_views import input_views
from actors.planning import Binder, Models
from altergo_interface import SelectionError
from altergo_interface.config import Settings
from altergo_interface.dashboards import AssetView, InputView, ModelView, OutputView, RecordView
from altergo_interface.dashboards.words import moment, shown
from altergo_interface.models import Registry
from event_store.facts import Facts
from event_store.pinned import Pinned
from twins import AssetSeries, Binding, Missing

_HEADS = """
select h.model, h.status, h.error, h.fingerprint, h.run_id, h.seq, epoch_us(h.head) as head,
       epoch_us(h.as_of) as as_of, epoch_us(r.started_at) as started, s.snapshots, s.newest
from store.heads h
left join store.runs r on r.run_id = h.run_id
left join (select model, count(*) filter (carry is not null) as snapshots,
                  max(epoch_us(as_of)) filter (carry is not null) as newest
           from store.snapshots where asset_id = $asset group by model) s on s.model = h.model
where h.asset_id = $asset order by h.model"""
_SKIPPED = "select model, missing from store.skipped where asset_id = $asset order by model"
_OUTPUTS = """
select model, "output", epoch_us(ts) as t, "value" as x, label from outputs
where asset_id = $asset and ts >= make_timestamptz($since) and ts < make_timestamptz($until)
union
select model, "output", epoch_us(ts), "value", label from latest_outputs
where asset_id = $asset and ts >= make_timestamptz($since) and ts < make_timestamptz($until)
order by model, "output", t"""
_RECORDS = """
select model, kind, cell, epoch_us(started_at) as started_at, epoch_us(ended_at) as ended_at, severity, "value",
       detail
from records where asset_id = $asset and started_at < make_timestamptz($until)
     and coalesce(ended_at, 'infinity') > make_timestamptz($since)
order by started_at, model, kind, cell"""

# The years that a DuckDB stamp and its arithmetic can hold, in µs.
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_000_000


@dataclass(frozen=True, slots=True)
class Range:
    """Event time to show, half-open, µs UTC; None: to the end of what is there."""

    since: int | None = None
    until: int | None = None

    @property
    def name(self) -> str:
        """What a file of it is called; empty for everything."""
        if self.since is None and self.until is None:
            return ""
        edges = ("" if edge is None else moment(edge)[:16].replace(" ", "T") for edge in (self.since, self.until))
        return "." + "_".join(edge.replace(":", "") for edge in edges)

    @property
    def given(self) -> dict[str, int]:
        """As a query takes it."""
        return {
            "since": EARLIEST if self.since is None else self.since,
            "until": LATEST if self.until is None else self.until,
        }


@dataclass(frozen=True)
class AssetLook:
    """One asset of a publication, as several pages may show it."""

    pin: Pinned
    asset_id: str
    range: Range
    registry: Registry
    settings: Settings
    models: Models
    effective: Sequence[Effective]
    facts: Facts

    def view(self, only: Collection[str] | None = None, title: str | None = None) -> AssetView:
        """What the asset's page shows; with `only` the page of these models."""
        models = [model for model in self._models if only is None or model.name in only]
        names = {model.name for model in models}
        bindings = {name: found for name, found in self._bindings.items() if name in names}
        inputs = self._inputs if only is None else input_views(bindings, self._series, self.models.specs)
        records = [record for record in self._records if record.model in names]
        series = self._series
        return AssetView(
            self.asset_id,
            title or self.asset_id,
            None if series is None else self._span(series),
            only is None,
            about(self.facts.assets[self.asset_id].parameters, self.facts.seq),
            f"twins dashboard {shlex.quote(self.asset_id)}",
            tiles(models, records),
            models,
            inputs,
            records,
            asset_tables(self, bindings, inputs, records),
            [found for binding in bindings.values() if isinstance(binding, Binding) for found in binding.assumed],
        )

    @cached_property
    def _bindings(self) -> Mapping[str, Binding | Missing]:
        return Binder(self.models, self.settings).bind(self.facts.assets[self.asset_id])

    @cached_property
    def _series(self) -> AssetSeries | None:
        found = self.pin.series(self.asset_id, self.facts)
        if found is not None and self.range.until is not None:
            found = found.before(self.range.until)
        found = None if found is None else found.since(self.range.since)
        return found if found is not None and len(found) else None

    def check_range(self) -> None:
        """Raises SelectionError where a range was asked for in which there are no events."""
        if self.range != Range() and self._series is None:
            asset = self.facts.assets[self.asset_id]
            there = f"It has {moment(asset.first_ts)} to {moment(asset.last_ts)}" if asset.last_ts else "It has none"
            raise SelectionError(f"no events of '{self.asset_id}' in this range", there)

    @cached_property
    def _inputs(self) -> list[InputView]:
        return input_views(self._bindings, self._series, self.models.specs)

    def _span(self, series: AssetSeries) -> tuple[int, int]:
        """From the first event in range to the last; what a range asks for counts as far as there are events."""
        columns = [series.events[sensor][0] for sensor in series.events]
        return min(int(t[0]) for t in columns), max(int(t[-1]) for t in columns)

    @cached_property
    def _outputs(self) -> dict[str, list[OutputView]]:
        rows = self.pin.columns(_OUTPUTS, asset=self.asset_id, **self.range.given)
        found: dict[str, list[OutputView]] = {}
        keys = np.char.add(np.char.add(rows["model"].astype(str), "\n"), rows["output"].astype(str))
        for key, at in zip(*np.unique(keys, return_index=True), strict=True):
            model, _, name = str(key).partition("\n")
            part = slice(int(at), int(np.searchsorted(keys, key, side="right")))
            found.setdefault(model, []).append(self._output(model, name, {k: v[part] for k, v in rows.items()}))
        return {model: self._declared_order(model, outputs) for model, outputs in found.items()}

    def _output(self, model: str, name: str, rows: Mapping[str, Any]) -> OutputView:
        spec = self.registry.get(model)
        declared = None if spec is None else spec.manifest.output(name)
        unit, text = (None, "") if declared is None else (declared.unit, declared.description)
        labels = np.ma.filled(rows["label"], "") if np.ma.isMaskedArray(rows["label"]) else rows["label"]
        words = [str(word) for word in labels if word]
        t, x = np.asarray(rows["t"], np.int64), np.asarray(np.ma.filled(rows["x"], np.nan), float)
        if not words:
            unit, x = shown(unit, x)
            return OutputView(name, unit, text, t, x)
        known = tuple(sorted(set(words)))
        codes = np.array([known.index(str(word)) if word else np.nan for word in labels], dtype=float)
        return OutputView(name, unit, text, t, codes, known)

    def _declared_order(self, model: str, outputs: list[OutputView]) -> list[OutputView]:
        spec = self.registry.get(model)
        order = list(spec.manifest.outputs) if spec is not None else []
        return sorted(outputs, key=lambda o: (order.index(o.name) if o.name in order else len(order), o.name))

    @cached_property
    def _records(self) -> list[RecordView]:
        rows = self.pin.rows(_RECORDS, asset=self.asset_id, **self.range.given)
        return [RecordView(**row) for row in rows]

    @cached_property
    def _models(self) -> list[ModelView]:
        heads = {row["model"]: row for row in self.pin.rows(_HEADS, asset=self.asset_id)}
        skipped = {row["model"]: row["missing"] for row in self.pin.rows(_SKIPPED, asset=self.asset_id)}
        names = [*self.models.specs, *(name for name in heads if name not in self.models.specs)]
        return [self._model(name, heads.get(name), skipped.get(name)) for name in names]

    def _model(self, name: str, head: Mapping[str, Any] | None, missing: str | None) -> ModelView:
        spec, now = self.registry.get(name), self.models.fingerprints.get(name)
        title = name if spec is None or spec.manifest.name in ("", name) else f"{spec.manifest.name} ({name})"
        bound = self._bindings.get(name)
        missing = missing or (bound.what if isinstance(bound, Missing) else None)
        if head is None:
            status = "skipped" if missing else "new"
            problem = f"It needs {missing}." if missing else "It has not run for this asset yet: twins run"
            return ModelView(name, title, status, problem, False, (), ())
        status, problem = head["status"], head["error"] or ""
        if missing:
            status, problem = "skipped", f"It needs {missing}. What is shown is of the last run that had it."
        stale = now is not None and head["fingerprint"] is not None and head["fingerprint"] != now.value
        version = () if spec is None else (("version", spec.manifest.version),)
        provenance = (*version, *_provenance(head))
        silent = spec is not None and not spec.manifest.outputs
        return ModelView(name, title, status, problem, stale, provenance, self._outputs.get(name, ()), silent)


def _provenance(head: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    snapshots = f"{head['snapshots'] or 0}, the newest of {moment(head['newest'])}" if head["newest"] else "none yet"
    return (
        ("results up to", moment(head["as_of"])),
        ("closed up to (head)", moment(head["head"]) or "nothing yet"),
        ("events up to sequence", str(head["seq"])),
        ("run", f"{head['run_id']}, {moment(head['started'])}" if head["started"] else str(head["run_id"])),
        ("snapshots", snapshots),
        ("fingerprint", head["fingerprint"] or "none: never good"),
    )
