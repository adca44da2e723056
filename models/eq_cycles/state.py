"""What equivalent cycles carry from one call to the next."""

import math

from altergo_interface import ModelState


class Flow(ModelState):
    """Sums of one direction: charge (Ah), and the two parts of its uncertainty.

    `variance_ah2` (Ah²) holds what is independent from interval to interval, `systematic_ah` (Ah) what adds up.
    """

    charge_ah: float = 0.0
    variance_ah2: float = 0.0
    systematic_ah: float = 0.0


class Ledger(ModelState):
    """Where the counter of one direction stands, and what is settled by it.

    `counted_ah` sums its valid increments up to its newest sample, `breaks` counts the others. `at` (µs UTC) is the
    counter's sample in force at the newest current sample, None before the first; `counted_at_ah`, `breaks_at` and
    `flow_at` are the three sums when the current met it, and `settled` is what was booked for all time before.
    """

    counted_ah: float = 0.0
    breaks: int = 0
    at: int | None = None
    counted_at_ah: float = 0.0
    breaks_at: int = 0
    flow_at: Flow = Flow()
    settled: Flow = Flow()


class Direction(ModelState):
    """Charge or discharge: what the current alone tells of it, and its counter's ledger where one is bound."""

    flow: Flow = Flow()
    ledger: Ledger | None = None


class Throughput(ModelState):
    """Running sums, and the values held at the newest current sample.

    `held_soh` (fraction) and `held_voltage` (V, NaN where there is none) belong to that sample's stamp: the lead-in
    of `soh` or `voltage` may be newer than it, so the next interval could not find them again.
    """

    equivalent_cycles: float = 0.0
    charge_throughput_ah: float = 0.0
    discharge_throughput_ah: float = 0.0
    energy_throughput_wh: float = 0.0
    observed_hours: float = 0.0
    unobserved_hours: float = 0.0
    throughput_uncertainty: float = 0.0
    held_soh: float = 1.0
    held_voltage: float = math.nan
    charge: Direction = Direction()
    discharge: Direction = Direction()
