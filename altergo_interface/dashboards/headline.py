"""The figures that a battery engineer looks at first: voltage with its alerts and rests, charge, imbalance."""

from collections.abc import Iterator, Sequence

from altergo_interface.dashboards.figures import Band, Figure, Line, Samples, summary
from altergo_interface.dashboards.lines import output_line
from altergo_interface.dashboards.views import AssetView, InputView, OutputView, Span

VOLTAGE_INPUTS = (
    *("voltage_monitor.v_cell_min", "voltage_monitor.v_cell_max", "voltage_monitor.cell_voltages"),
    *("soc_ocv_estimation.voltage", "eq_cycles.voltage", "data_quality.voltage"),
)
"""Where the voltage plot looks, cells before packs: the first group that is there."""
PER_CELL = 3


def headline(view: AssetView, samples: Samples) -> Iterator[Figure]:
    """The figures, one after the other; where there is nothing to draw, they say so."""
    yield _voltage(view, samples)
    yield _current(view, samples)
    yield _charge(view, samples)
    yield _imbalance(view, samples)


def _spans(view: AssetView, kind: str, severity: int | None = None) -> list[Span]:
    end = 0 if view.span is None else view.span[1]
    return [
        (record.started_at, end if record.ended_at is None else record.ended_at)
        for record in view.records
        if record.kind == kind and (severity is None or record.severity == severity)
    ]


def _voltage(view: AssetView, samples: Samples) -> Figure:
    cells = [sensor for sensor in view.inputs if set(sensor.feeds) & set(VOLTAGE_INPUTS[:PER_CELL])]
    shown = cells or [sensor for sensor in view.inputs if set(sensor.feeds) & set(VOLTAGE_INPUTS[PER_CELL:])]
    lines = [
        Line(samples.add(f"in:{sensor.name}:{name}", t, x, sensor.gaps), _title(sensor, name))
        for sensor in shown
        for name, (t, x) in sensor.lines.items()
    ]
    gaps: Sequence[Span] = shown[0].gaps if shown else ()
    bands = [
        Band("rest", "rest", _spans(view, "rest")),
        Band("warning", "alert: warning", _spans(view, "alert", 1)),
        Band("critical", "alert: critical", _spans(view, "alert", 2)),
        Band("gap", "gap", gaps),
    ]
    text = summary(((_title(s, name), t, x) for s in shown for name, (t, x) in s.lines.items()), "V")
    counts = "; ".join(f"{len(band.spans):,} × {band.name}" for band in bands if band.spans)
    there = any(len(t) for sensor in shown for t, _ in sensor.lines.values())
    empty = "" if there else "Nothing to show: no sensor of this asset feeds a voltage in this range."
    return Figure("Voltage, alerts and rests", "V", lines, bands, text=f"{text}. {counts}", empty=empty)


def _current(view: AssetView, samples: Samples) -> Figure:
    """One sensor: models that were given another are the exception."""
    for sensor in view.inputs:
        if any(feed.endswith(".current") for feed in sensor.feeds) and all(len(t) for t, _ in sensor.lines.values()):
            ((name, (t, x)),) = sensor.lines.items()
            key = samples.add(f"in:{sensor.name}:{name}", t, x, sensor.gaps)
            text = f"{sensor.note.capitalize()}. {summary([(name, t, x)], sensor.unit)}"
            bands = [Band("gap", "gap", sensor.gaps)]
            return Figure("Current", sensor.unit, [Line(key, name)], bands, text=text, size="wide")
    return Figure("Current", "A", (), empty="Nothing to show: no sensor of this asset feeds a current in this range.")


def _title(sensor: InputView, name: str) -> str:
    return name if sensor.sensors == 1 else f"{name} of {sensor.sensors} cells"


def _charge(view: AssetView, samples: Samples) -> Figure:
    return _of_output(view, samples, "State of charge", "soc", "rest")


def _imbalance(view: AssetView, samples: Samples) -> Figure:
    return _of_output(view, samples, "Imbalance of the cells' state of charge", "soc_imbalance", "imbalance")


def _of_output(view: AssetView, samples: Samples, title: str, name: str, kind: str) -> Figure:
    """A figure of the output of that name, its uncertainty and its confidence, with the records of a kind."""
    for model in view.models:
        outputs = {output.name: output for output in model.outputs}
        output = outputs.get(name)
        if output is not None and len(output.t):
            lines = [output_line(model.name, output, outputs.get(f"{name}_uncertainty"), samples)]
            lines += _confidence(model.name, name, outputs, samples)
            bands = [Band(kind, kind, _spans(view, kind))]
            words = "Band: ± 1 σ. " if lines[0].band else ""
            return Figure(
                title, output.unit, lines, bands, text=words + summary([(name, output.t, output.x)], output.unit)
            )
    return Figure(
        title, None, (), empty=f"Nothing to show: no model has given '{name}' for this asset in this range."
    )


def _confidence(model: str, name: str, outputs: dict[str, OutputView], samples: Samples) -> list[Line]:
    """How far the imbalance is to be trusted, 0 to 1."""
    found = outputs.get("confidence") if name == "soc_imbalance" else None
    if found is None or len(found.t) == 0:
        return []
    return [Line(samples.add(f"out:{model}:confidence", found.t, found.x), "confidence", step=True, below=True)]
