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
from altergo_interface.wild_manifest import one_form


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
    it. `fallback` is a constant's value where the asset has none (a `default` that is no text in `model.json`), and a
    seed's before the first output. `example` is a value that the conformance checks use for a constant.
    """

    type: Literal["pd.Series", "table", "sensors", "float", "str", "dict"] = "pd.Series"
    unit: str | None = None
    required: bool = True
    default: tuple[str, ...] = ()
    valid_range: tuple[float | None, float | None] | None = None
    current_sign: CurrentSign | None = None
    initialisation_value: str | None = None
    fallback: float | dict[str, Any] | None = None
    example: Any = None
    description: str = ""

    @property
    def is_series(self) -> bool:
        """Whether it is fed by sensors."""
        return self.type in ("pd.Series", *GROUPS) and self.initialisation_value is None


class OutputSpec(_Part):
    """One output. Without a `decimation_threshold` (in the output's unit) every sample is kept.

    `type` is `number` or `label` where the manifest promises one of them.
    """

    type: Literal["number", "label"] | None = None
    unit: str | None = None
    decimation_threshold: float | None = Field(default=None, gt=0)
    description: str = ""


class ParameterSpec(_Part):
    """One key of the model's configuration, with bounds; `json` is any object or list."""

    type: Literal["float", "int", "bool", "str", "json"] = "float"
    default: float | int | bool | str | dict[str, Any] | list[Any] | None = None
    minimum: float | None = None
    exclusive_minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    unit: str | None = None
    description: str = ""

    @field_validator("default")
    @classmethod
    def _float_without_point(cls, value: Any, info: ValidationInfo) -> Any:
        """A default of 10 and a setting of 10.0 are one configuration."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        return float(value) if whole and info.data.get("type") == "float" else value

    @model_validator(mode="after")
    def _default_fits(self) -> "ParameterSpec":
        try:
            self.check(self.default, "default")
        except SettingsError as error:
            raise ValueError(str(error)) from error
        return self

    def check(self, value: Any, where: str) -> Any:
        """The value, converted to the declared type. Raises SettingsError naming `where` and the bound."""
        if value is None:
            if self.default is None:
                return None
            raise SettingsError(f"{where}: null is no value", "Leave the key out to get the default")
        value = self._typed(value, where)
        if self.choices and value not in self.choices:
            known = [str(choice) for choice in self.choices]
            raise SettingsError(f"{where}: '{value}' is not allowed", did_you_mean(str(value), known))
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
            "json": isinstance(value, dict | list),
        }
        if not fits[self.type]:
            said = {"float": "number", "int": "whole number", "str": "text"}.get(self.type, self.type)
            raise SettingsError(f"{where}: {value!r} is no {said}", f"The default is {self.default}")
        return (
            value if self.type == "json" else {"float": float, "int": int, "bool": bool, "str": str}[self.type](value)
        )

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
        return one_form(raw)

    @model_validator(mode="after")
    def _known_names(self) -> "Manifest":
        for name in (name for group in self.one_of for name in group):
            if name not in self.inputs:
                raise ValueError(f"one_of names the unknown input '{name}'")
        for name, spec in self.inputs.items():
            seed = spec.initialisation_value
            if seed is not None and self.output(seed) is None:
                raise ValueError(f"inputs.{name}.initialisation_value names the unknown output '{seed}'")
        return self

    def output(self, name: str) -> OutputSpec | None:
        """The declaration of an output; that of a DataFrame holds for its columns, `output.column`."""
        found = self.outputs.get(name)
        while found is None and "." in name:
            name = name.rpartition(".")[0]
            found = self.outputs.get(name)
        return found

    def effective_configuration(self, given: dict[str, Any], where: str) -> dict[str, Any]:
        """Defaults overlaid by `given`. Raises SettingsError for an unknown key or a value out of bounds."""
        for key in given:
            if key not in self.configuration:
                raise SettingsError(f"{where}: unknown key '{key}'", did_you_mean(key, self.configuration))
        values = {key: spec.default for key, spec in self.configuration.items()}
        values |= {key: self.configuration[key].check(v, f"{where}.{key}") for key, v in given.items()}
        return values


def load_manifest(path: Path) -> Manifest:
    """Read and check `model.json`. Raises ManifestError naming the file and the key."""
    try:
        return Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise ManifestError(f"{path}: {key}: {said}".replace(": :", ":")) from error
    except RecursionError as error:
        raise ManifestError(f"{path}: no valid JSON (nested too deeply)") from error
    except ValueError as error:
        raise ManifestError(f"{path}: no valid JSON ({error})") from error
