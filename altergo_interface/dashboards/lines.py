"""Outputs as lines, with a band of uncertainty where the model gives it."""

import numpy as np

from altergo_interface.dashboards.figures import Line, Samples
from altergo_interface.dashboards.views import OutputView
from altergo_interface.data import Times, Values


def output_line(model: str, output: OutputView, sigma: OutputView | None, samples: Samples) -> Line:
    """An output as a line, each value held until the next, with a band of one standard uncertainty."""
    key = samples.add(f"out:{model}:{output.name}", output.t, output.x)
    if sigma is None or len(sigma.t) == 0:
        return Line(key, output.name, step=True)
    spread = _held(sigma, output.t)
    least, most = (0.0, 100.0) if output.unit == "%" else (-np.inf, np.inf)
    low = samples.add(key + ":low", output.t, np.clip(output.x - spread, least, most))
    high = samples.add(key + ":high", output.t, np.clip(output.x + spread, least, most))
    return Line(key, output.name, (low, high), step=True)


def _held(output: OutputView, t: Times) -> Values:
    """An output's value at each stamp: the newest one; NaN before the first."""
    at = np.searchsorted(output.t, t, side="right") - 1
    return np.where(at >= 0, output.x[np.maximum(at, 0)], np.nan)
