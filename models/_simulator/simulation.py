"""Runs one sound asset: plan, state of charge, current, cell voltages and temperature, all without noise."""

from dataclasses import dataclass

import numpy as np

from models._simulator.circuit import cell_voltages, rc_voltage, temperature
from models._simulator.duty import DRAWS_PER_DAY, DUTIES
from models._simulator.history import DAY_S, SECOND_US, FleetSpec, FloatArray, TimeArray
from models._simulator.pack import Pack, draw_pack
from models._simulator.profile import DayPlan, current_of, soc_path
from models._simulator.randomness import Purpose, Streams


@dataclass(frozen=True, eq=False)
class Simulation:
    """One asset's true course; n samples, k modelled cells.

    Attributes:
        seconds: since the first midnight, shape (n,).
        soc: at the edges of the steps, fraction, shape (n + 1,).
        current: held over each step, A, positive on discharge, shape (n,).
        polarisation_v: I·R0 + V_RC of a mean cell, V, shape (n,).
        cells_v: terminal voltages of the modelled cells, V, shape (k, n).
        temperature_c: °C, shape (n,).
    """

    spec: FleetSpec
    asset_id: str
    streams: Streams
    pack: Pack
    plan: DayPlan
    seconds: TimeArray
    soc: FloatArray
    current: FloatArray
    polarisation_v: FloatArray
    cells_v: FloatArray
    temperature_c: FloatArray

    @property
    def t(self) -> TimeArray:
        """Stamps of the samples, UTC µs, shape (n,)."""
        return self.spec.start_us + self.seconds * SECOND_US

    def stamp(self, sample: int) -> int:
        """Stamp of a sample, UTC µs; sample n is the history's end."""
        return self.spec.start_us + sample * self.spec.cadence_s * SECOND_US


def simulate(spec: FleetSpec, index: int) -> Simulation:
    """The true course of one sound asset."""
    streams = Streams(spec.seed, index)
    duty = DUTIES[index % len(DUTIES)]
    pack = draw_pack(duty, streams, spec.cells)
    # One day more than asked: the last edge is the next midnight.
    draws = streams.of(Purpose.DAYS).random((spec.days + 1, DRAWS_PER_DAY)).T
    plan = duty.plan(draws, pack.window)
    edges_s = np.arange(spec.days * DAY_S // spec.cadence_s + 1, dtype=np.int64) * spec.cadence_s
    noise = streams.of(Purpose.RIPPLE).uniform(-0.5, 0.5, len(edges_s))
    soc = soc_path(plan, edges_s, spec.cadence_s, noise)
    current = current_of(soc, pack.capacity_ah, spec.cadence_s)
    polarisation_v = current * pack.r0_ohm + rc_voltage(pack, current, spec.cadence_s)
    seconds = edges_s[:-1]
    return Simulation(
        spec=spec,
        asset_id=f"{duty.prefix}-{index:04d}",
        streams=streams,
        pack=pack,
        plan=plan,
        seconds=seconds,
        soc=soc,
        current=current,
        polarisation_v=polarisation_v,
        cells_v=cell_voltages(pack, soc[:-1], polarisation_v),
        temperature_c=temperature(pack, (seconds % DAY_S) / 3600.0, current, spec.cadence_s),
    )
