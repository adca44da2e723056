"""Equivalent full cycles: the model class, its sums and its outputs."""

import math

import numpy as np

from altergo_interface import Model, ModelError, ModelState, Outputs, Samples, StepData, register_model
from models.eq_cycles.booking import Booked, book
from models.eq_cycles.counters import Counter, read
from models.eq_cycles.flow import Meter
from models.eq_cycles.intervals import INTEGRATION, Flags, Floats, Intervals, Times, cut
from models.eq_cycles.state import Direction, Ledger, Throughput

UNOBSERVED_LIMIT = 0.10
"""Share of unobserved time above which the operator is told."""


@register_model("eq_cycles", metadata={"category": "usage", "complexity": "low", "computational_cost": "low"})
class EqCycles(Model):
    """Cumulative equivalent full cycles by coulomb throughput.

    One cycle is one nominal capacity in and one out, scaled by SOH: Σ |I|·Δt·η / (2·C·SOH).
    """

    State = Throughput

    def advance(self, state: Throughput, data: StepData) -> tuple[ModelState, Outputs]:
        """Fold the intervals that end inside the span into the sums; one output row per current sample."""
        capacity_ah = _capacity(data)
        counter_in = self._counter("charge_ah", state.charge, data, capacity_ah)
        counter_out = self._counter("discharge_ah", state.discharge, data, capacity_ah)
        current = data.series("current")
        if current is None or len(current) == current.lead:
            seen = {"charge": _seen(state.charge, counter_in), "discharge": _seen(state.discharge, counter_out)}
            return state.model_copy(update=seen), {}
        if not current.lead:
            state = state.model_copy(update={"equivalent_cycles": _initial(data)})
        parts = cut(current, data, state, self._max_gap_s(current), self._deadband_a(current))
        meter = Meter.of(current, self.config["integration"], self.config["current_offset_a"])
        ends = parts.t[1:]
        charge = book(state.charge, counter_in, ends, meter.steps(parts, -1), state.charge_throughput_ah)
        discharge = book(state.discharge, counter_out, ends, meter.steps(parts, 1), state.discharge_throughput_ah)
        volts = np.abs(INTEGRATION[self.config["integration"]](parts.voltage))
        sums = self._sums(state, parts, charge, discharge, volts, capacity_ah)
        after = Throughput(
            **{name: float(x[-1]) for name, x in sums.items()},
            held_soh=float(parts.soh[-1]),
            held_voltage=float(parts.voltage[-1]),
            charge=charge.after,
            discharge=discharge.after,
        )
        return after, _outputs(ends, sums, ~np.isnan(volts))

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

    def _sums(
        self,
        state: Throughput,
        parts: Intervals,
        charge: Booked,
        discharge: Booked,
        volts: Floats,
        capacity_ah: float,
    ) -> dict[str, Floats]:
        """The running sums of the state at the intervals' ends; a gap adds only to the unobserved hours."""
        in_ah = np.diff(charge.sums[0], prepend=state.charge_throughput_ah)
        out_ah = np.diff(discharge.sums[0], prepend=state.discharge_throughput_ah)
        eta_in, eta_out = self._efficiencies()
        soh = INTEGRATION[self.config["integration"]](parts.soh)
        unseen = parts.gap & ~(charge.covered & discharge.covered)
        steps = {
            "equivalent_cycles": (in_ah * eta_in + out_ah * eta_out) / (2.0 * capacity_ah * soh),
            "energy_throughput_wh": np.where(np.isnan(volts), 0.0, volts * (in_ah + out_ah)),
            "observed_hours": np.where(unseen, 0.0, parts.length_h),
            "unobserved_hours": np.where(unseen, parts.length_h, 0.0),
        }
        return {
            **{name: _running(getattr(state, name), add) for name, add in steps.items()},
            "charge_throughput_ah": charge.sums[0],
            "discharge_throughput_ah": discharge.sums[0],
            "throughput_uncertainty": _uncertainty_ah(charge.sums + discharge.sums),
        }

    def _efficiencies(self) -> tuple[float, float]:
        """On charge and on discharge."""
        if not self.config["enable_efficiency_correction"]:
            return 1.0, 1.0
        return self.config["charge_efficiency"], self.config["discharge_efficiency"]

    def _counter(self, name: str, before: Direction, data: StepData, capacity_ah: float) -> Counter | None:
        samples = data.get(name)
        if not isinstance(samples, Samples):
            return None
        return read(samples, before.ledger or Ledger(), capacity_ah, self.config["counter_rollover_ah"])

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


def _seen(before: Direction, counter: Counter | None) -> Direction:
    """A direction after samples of its counter alone."""
    if counter is None:
        return before
    return before.model_copy(update={"ledger": counter.after(before.ledger or Ledger())})


def _running(carry: float, steps: Floats) -> Floats:
    """Running sums; the carry is the first addend, so that no cut of the history changes a bit."""
    return np.cumsum(np.concatenate(([carry], steps)))[1:]


def _uncertainty_ah(sums: Floats) -> Floats:
    """The 1 sigma of both directions' charge from their flows' sum (3, n): variance, and what adds up."""
    return np.asarray(np.sqrt(sums[1] + sums[2] * sums[2]))


def _outputs(ends: Times, sums: dict[str, Floats], known: Flags) -> Outputs:
    """One row per interval at its end; energy only where the interval had a voltage."""
    rows = {name: Samples(ends, x) for name, x in sums.items() if name != "observed_hours"}
    if not known.any():
        del rows["energy_throughput_wh"]
    elif not known.all():
        rows["energy_throughput_wh"] = Samples(ends[known], sums["energy_throughput_wh"][known])
    return rows
