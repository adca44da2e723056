"""The tables of an asset's dashboard: parameters, mapping, declarations, configuration, faults, records."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from actors.wording import told
from altergo_interface.dashboards import InputView, RecordView, TableView
from altergo_interface.dashboards.words import cell, stamp
from altergo_interface.manifest import InputSpec
from altergo_interface.sensors import SensorRule, matches, rule_for
from twins import Binding, Missing
from twins.binding import value_at

if TYPE_CHECKING:
    from actors.asset_view import AssetLook

SHOWN_RECORDS = 200
NEWEST = 2**62
"""Behind all event time, µs UTC: the value of a dated parameter that came last."""

_QUALITY = """
select sensor, sum(samples)::bigint as samples, sum(gaps)::bigint as gaps, sum(gap_s) as gap_s,
       sum(out_of_range)::bigint as out_of_range, sum(stuck)::bigint as stuck,
       sum(duplicates)::bigint as duplicates, sum(contradictions)::bigint as contradictions
from quality where asset_id = $asset
     and day::timestamptz + interval 1 day > make_timestamptz($since) and day::timestamptz < make_timestamptz($until)
group by sensor order by sensor"""
_SENSORS = """
select sensor, events, epoch_us(first_ts) as first_ts, epoch_us(last_ts) as last_ts
from sensors where asset_id = $asset order by sensor"""
_SOURCES = "select seq, file from batches"


def asset_tables(
    look: "AssetLook",
    bindings: Mapping[str, Binding | Missing],
    inputs: Sequence[InputView],
    records: Sequence[RecordView],
) -> dict[str, TableView]:
    """All tables by name."""
    return {
        "parameters": _parameters(look),
        "mapping": TableView(
            ("model", "input", "fed by", "unit", "mapped by"),
            [row for name, binding in bindings.items() for row in _mapping(look, name, binding)],
            "Nothing to show: no model is enabled.",
        ),
        "sensors": _sensors(look, inputs),
        "configuration": _configuration(look, bindings),
        "quality": _quality(look, bindings),
        "records": _records([one for one in records if one.kind != "rest"]),
        "rests": _records([one for one in records if one.kind == "rest"]),
    }


def _parameters(look: "AssetLook") -> TableView:
    files = {row["seq"]: row["file"] for row in look.pin.rows(_SOURCES)}
    facts = sorted(look.facts.assets[look.asset_id].parameters, key=lambda f: (f.name, f.valid_from or 0, f.seq))
    rows = [
        (f.name, cell(f.value), stamp(f.valid_from) or "always", f"{files.get(f.seq, '')} (sequence {f.seq})")
        for f in facts
    ]
    return TableView(
        ("parameter", "value", "valid from", "source"),
        rows,
        "Nothing to show: the registry knows nothing of this asset (twins assets import).",
    )


def _mapping(look: "AssetLook", model: str, binding: Binding | Missing) -> Iterator[tuple[object, ...]]:
    spec = look.registry[model]
    origins = {one.key: one.origin for one in look.effective}
    for name, declared in spec.manifest.inputs.items():
        fed, unit = _fed(look, name, declared, binding)
        yield model, name, fed, unit, origins.get(f"models.{model}.inputs.{name}", "")


def _fed(look: "AssetLook", name: str, declared: InputSpec, binding: Binding | Missing) -> tuple[str, str]:
    """What feeds an input, and from which unit to which."""
    if isinstance(binding, Missing):
        return f"nothing: the model needs {binding.what}", declared.unit or ""
    if name in binding.series:
        one = binding.series[name]
        return one.sensor, _units(one.sensor, look, one.declared)
    if name in binding.tables:
        group = binding.tables[name]
        return f"{binding.groups[name]} ({len(group)} sensors)", _units(group[0].sensor, look, group[0].declared)
    if name in binding.constants:
        source = binding.constants[name]
        value = value_at(look.facts.assets[look.asset_id].parameters, source, NEWEST)
        return f"parameter {source} = {value}", declared.unit or ""
    if declared.initialisation_value is not None:
        return f"its own last {declared.initialisation_value}", declared.unit or ""
    return ("nothing (optional)" if declared.fallback is None else f"{declared.fallback}"), ""


def _units(sensor: str, look: "AssetLook", received: SensorRule) -> str:
    delivered = rule_for(sensor, look.settings.sensors).unit
    if delivered is None or received.unit is None or delivered == received.unit:
        return received.unit or delivered or "not declared"
    return f"{delivered} → {received.unit}"


def _sensors(look: "AssetLook", inputs: Sequence[InputView]) -> TableView:
    longest = {view.name: view.longest_s for view in inputs}
    rows = []
    for row in look.pin.rows(_SENSORS, asset=look.asset_id):
        sensor = row["sensor"]
        rule = rule_for(sensor, look.settings.sensors)
        rows.append(
            (
                *(sensor, rule.unit, _closed(rule.valid_range), rule.current_sign),
                *(rule.telemetry, rule.cadence_s, told(longest.get(sensor, rule.max_interval_s()))),
                *(_declared_under(look, sensor), row["events"], stamp(row["first_ts"]), stamp(row["last_ts"])),
            )
        )
    columns = (
        *("sensor", "unit", "valid range", "current sign", "telemetry", "cadence in s", "gap from"),
        *("declared by", "events", "first", "last"),
    )
    return TableView(columns, rows, "Nothing to show: no events have come in.")


def _closed(bounds: tuple[float, float] | None) -> str:
    return "" if bounds is None else f"{bounds[0]:g} to {bounds[1]:g}"


def _declared_under(look: "AssetLook", sensor: str) -> str:
    """The key of the settings that declares a sensor, and where that stands."""
    exact = [sensor] if sensor in look.settings.sensors else []
    for key in [*exact, *(key for key in look.settings.sensors if matches(key, sensor))]:
        origins = [one.origin for one in look.effective if one.key.startswith(f"sensors.{key}.")]
        return f"{key} ({', '.join(sorted(set(origins)))})" if origins else key
    return "nothing"


def _configuration(look: "AssetLook", shown: Mapping[str, Any]) -> TableView:
    def counts(key: str) -> bool:
        section, _, rest = key.partition(".")
        return section in ("execution", "chemistries") or (section == "models" and rest.partition(".")[0] in shown)

    rows = [(one.key, _plain(one.value), one.origin) for one in look.effective if counts(one.key)]
    return TableView(("key", "value", "from"), rows, "Nothing to show.")


def _plain(value: Any) -> object:
    return "none" if value is None else value


def _quality(look: "AssetLook", bindings: Mapping[str, Binding | Missing]) -> TableView:
    """Of the sensors that feed a model that is shown."""
    fed = {sensor for found in bindings.values() if isinstance(found, Binding) for sensor in found.sensors}
    columns = ("sensor", "samples", "gaps", "gaps in all", "out of range", "stuck", "duplicates", "contradictions")
    rows = [
        (
            *(row["sensor"], row["samples"], row["gaps"], told(row["gap_s"] or 0.0)),
            *(row["out_of_range"], row["stuck"], row["duplicates"], row["contradictions"]),
        )
        for row in look.pin.rows(_QUALITY, asset=look.asset_id, **look.range.given)
        if row["sensor"] in fed
    ]
    return TableView(columns, rows, "Nothing to show: no readings in this range.")


def _value(record: RecordView) -> str:
    """The main figure with its unit: those of the packaged models, see the view `records`."""
    unit = {"alert": " V", "rest": " V", "imbalance": " mV", "quality": " readings"}.get(record.kind, "")
    return f"{cell(record.value)}{unit}"


def _detail(text: str) -> str:
    """The further values of a record, its times (µs UTC) as such."""
    values = json.loads(text) if text else {}
    told = {key: stamp(x) if key.endswith("_at") and isinstance(x, int) else cell(x) for key, x in values.items()}
    return ", ".join(f"{key.replace('_', ' ')} {x}" for key, x in told.items())


def _records(records: Sequence[RecordView]) -> TableView:
    """The open and the severe first, then the newest."""
    order = sorted(records, key=lambda r: (r.ended_at is not None, -(r.severity or 0), -r.started_at))
    rows: list[tuple[object, ...]] = [
        (
            *(one.model, one.kind, one.cell, stamp(one.started_at)),
            "open" if one.ended_at is None else told((one.ended_at - one.started_at) / 1e6),
            *({1: "warning", 2: "critical"}.get(one.severity or 0, ""), _value(one), _detail(one.detail)),
        )
        for one in order[:SHOWN_RECORDS]
    ]
    if len(order) > SHOWN_RECORDS:
        rows.append(("…", f"and {len(order) - SHOWN_RECORDS:,} more: twins sql", *[""] * 6))
    columns = ("model", "kind", "cell", "began", "lasted", "severity", "value", "detail")
    return TableView(columns, rows, "Nothing to show: no alerts, imbalances or bad days in this range.")
