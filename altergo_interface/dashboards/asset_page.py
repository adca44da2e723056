"""The dashboard of one asset: what its models see, what they say, and where it comes from."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from altergo_interface.dashboards.bundle import page
from altergo_interface.dashboards.figures import Band, Drawing, Figure, Line, Samples, summary
from altergo_interface.dashboards.headline import headline
from altergo_interface.dashboards.intervals import interval_histogram
from altergo_interface.dashboards.lines import output_line
from altergo_interface.dashboards.views import AssetView, InputView, ModelView, OutputView
from altergo_interface.dashboards.words import cell, duration, moment

UNCERTAINTY = "_uncertainty"


def asset_page(view: AssetView) -> str:
    """The page as HTML. The same view gives the same bytes."""
    drawing = Drawing()
    overview = [drawing.add(figure) for figure in headline(view, drawing.samples) if view.whole or not figure.empty]
    inputs = [_input(sensor, drawing) for sensor in view.inputs]
    models = [(model, [drawing.add(figure) for figure in _outputs(model, drawing)]) for model in view.models]
    data = {
        "span": None if view.span is None else [edge // 1000 for edge in view.span],
        "command": view.command,
        "series": drawing.samples.data(),
        "figures": drawing.specs(),
    }
    values = {
        "view": view,
        "overview": overview,
        "inputs": inputs,
        "models": models,
        "cell": cell,
        "moment": moment,
        "range": _range(view),
        "thinned": drawing.samples.thinned(),
    }
    return page("asset.html.j2", values, data)


def _range(view: AssetView) -> str:
    if view.span is None:
        return "no events yet"
    start, end = view.span
    return f"{moment(start)} to {moment(end)} ({duration((end - start) / 1e6)})"


def _input(sensor: InputView, drawing: Drawing) -> dict[str, Any]:
    keys = {name: f"in:{sensor.name}:{name}" for name in sensor.lines}
    for name, (t, x) in sensor.lines.items():
        drawing.samples.add(keys[name], t, x, sensor.gaps)
    t, x = sensor.invalid
    marks = [Line(drawing.samples.add(f"bad:{sensor.name}", t, x), "no samples")] if len(t) else []
    text = summary(((name, t, x) for name, (t, x) in sensor.lines.items()), sensor.unit)
    figure = Figure(
        sensor.name,
        sensor.unit,
        [Line(keys[name], name) for name in sensor.lines],
        [Band("gap", "gaps", sensor.gaps)],
        marks,
        text=text,
        empty="" if _any(sensor) else f"Nothing to show: no readings of {sensor.name} in this range.",
        size="wide",
    )
    histogram = interval_histogram(sensor.intervals, sensor.longest_s, sensor.cadence_s)
    quiet = sum(end - start for start, end in sensor.gaps) / 1e6
    faults = [f"{_counted(len(sensor.gaps), 'gap')}, {duration(quiet)} in all"] if sensor.gaps else ["no gaps"]
    outside = f"{_counted(len(t), 'reading')} outside the valid range: no samples"
    faults.append(outside if len(t) else "every reading is a sample")
    return {"input": sensor, "faults": "; ".join(faults), "plots": [drawing.add(figure), drawing.add(histogram)]}


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _any(sensor: InputView) -> bool:
    return len(sensor.invalid[0]) > 0 or any(len(t) for t, _ in sensor.lines.values())


def _outputs(model: ModelView, drawing: Drawing) -> Iterator[Figure]:
    outputs = {output.name: output for output in model.outputs}
    for name, output in outputs.items():
        if name.endswith(UNCERTAINTY) and name.removesuffix(UNCERTAINTY) in outputs:
            continue
        yield _output(model.name, output, outputs.get(name + UNCERTAINTY), drawing.samples)


def _output(model: str, output: OutputView, sigma: OutputView | None, samples: Samples) -> Figure:
    line = output_line(model, output, sigma, samples)
    # What an output is belongs to the reader of its plot; the numbers to those who do not see it.
    words = f"{output.description} (band: ± 1 σ)" if line.band else output.description
    text = ". ".join(filter(None, (words, summary([(output.name, output.t, output.x)], output.unit))))
    known = bool(np.isfinite(output.x).any())
    empty = "" if known else f"Nothing to show: {output.name} has no value in this range."
    return Figure(output.name, output.unit, [line], ticks=output.labels, text=text, empty=empty, size="half")
