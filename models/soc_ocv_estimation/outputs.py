"""The rows of a call: at the current's stamps from the anchors, at the evaluations the open-circuit voltage."""

import numpy as np

from altergo_interface import Outputs, Samples
from models.soc_ocv_estimation.counting import Count, Floats, Times
from models.soc_ocv_estimation.fusion import Fix
from models.soc_ocv_estimation.rules import Rules
from models.soc_ocv_estimation.state import Estimate
from models.soc_ocv_estimation.track import Track


def outputs(state: Estimate, counted: Count, track: Track, rules: Rules) -> Outputs:
    """Rows at the current's stamps, once there is an anchor; the open-circuit voltage at the evaluations."""
    rows: dict[str, Samples] = {}
    if len(counted.t):
        known = _stepwise(1.0 if state.rest and state.rest.finding else 0.0, track.resting, counted.t)
        rows["rest"] = Samples(counted.t.copy(), known)
        rows |= _charge(Fix.of(state.anchor), track.anchors, counted, rules)
    voltages = dict(track.voltages)
    if voltages:
        rows["ocv"] = Samples(np.array(list(voltages), dtype=np.int64), np.array(list(voltages.values())))
    return {**rows, "records": track.records}


def _charge(before: Fix | None, anchors: list[Fix], counted: Count, rules: Rules) -> dict[str, Samples]:
    """State of charge, its uncertainty and the energy from the first anchor on."""
    first = 0
    if before is None:
        if not anchors:
            return {}
        first = int(np.searchsorted(counted.t, anchors[0].at))
    held = [anchor for anchor in (before, *anchors) if anchor is not None]
    edges = np.searchsorted(counted.t, np.array([anchor.at for anchor in held], dtype=np.int64))
    sizes = np.diff(np.append(edges, len(counted.t)))

    def of(name: str) -> Floats:
        return np.repeat(np.array([getattr(anchor, name) for anchor in held], dtype=np.float64), sizes)

    t = counted.t[first:]
    if not len(t):
        return {}
    passed = counted.counted[first + 1 :] - of("counted")
    age = (t - np.repeat(np.array([anchor.at for anchor in held], dtype=np.int64), sizes)) * rules.offset_per_us
    variance = of("variance") + of("common") ** 2 + (counted.lost[first + 1 :] - of("lost"))
    variance += age * age
    passed_error = passed * rules.scale
    variance += passed_error * passed_error
    soc = np.clip(of("soc") - passed, 0.0, 1.0)
    energy = rules.table.integral(soc) * (rules.cells * rules.capacity_ah) * counted.soh[first:]
    t = t.copy()  # one for all: the engine looks at each array of stamps once
    return {
        "soc": Samples(t, soc),
        "soc_uncertainty": Samples(t, np.sqrt(np.maximum(variance, 0.0))),
        "available_energy": Samples(t, energy),
    }


def _stepwise(before: float, changes: list[tuple[int, float]], at: Times) -> Floats:
    """A value that was `before` and changes at the given times, at each stamp."""
    edges = np.searchsorted(at, np.array([t for t, _ in changes], dtype=np.int64))
    values = np.array([before, *(x for _, x in changes)])
    return np.repeat(values, np.diff(np.concatenate(([0], edges, [len(at)]))))
