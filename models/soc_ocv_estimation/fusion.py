"""Weighs what the voltage says against what the charge count says, each by its variance."""

import math
from dataclasses import dataclass

from models.soc_ocv_estimation.rules import Rules
from models.soc_ocv_estimation.state import Anchor

SURPRISE = 2.0
"""What an innovation exceeds so many σ by is charge that the count has lost: it is added to the count's σ."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A state of charge at a time; the fields of `Anchor`, and as light as a walk over hundreds of them needs it."""

    at: int
    soc: float
    variance: float
    common: float
    counted: float
    lost: float

    @classmethod
    def of(cls, anchor: Anchor | None) -> "Fix | None":
        """What the state holds."""
        return None if anchor is None else cls(*(value for _, value in anchor))

    def stored(self) -> Anchor:
        """What the state will hold."""
        return Anchor(**{name: getattr(self, name) for name in self.__slots__})

    @property
    def sigma(self) -> float:
        """1 σ of the state of charge, both parts together."""
        return math.sqrt(self.variance + self.common * self.common)


def carried_on(fix: Fix, at: int, counted: float, lost: float, rules: Rules) -> tuple[float, float]:
    """(SOC, its independent variance) at a later time: grown by offset, gain and capacity, and by lost charge."""
    passed = counted - fix.counted
    drift = rules.offset_per_us * (at - fix.at)
    scale = rules.scale * passed
    return fix.soc - passed, fix.variance + (lost - fix.lost) + drift * drift + scale * scale


def fuse(prior: Fix | None, found: Fix, rules: Rules) -> Fix:
    """The best linear estimate from both, where their common errors are taken as one and the same.

    With errors p + c·s₁ of the prior and r + c·s₂ of the finding (p, r, c independent, c of unit variance), the
    weight w of the finding that makes the variance least is (P + s₁(s₁ − s₂)) / (P + R + (s₁ − s₂)²). An error of
    the table is thus never averaged away by repeating it.
    """
    if prior is None:
        return found
    soc, variance = carried_on(prior, found.at, found.counted, found.lost, rules)
    innovation = found.soc - soc
    expected = math.sqrt(variance + found.variance + prior.common**2 + found.common**2)
    variance += max(0.0, abs(innovation) - SURPRISE * expected) ** 2
    apart = prior.common - found.common
    weight = (variance + prior.common * apart) / (variance + found.variance + apart**2)
    weight = min(max(weight, 0.0), 1.0)
    return Fix(
        at=found.at,
        soc=soc + weight * innovation,
        variance=(1 - weight) ** 2 * variance + weight**2 * found.variance,
        common=(1 - weight) * prior.common + weight * found.common,
        counted=found.counted,
        lost=found.lost,
    )
