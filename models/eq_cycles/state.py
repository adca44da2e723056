"""What equivalent cycles carry from one call to the next."""

import math

from altergo_interface import ModelState


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
    held_soh: float = 1.0
    held_voltage: float = math.nan
