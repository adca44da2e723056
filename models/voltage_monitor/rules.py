"""What one side's watch is told: its limits, turned so that a breach is always upwards, and its delays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.voltage_monitor.limits import Limits

US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """One side's rule. Voltages are sign × V: +1 on the high side, −1 on the low side; delays in µs.

    `back` is the warning limit less the hysteresis. `min_us` is at least one µs, so that an alert takes two samples.
    """

    side: str
    sign: int
    warning: float
    critical: float
    back: float
    min_us: int
    clear_us: int


def rules_for(limits: Limits, config: Mapping[str, Any]) -> tuple[Rule, Rule]:
    """The (low, high) rules."""
    hysteresis_v = config["hysteresis_mv"] / 1000
    min_us = max(1, round(config["min_duration_s"] * US_PER_S))
    clear_us = round(config["clear_duration_s"] * US_PER_S)

    def rule(side: str, sign: int, warning: float, critical: float) -> Rule:
        back = round(sign * warning - hysteresis_v, 9)
        return Rule(side, sign, sign * warning, sign * critical, back, min_us, clear_us)

    low = rule("low", -1, limits.low_warning, limits.low_critical)
    return low, rule("high", 1, limits.high_warning, limits.high_critical)
