"""What the settings declare of a sensor: unit, sign, validity, and how often it speaks."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

CurrentSign = Literal["discharge_positive", "charge_positive"]


class SensorRule(BaseModel):
    """A sensor's declaration. Every field is optional: what is not declared is not assumed.

    `valid_range` is closed and in the sensor's own unit; `cadence_s` and `max_silence_s` are seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str | None = Field(default=None, description="unit of the values as delivered")
    valid_range: tuple[float, float] | None = Field(
        default=None, description="[low, high], closed, in the sensor's own unit; a value outside is no sample"
    )
    resolution: float | None = Field(default=None, gt=0, description="smallest step of the values, in the same unit")
    cadence_s: float | None = Field(default=None, gt=0, description="seconds between two samples, as a rule")
    telemetry: Literal["sampled", "on_change"] = Field(
        default="sampled", description="whether a sample comes at a cadence, or when the value has changed"
    )
    max_silence_s: float | None = Field(
        default=None, gt=0, description="seconds for which an on_change sensor may be silent"
    )
    current_sign: CurrentSign | None = Field(
        default=None, description="which way a positive current flows; without it discharge, with a warning"
    )

    @field_validator("valid_range")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not value[0] < value[1]:
            raise ValueError(f"[{value[0]}, {value[1]}] is no range: give [low, high]")
        return value

    def max_interval_s(self) -> float:
        """The longest interval that one sample may stand for, in seconds.

        An on-change sensor may be silent for `max_silence_s`; a sampled one for five of its cadences, or 120 s
        where no cadence is declared.
        """
        if self.telemetry == "on_change" and self.max_silence_s is not None:
            return self.max_silence_s
        return 5.0 * self.cadence_s if self.cadence_s is not None else 120.0


_UNDECLARED = SensorRule()


@lru_cache(maxsize=4096)
def _pattern(name: str) -> re.Pattern[str]:
    literal = re.escape(name).replace(r"\*", ".*").replace(r"\#", "#").replace("#", r"(\d+)")
    return re.compile(literal, re.DOTALL)


def is_pattern(name: str) -> bool:
    """Whether a mapped name stands for several sensors: `*` matches anything, `#` one number."""
    return "*" in name or "#" in name


def matches(name: str, sensor: str) -> bool:
    """Whether a name of the settings, a pattern or not, stands for this sensor; all but `*` and `#` is literal."""
    return name == sensor or (is_pattern(name) and _pattern(name).fullmatch(sensor) is not None)


def matching(name: str, sensors: Iterable[str]) -> list[str]:
    """The sensors that a pattern stands for, in the order of their numbers, then of their names."""

    def order(sensor: str) -> tuple[list[int], str]:
        return [int(number) for number in re.findall(r"\d+", sensor)], sensor

    return sorted((sensor for sensor in sensors if matches(name, sensor)), key=order)


def rule_for(sensor: str, rules: Mapping[str, SensorRule]) -> SensorRule:
    """The declaration that holds for a sensor: its exact name first, then the first pattern that matches."""
    exact = rules.get(sensor)
    if exact is not None:
        return exact
    return next((rule for name, rule in rules.items() if matches(name, sensor)), _UNDECLARED)
