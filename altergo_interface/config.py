"""Settings (`altergo-settings.json`): read, overlaid by the environment, checked, typed.

`execution`, `sensors`, `models` and `chemistries` may sit under `parameters.configuration` or directly under
`parameters`; a leaf is a plain value or `{"description", "default", "valueDev"}`, of which `valueDev` wins in a local
run; a model's configuration may be flat in its block or under `configuration`. Unknown keys are errors.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from altergo_interface.chemistries import Chemistry, parse_chemistries
from altergo_interface.errors import SettingsError, did_you_mean
from altergo_interface.sensors import CurrentSign, SensorRule
from altergo_interface.settings_document import dotenv, gateway_of, plain_document, read_document
from altergo_interface.units import is_unit, known_units

ComputeType = Literal["incremental", "full", "manual"]


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Execution(_Block):
    """How to run: which models, and what of their history."""

    enabled_models: tuple[str, ...] | None = Field(
        default=None,
        description="names, a list or separated by commas; by default every model whose required inputs an asset has",
    )
    compute_type: ComputeType = Field(
        default="incremental",
        description="go on where the last run ended, recompute everything, or restate a range of days",
    )
    max_days_period_compute: float | None = Field(
        default=None, gt=0, description="days of event time for each asset and model in one run; the next goes on"
    )
    manual_start_date: str = Field(default="", description="with manual: from this time on, ISO 8601")
    manual_end_date: str = Field(default="", description="with manual: before this time, ISO 8601")
    debug_mode: bool = Field(
        default=False, description="write a dashboard for each pair of a run, of the model; no effect on results"
    )
    upload_output: bool = Field(default=False, description="send what has changed to the platform after a run")

    @field_validator("enabled_models", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [name.strip() for name in value.split(",") if name.strip()]
        return value or None


class InputMapping(_Block):
    """What feeds an input: names in order of preference, and what a foreign model expects to receive."""

    names: tuple[str, ...] = Field(
        default=(), description="a sensor, `model:output` or an asset's parameter; of several the first the asset has"
    )
    unit: str | None = Field(default=None, description="unit that the model receives, instead of its manifest's")
    current_sign: CurrentSign | None = Field(default=None, description="sign in which the model receives a current")


class ModelSettings(_Block):
    """A model's block. `outputs` are display names for the upload."""

    inputs: dict[str, InputMapping] = Field(default={}, description="what feeds each input, by its logical name")
    outputs: dict[str, str] = Field(default={}, description="what each output is called on the platform")
    configuration: dict[str, Any] = Field(
        default={}, description="the model's own keys, see below; they may stand in the block itself as well"
    )
    debug_mode: bool | None = Field(default=None, description="that of execution, for this model")
    compute_type: ComputeType | None = Field(default=None, description="that of execution, for this model")


class Settings(_Block):
    """All settings in force; `source` names the file they came from, `gateway` the platform, where one is named."""

    execution: Execution = Execution()
    sensors: dict[str, SensorRule] = {}
    models: dict[str, ModelSettings] = {}
    chemistries: dict[str, Chemistry] = {}
    source: str = ""
    gateway: str = ""

    @field_validator("sensors")
    @classmethod
    def _units(cls, value: dict[str, SensorRule]) -> dict[str, SensorRule]:
        for name, rule in value.items():
            if rule.unit is not None and not is_unit(rule.unit):
                raise ValueError(f"sensor '{name}' has the unknown unit '{rule.unit}'. {known_units(rule.unit)}")
        return value


def load_settings(
    path: Path, environ: Mapping[str, str] | None = None, *, local: bool = True, over: Sequence[Any] = ()
) -> Settings:
    """Read a settings file and overlay `TWINS__SECTION__KEY` variables of the environment; see `parse_settings`.

    Raises SettingsError naming the file and the key, with the nearest known name.
    """
    return parse_settings(read_document(path), str(path), environ, local=local, over=over)


def parse_settings(
    raw: Any, source: str, environ: Mapping[str, str] | None = None, *, local: bool = True, over: Sequence[Any] = ()
) -> Settings:
    """Typed settings of a parsed document.

    A leaf's `valueDev` wins in a `local` run alone. `over` are further documents whose keys win over the file's,
    and the environment (by default the process's and `.env`) over all. Raises SettingsError, see `load_settings`.
    """
    overrides = {**dotenv(), **os.environ} if environ is None else environ
    document = plain_document(raw, source, overrides, local, over)
    chemistries = parse_chemistries(document["chemistries"], source)
    named = {"source": source, "gateway": gateway_of(raw, source)}
    try:
        return Settings.model_validate({**document, **named, "chemistries": chemistries})
    except ValidationError as error:
        raise _explained(error, source) from error


def defaulted(settings: Settings) -> list[str]:
    """The keys of `execution` that nothing has set, each with the default that holds, one line each."""
    manual = ("manual_start_date", "manual_end_date")  # of interest to a manual run alone
    missing = [
        name
        for name in Execution.model_fields
        if name not in settings.execution.model_fields_set
        and (name not in manual or settings.execution.compute_type == "manual")
    ]
    where = f"{settings.source}: parameters.execution"
    return [f"{where}.{name} is missing: {json.dumps(getattr(settings.execution, name))} is used" for name in missing]


def _explained(error: ValidationError, source: str) -> SettingsError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    hint = did_you_mean(str(first["loc"][-1]), _fields_at(first["loc"])) if first["type"] == "extra_forbidden" else ""
    return SettingsError(f"{source}: parameters.{key}: {first['msg']}", hint or "See the README's example")


def _fields_at(loc: Iterable[Any]) -> Iterable[str]:
    section = next(iter(loc), "")
    blocks: dict[Any, type[BaseModel]] = {
        "execution": Execution,
        "sensors": SensorRule,
        "models": ModelSettings,
    }
    return blocks[section].model_fields if section in blocks else Settings.model_fields
