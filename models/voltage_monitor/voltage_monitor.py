"""The voltage monitor: the model class and its outputs."""

import numpy as np

from altergo_interface import (
    Model,
    ModelError,
    ModelState,
    Outputs,
    Record,
    Samples,
    Span,
    StepData,
    hold,
    register_model,
)
from models.voltage_monitor.alerts import follow
from models.voltage_monitor.compensation import compensated
from models.voltage_monitor.limits import Limits, limits_for
from models.voltage_monitor.readings import US_PER_S, Floats, Reading, read
from models.voltage_monitor.rules import Rule, rules_for
from models.voltage_monitor.runs import Times
from models.voltage_monitor.state import Side, Watch
from models.voltage_monitor.timeline import Course, course, merged, status_and_severity


@register_model("voltage_monitor", metadata={"category": "safety", "complexity": "low", "computational_cost": "low"})
class VoltageMonitor(Model):
    """Watches the lowest and highest cell voltage against four limits of the chemistry."""

    State = Watch

    def advance(self, state: Watch, data: StepData) -> tuple[ModelState, Outputs]:
        """Fold the samples and the timers of the span into both sides' watches."""
        chemistry = data.get("chemistry")
        if not isinstance(chemistry, str):
            raise ModelError("chemistry is missing", "Give it as a parameter of the asset")
        limits = limits_for(chemistry, self.config)
        low, high = read(data, self.config["max_gap_s"])
        if low is None and high is None:
            return state, {}
        low, high = compensated(low, high, data, self.config, limits)
        rule_low, rule_high = rules_for(limits, self.config)
        after_low, records_low, course_low = _watch(state.low, low, rule_low, data.span)
        after_high, records_high, course_high = _watch(state.high, high, rule_high, data.span)

        sampled = _stamps(low, high)
        at = merged(sampled, np.unique(np.concatenate((course_low.timers, course_high.timers))))
        status, severity = status_and_severity(course_low, course_high, np.append(at, data.span.end - 1))
        after = Watch(status=int(status[-1]), severity=int(severity[-1]), low=after_low, high=after_high)
        outputs = {
            "voltage_status": Samples(at, status[:-1]),
            "voltage_severity": Samples(at, severity[:-1]),
            **_voltages(low, high),
            "voltage_margin": Samples(sampled, _margin(state, low, high, limits, sampled)),
        }
        records = sorted(records_low + records_high, key=lambda version: version.at)
        return after, {name: rows for name, rows in outputs.items() if len(rows)} | {"records": records}


def _watch(side: Side, reading: Reading | None, rule: Rule, span: Span) -> tuple[Side, list[Record], Course]:
    after, records = (side, []) if reading is None else follow(side, reading, rule, span.end)
    alerts = [version for version in records if version.kind == "alert"]
    return after, records, course(side, reading, alerts, span)


def _stamps(low: Reading | None, high: Reading | None) -> Times:
    """The union of both sides' stamps inside the span."""
    first, *others = [reading.fresh_t for reading in (low, high) if reading is not None]
    return merged(first, others[0]) if others and not np.array_equal(first, others[0]) else first.copy()


def _voltages(low: Reading | None, high: Reading | None) -> dict[str, Samples]:
    """Minimum and maximum at their own stamps."""
    sides = {"min_voltage": low, "max_voltage": high}
    return {name: Samples(side.fresh_t.copy(), side.fresh_x) for name, side in sides.items() if side is not None}


def _margin(state: Watch, low: Reading | None, high: Reading | None, limits: Limits, sampled: Times) -> Floats:
    """Volts to the nearest warning limit at each stamp, by the newest value of each side and its limit then."""
    rooms = []
    if low is not None:
        rooms.append(_at(low, _shifted(low, state.low), sampled) - limits.low_warning)
    if high is not None:
        rooms.append(limits.high_warning - _at(high, _shifted(high, state.high), sampled))
    return np.asarray(np.fmin.reduce(rooms))


def _shifted(reading: Reading, side: Side) -> Floats:
    """A reading's voltages less the shift of its limits, (n,), lead-ins included."""
    if reading.shift is None and side.last_shift == 0.0:
        return reading.x
    fresh = np.zeros(len(reading.fresh_t)) if reading.shift is None else reading.shift
    shift = np.concatenate((np.full(reading.lead, side.last_shift), fresh))
    return np.asarray(np.round(reading.x - shift, 9))


def _at(reading: Reading, x: Floats, sampled: Times) -> Floats:
    """A reading's values at each stamp, held for as long as one sample may stand for the present."""
    if len(reading.fresh_t) == len(sampled):
        return x[reading.lead :]
    return hold(Samples(reading.t, x), sampled, reading.gap_us / US_PER_S)
