"""Data quality: the model class, which sensor is judged by what, and its records."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from altergo_interface import Model, ModelState, Outputs, Record, Samples, StepData, register_model
from altergo_interface.units import dimension, is_unit
from models.data_quality.charge import Charge
from models.data_quality.contradictions import (
    Steps,
    fraction_in_percent,
    majority,
    percent_in_fraction,
    soc_against_charge,
    voltage_steps,
)
from models.data_quality.days import DAY_US, Counts, Days, Times
from models.data_quality.state import DayCounts, Quality, Run, SensorDay
from models.data_quality.stuck import StuckRule, Witness, find_stuck, rules

VOLTAGES = ("voltage", "v_cell_max", "v_cell_min")
JUDGED = (*VOLTAGES, "current", "soc", "temperature")

NOTICE_STEPS = 50
"""Steps of the current from which a notice may say that its sign is wrong."""


@register_model("data_quality", metadata={"category": "quality", "complexity": "low", "computational_cost": "low"})
class DataQuality(Model):
    """Counts, per sensor and UTC day, what arrived and what of it cannot be true."""

    State = Quality

    def advance(self, state: Quality, data: StepData) -> tuple[ModelState, Outputs]:
        """One record for each sensor and day that has samples in the span; see the model's page."""
        told = _Call(state, data, self.config)
        records: list[Record] = []
        sensors = dict(state.sensors)
        for name, samples in sorted(data.sensors("sensors").items()):
            if len(samples) > samples.lead:
                sensors[name], found = told.sensor(name, samples, state.sensors.get(name))
                records += found
        return told.after(sensors), {"records": sorted(records, key=lambda record: (record.at, record.cell))}

    def notices(self, state: Quality) -> list[str]:
        """A warning where voltage says that the current's sign is declared wrongly."""
        if state.steps < NOTICE_STEPS or 2 * state.against <= state.steps:
            return []
        return [
            f"voltage rises with the discharge current in {state.against / state.steps:.0%} of {state.steps} steps: "
            "the sign of input 'current' contradicts its declaration. Check `current_sign` of its sensor"
        ]


class _Call:
    """One call: what its inputs tell about each other, and each sensor's share of it."""

    def __init__(self, state: Quality, data: StepData, config: Mapping[str, Any]) -> None:
        self._state = state
        # A bound input without a valid sample so far counts, too: what is looked at must not depend on a cut.
        self._bound = {name: found for name in JUDGED if isinstance(found := data.get(name), Samples)}
        self._roles = {found.sensor: name for name, found in self._bound.items()}
        self._voltage = next((self._bound[name] for name in VOLTAGES if name in self._bound), None)
        self._charge = Charge.of(data.series("current"), state)
        self._witness = Witness(self._charge, data.series("soc"))
        self._steps = Steps.none(state)
        self._against_charge, self._change_net = np.empty(0, np.int64), state.change_net
        self._rules: dict[str, StuckRule] = {}
        capacity_ah = data.number("capacity")
        if capacity_ah is not None:
            self._rules = rules(capacity_ah, config["stuck_after_s"], config["stuck_charge"])
            self._look_at_signs(data, capacity_ah)

    def _look_at_signs(self, data: StepData, capacity_ah: float) -> None:
        """The signs of the current against voltage and state of charge, as far as these are there."""
        current, soc, voltage = data.series("current"), data.series("soc"), self._voltage
        if current is not None and voltage is not None and len(voltage):
            self._steps = voltage_steps(voltage, current, self._state, capacity_ah)
        if soc is not None:
            found = soc_against_charge(soc, self._charge, self._state, capacity_ah)
            self._against_charge, self._change_net = found

    def sensor(self, name: str, samples: Samples, before: SensorDay | None) -> tuple[SensorDay, list[Record]]:
        """A sensor's newest day after this call, and the records of its days."""
        days = Days.of(samples)
        stuck, run = self._stuck(name, samples, before.run if before else None)
        counts = _gaps(samples, days) | {
            "samples": days.samples,
            "out_of_range": self._out_of_range(name, samples, days),
            "stuck": days.count(stuck),
            **self._contradictions(name, samples, days),
        }
        return _told(name, days, counts, before, run)

    def after(self, sensors: dict[str, SensorDay]) -> Quality:
        """The state at the end of the call."""
        state, charge, steps = self._state, self._charge, self._steps
        return Quality(
            sensors=dict(sorted(sensors.items())),  # the order in which they began depends on the cut
            moved=float(charge.moved[-1]) if len(charge.t) else state.moved,
            net=float(charge.net[-1]) if len(charge.t) else state.net,
            held_current=steps.held,
            change_net=self._change_net,
            steps=state.steps + len(steps.t),
            against=state.against + len(steps.against),
        )

    def _stuck(self, name: str, samples: Samples, before: Run | None) -> tuple[Times, Run | None]:
        rule = self._rules.get(self._kind(name, samples))
        return (samples.t[:0], None) if rule is None else find_stuck(samples, before, rule, self._witness)

    def _kind(self, name: str, samples: Samples) -> str:
        """What a sensor measures: by the input that it feeds, else by its declared unit."""
        role = self._roles.get(name, "")
        unit = samples.declared.unit
        measured = dimension(unit) if unit is not None and is_unit(unit) else ""
        return "voltage" if role in VOLTAGES or measured == "voltage" else role or measured

    def _out_of_range(self, name: str, samples: Samples, days: Days) -> Counts:
        """Samples that the declared range or, where the sensor feeds an input, that input's range leaves out."""
        role = self._roles.get(name)
        if role is not None:
            kept = self._bound[role]
            fresh = kept.t[kept.lead :]
            return days.none() if len(fresh) == len(days.t) else days.samples - days.count(fresh)
        low, high = samples.declared.valid_range or (-np.inf, np.inf)
        x = samples.x[samples.lead :]
        if x.min() >= low and x.max() <= high:
            return days.none()
        return days.count(days.t[(x < low) | (x > high)])

    def _contradictions(self, name: str, samples: Samples, days: Days) -> dict[str, Counts]:
        role, unit = self._roles.get(name), samples.declared.unit
        found: dict[str, Counts] = {}
        surely = days.none()
        if unit is not None and is_unit(unit) and dimension(unit) == "ratio":
            if unit in ("%", "percent"):
                found["odd"] = days.count(fraction_in_percent(samples))
            else:
                surely = days.count(percent_in_fraction(samples))
        if role == "soc":
            surely = surely + days.count(self._against_charge)
        if self._voltage is not None and name == self._voltage.sensor:
            found |= {"steps": days.count(self._steps.t), "against": days.count(self._steps.against)}
        return found | {"contradictions": surely}


def _gaps(samples: Samples, days: Days) -> dict[str, Counts]:
    """Intervals longer than a sample may stand for, on the day on which they end; their length in µs."""
    length = np.diff(samples.t)
    long = length > samples.declared.max_interval_s() * 1e6
    if not long.any():
        return {}
    ends, lengths = samples.t[1:][long], length[long]
    return {"gaps": days.count(ends), "gap_us": days.total(ends, lengths)}


def _told(
    name: str, days: Days, counts: Mapping[str, Counts], before: SensorDay | None, run: Run | None
) -> tuple[SensorDay, list[Record]]:
    """A sensor's newest day, and one record for each day with samples; the first may go on from an earlier call."""
    records: list[Record] = []
    here: dict[str, int] = {}
    for k in np.flatnonzero(days.samples).tolist():
        here = dict.fromkeys(DayCounts.model_fields, 0) | {key: int(values[k]) for key, values in counts.items()}
        if before is not None and before.day == days.first + k:
            here = {key: here[key] + known for key, known in before.counts.model_dump().items()}
        records.append(_record(name, days.first + k, int(days.last[k]), here))
    day = days.first + len(days.samples) - 1
    return SensorDay(day=day, counts=DayCounts(**here), run=run), records


def _record(name: str, day: int, at: int, counts: Mapping[str, int]) -> Record:
    contradictions = counts["contradictions"] + majority(counts["against"], counts["steps"])
    contradictions += majority(counts["odd"], counts["samples"])
    bad = counts["out_of_range"] + counts["stuck"] + contradictions
    detail = {
        "samples": counts["samples"],
        "gaps": counts["gaps"],
        "gap_s": counts["gap_us"] / 1e6,
        "out_of_range": counts["out_of_range"],
        "stuck": counts["stuck"],
        "contradictions": contradictions,
    }
    return Record(
        kind="quality",
        started_at=day * DAY_US,
        at=at,
        ended_at=(day + 1) * DAY_US,
        severity=1 if bad else None,
        value=float(bad),
        cell=name,
        detail=detail,
    )
