"""A model's manifest (`model.json`): inputs, outputs, configuration and continuity, typed.

Both shapes found in the wild are read: `inputs` as an object keyed by logical name, or as a list of objects
with `logical_name`; `configuration` as an object, or a list called `parameters`.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from altergo_interface.errors import ManifestError, SettingsError, did_you_mean
from altergo_interface.sensors import CurrentSign


class Continuity(StrEnum):
    """How a model carries on from one call to the next."""

    POINTWISE = "pointwise"
    STATEFUL = "stateful"
    SEEDED = "seeded"
    WINDOWED = "windowed"
    WHOLE_LOG = "whole_log"


GROUPS = ("table", "sensors")
"""Types of inputs that several sensors feed."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class InputSpec(_Part):
    """One input: a series, a table (one series per cell), sensors as they were delivered, or a constant of the asset.

    `default` names what it is mapped to where the settings say nothing (then the logical name itself).
    `unit` and `current_sign` are what the model receives; `valid_range` is closed, in that unit. With
    `initialisation_value` it receives the last value that the twin itself gave for that output, and no sensor feeds
    it. `example` is a value that the conformance checks use for a constant.
    """

    type: Literal["pd.Series", "table", "sensors", "float", "str", "dict"] = "pd.Series"
    unit: str | None = None
    required: bool = True
    default: tuple[str, ...] = ()
    valid_range: tuple[float | None, float | None] | None = None
    current_sign: CurrentSign | None = None
    initialisation_value: str | None = None
    example: Any = None
    description: str = ""

    @property
    def is_series(self) -> bool:
        """Whether it is fed by sensors."""
        return self.type in ("pd.Series", *GROUPS) and self.initialisation_value is None


class OutputSpec(_Part):
    """One output. Without a `decimation_threshold` (in the output's unit) every sample is kept."""

    unit: str | None = None
    decimation_threshold: float | None = Field(default=None, gt=0)
    description: str = ""


class ParameterSpec(_Part):
    """One key of the model's configuration, with bounds."""

    type: Literal["float", "int", "bool", "str"] = "float"
    default: float | int | bool | str | None = None
    minimum: float | None = None
    exclusive_minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str | None = None
    description: str = ""

    @field_validator("default")
    @classmethod
    def _float_without_point(cls, value: Any, info: ValidationInfo) -> Any:
        """A default of 10 and a setting of 10.0 are one configuration."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        return float(value) if whole and info.data.get("type") == "float" else value

    def check(self, value: Any, where: str) -> Any:
        """The value, converted to the declared type. Raises SettingsError naming `where` and the bound."""
        if value is None:
            if self.default is None:
                return None
            raise SettingsError(f"{where}: null is no value", "Leave the key out to get the default")
        value = self._typed(value, where)
        if self.choices and value not in self.choices:
            raise SettingsError(f"{where}: '{value}' is not allowed", did_you_mean(str(value), self.choices))
        if isinstance(value, float | int) and not isinstance(value, bool):
            self._bounded(float(value), where)
        return value

    def _typed(self, value: Any, where: str) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = {
            "float": number,
            "int": number and float(value).is_integer(),
            "bool": isinstance(value, bool),
            "str": isinstance(value, str),
        }
        if not fits[self.type]:
            raise SettingsError(f"{where}: {value!r} is no {self.type}", f"The default is {self.default}")
        return {"float": float, "int": int, "bool": bool, "str": str}[self.type](value)

    def _bounded(self, value: float, where: str) -> None:
        low = self.minimum is not None and value < self.minimum
        at_low = self.exclusive_minimum is not None and value <= self.exclusive_minimum
        high = self.maximum is not None and value > self.maximum
        if low or at_low or high or value != value:
            floor = f"> {self.exclusive_minimum}" if self.exclusive_minimum is not None else f">= {self.minimum}"
            raise SettingsError(f"{where}: {value} is out of bounds", f"Allowed: {floor}, <= {self.maximum}")


class Manifest(_Part):
    """A model's manifest. `one_of` lists groups of inputs of which one must be there in full."""

    name: str = ""
    version: str = "0"
    description: str = ""
    category: str = ""
    continuity: Continuity | None = None
    inputs: dict[str, InputSpec] = {}
    outputs: dict[str, OutputSpec] = {}
    configuration: dict[str, ParameterSpec] = {}
    one_of: tuple[tuple[str, ...], ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _both_shapes(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            raise ValueError("a manifest is a JSON object")
        raw = dict(raw)
        if "parameters" in raw and "configuration" not in raw:
            raw["configuration"] = raw.pop("parameters")
        for key in ("inputs", "outputs", "configuration"):
            raw[key] = _keyed(raw.get(key, {}), key)
        for spec in raw["inputs"].values():
            if isinstance(spec, dict) and isinstance(spec.get("default"), str):
                spec["default"] = (spec["default"],)
        return raw

    @model_validator(mode="after")
    def _known_names(self) -> "Manifest":
        for name in (name for group in self.one_of for name in group):
            if name not in self.inputs:
                raise ValueError(f"one_of names the unknown input '{name}'")
        for spec in self.inputs.values():
            seed = spec.initialisation_value
            if seed is not None and seed not in self.outputs:
                raise ValueError(f"initialisation_value names the unknown output '{seed}'")
        return self

    def effective_configuration(self, given: dict[str, Any], where: str) -> dict[str, Any]:
        """Defaults overlaid by `given`. Raises SettingsError for an unknown key or a value out of bounds."""
        for key in given:
            if key not in self.configuration:
                raise SettingsError(f"{where}: unknown key '{key}'", did_you_mean(key, self.configuration))
        values = {key: spec.default for key, spec in self.configuration.items()}
        values |= {key: self.configuration[key].check(v, f"{where}.{key}") for key, v in given.items()}
        return values


def _keyed(raw: Any, key: str) -> dict[str, Any]:
    """An object keyed by logical name, from that or from a list of objects that carry their name."""
    if isinstance(raw, dict):
        return {name: dict(spec) if isinstance(spec, dict) else spec for name, spec in raw.items()}
    if not isinstance(raw, list):
        raise ValueError(f"'{key}' is neither an object nor a list")
    named: dict[str, Any] = {}
    for item in raw:
        name = item.get("logical_name") or item.get("name") if isinstance(item, dict) else None
        if not name:
            raise ValueError(f"an entry of '{key}' has no logical_name")
        named[name] = {k: v for k, v in item.items() if k not in ("logical_name", "name")}
    return named


def load_manifest(path: Path) -> Manifest:
    """Read and check `model.json`. Raises ManifestError naming the file and the key."""
    try:
        return Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ManifestError(f"{path}: {key}: {first['msg']}".replace(": :", ":")) from error
    except ValueError as error:
        raise ManifestError(f"{path}: no valid JSON ({error})") from error
