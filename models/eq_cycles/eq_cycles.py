"""Equivalent full cycles: the model class, its sums and its outputs."""

import math
from typing import Any

import numpy as np

from altergo_interface import Model, ModelError, ModelState, Outputs, Samples, StepData, register_model
from models.eq_cycles.intervals import Floats, Intervals, cut
from models.eq_cycles.state import Throughput

UNOBSERVED_LIMIT = 0.10
"""Share of unobserved time above which the operator is told."""

S_PER_H = 3600.0


@register_model("eq_cycles", metadata={"category": "usage", "complexity": "low", "computational_cost": "low"})
class EqCycles(Model):
    """Cumulative equivalent full cycles by coulomb throughput, sample and hold.

    One cycle is one nominal capacity in and one out, scaled by SOH: Σ |I|·Δt·η / (2·C·SOH).
    """

    State = Throughput

    def advance(self, state: Throughput, data: StepData) -> tuple[ModelState, Outputs]:
        """Fold the intervals that end inside the span into the sums; one output row per current sample."""
        capacity_ah = _capacity(data)
        current = data.series("current")
        if current is None or len(current) == current.lead:
            return state, {}
        if not current.lead:
            state = state.model_copy(update={"equivalent_cycles": _initial(data)})
        parts = cut(current, data, state, self._max_gap_s(current), self._deadband_a(current))
        sums = _running(state, self._steps(parts, capacity_ah))
        last = {name: float(values[-1]) for name, values in sums.items()}
        after = Throughput(**last, held_soh=parts.held_soh, held_voltage=parts.held_voltage)
        return after, _outputs(parts, sums)

    def notices(self, state: Throughput) -> list[str]:
        """A warning where too much time lies in gaps."""
        total = state.observed_hours + state.unobserved_hours
        if state.unobserved_hours <= UNOBSERVED_LIMIT * total:
            return []
        return [
            f"{state.unobserved_hours / total:.0%} of the time ({state.unobserved_hours:.1f} h) is unobserved: "
            "intervals of input 'current' are longer than its samples may stand for. Declare its sensor's "
            "`cadence_s` (or `telemetry: on_change` with `max_silence_s`), or set `max_gap_s`"
        ]

    def _steps(self, parts: Intervals, capacity_ah: float) -> dict[str, Floats]:
        """What each interval adds to each sum of the state; a gap adds only to the unobserved hours."""
        charge_ah = np.where(parts.gap, 0.0, np.abs(parts.current) * parts.seconds / S_PER_H)
        discharging = parts.current >= 0
        wh = np.where(np.isnan(parts.voltage), 0.0, np.abs(parts.voltage) * charge_ah)
        hours = parts.seconds / S_PER_H
        return {
            "equivalent_cycles": charge_ah * self._efficiency(discharging) / (2.0 * capacity_ah * parts.soh),
            "charge_throughput_ah": np.where(discharging, 0.0, charge_ah),
            "discharge_throughput_ah": np.where(discharging, charge_ah, 0.0),
            "energy_throughput_wh": wh,
            "observed_hours": np.where(parts.gap, 0.0, hours),
            "unobserved_hours": np.where(parts.gap, hours, 0.0),
        }

    def _efficiency(self, discharging: Any) -> Any:
        if not self.config["enable_efficiency_correction"]:
            return 1.0
        return np.where(discharging, self.config["discharge_efficiency"], self.config["charge_efficiency"])

    def _max_gap_s(self, current: Samples) -> float:
        given: float | None = self.config["max_gap_s"]
        return current.declared.max_interval_s() if given is None else given

    def _deadband_a(self, current: Samples) -> float:
        given: float | None = self.config["deadband_a"]
        return (current.declared.resolution or 0.0) if given is None else given


def _capacity(data: StepData) -> float:
    capacity_ah = data.number("capacity")
    if capacity_ah is None or not 0 < capacity_ah < math.inf:
        raise ModelError(f"capacity is {capacity_ah}, must be Ah above 0", "Correct the asset's parameter")
    return capacity_ah


def _initial(data: StepData) -> float:
    cycles = data.number("initial_equivalent_cycles") or 0.0
    if not 0 <= cycles < math.inf:
        raise ModelError(f"initial_equivalent_cycles is {cycles}, must be 0 or more", "Correct the asset's parameter")
    return cycles


def _running(state: Throughput, steps: dict[str, Floats]) -> dict[str, Floats]:
    """Running sums; the carry is the first addend, so that no cut of the history changes a bit."""
    return {name: np.cumsum(np.concatenate(([getattr(state, name)], add)))[1:] for name, add in steps.items()}


def _outputs(parts: Intervals, sums: dict[str, Floats]) -> dict[str, Samples]:
    """One row per interval at its end; energy only where the interval had a voltage."""
    rows = {name: Samples(parts.end, x) for name, x in sums.items() if name != "observed_hours"}
    known = ~np.isnan(parts.voltage)
    if not known.any():
        del rows["energy_throughput_wh"]
    elif not known.all():
        rows["energy_throughput_wh"] = Samples(parts.end[known], sums["energy_throughput_wh"][known])
    return rows
