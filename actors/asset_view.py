"""Everything that an asset's dashboard shows, gathered from one publication of the store."""

import math
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from actors.asset_tables import asset_tables
from actors.effective import Effective
from actors.input_views import input_views
from actors.planning import Binder, Models
from altergo_interface import SelectionError
from altergo_interface.config import Settings
from altergo_interface.dashboards import AssetView, InputView, ModelView, OutputView, RecordView
from altergo_interface.dashboards.words import moment, number
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
        inputs = self._inputs if only is None else input_views(bindings, self._series)
        records = [record for record in self._records if record.model in names]
        series = self._series
        return AssetView(
            self.asset_id,
            title or self.asset_id,
            None if series is None else self._span(series),
            only is None,
            self.range != Range(),
            f"twins dashboard {shlex.quote(self.asset_id)}",
            self._identity(models, records),
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

    @cached_property
    def _inputs(self) -> list[InputView]:
        return input_views(self._bindings, self._series)

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

    def _identity(self, models: Sequence[ModelView], records: Sequence[RecordView]) -> list[tuple[str, str]]:
        latest = {o.name: o for model in models for o in model.outputs if len(o.t) and not o.labels}
        found = [("sequence", str(self.facts.seq))]
        for title, name in _HEADLINE:
            if name in latest:
                found.append((title, _told(latest[name], latest.get(f"{name}_uncertainty"))))
        alerts = sum(record.kind == "alert" and record.ended_at is None for record in records)
        if any(model.name == "voltage_monitor" and model.provenance for model in models):
            found.append(("open alerts", str(alerts)))
        return found


_HEADLINE = (
    ("equivalent cycles", "equivalent_cycles"),
    ("state of charge", "soc"),
    ("available energy", "available_energy"),
    ("voltage margin", "voltage_margin"),
    ("imbalance", "soc_imbalance"),
)


def _told(output: OutputView, sigma: OutputView | None) -> str:
    """The newest known value, in percent where it is a fraction, with no more digits than its uncertainty has."""
    unit = output.unit or ""
    factor, unit = (100.0, "%") if unit == "fraction" else (1.0, unit)
    known = output.x[np.isfinite(output.x)] * factor
    spread = 0.0 if sigma is None or not np.isfinite(sigma.x[-1]) else float(sigma.x[-1]) * factor
    if len(known) == 0:
        return "unknown"
    if spread <= 0:
        return f"{number(float(known[-1]))} {unit}".rstrip()
    places = max(0, 1 - math.floor(math.log10(spread)))
    return f"{known[-1]:,.{places}f} ± {spread:,.{places}f} {unit}".rstrip()


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


def check_range(found: Range, since: str | None, until: str | None) -> Range:
    """Raises SelectionError for a range that holds no time."""
    if found.since is not None and found.until is not None and found.since >= found.until:
        raise SelectionError(f"--from {since} is not before --to {until}", "Ranges are half-open")
    return found
