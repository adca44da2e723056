"""Settings (`altergo-settings.json`): read, overlaid by the environment, checked, typed.

`execution`, `sensors`, `models` and `chemistries` may sit under `parameters.configuration` or directly under
`parameters`; a leaf is a plain value or `{"description", "default", "valueDev"}`, of which `valueDev` wins in a local
run; a model's configuration may be flat in its block or under `configuration`. Unknown keys are errors.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from altergo_interface.chemistries import Chemistry, parse_chemistries
from altergo_interface.errors import SettingsError, did_you_mean
from altergo_interface.sensors import CurrentSign, SensorRule
from altergo_interface.units import is_unit

ENV_PREFIX = "TWINS__"
_LEAF_KEYS = {"description", "default", "valueDev"}
_MODEL_KEYS = ("inputs", "outputs", "configuration", "debug_mode", "compute_type")


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Execution(_Block):
    """How to run: which models, and what of their history."""

    enabled_models: tuple[str, ...] | None = None
    compute_type: Literal["incremental", "full", "manual"] = "incremental"
    max_days_period_compute: float | None = Field(default=None, gt=0)
    manual_start_date: str = ""
    manual_end_date: str = ""
    debug_mode: bool = False
    upload_output: bool = False

    @field_validator("enabled_models", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [name.strip() for name in value.split(",") if name.strip()]
        return value or None


class InputMapping(_Block):
    """What feeds an input: names in order of preference, and what a foreign model expects to receive."""

    names: tuple[str, ...] = ()
    unit: str | None = None
    current_sign: CurrentSign | None = None


class ModelSettings(_Block):
    """A model's block. `outputs` are display names for the upload."""

    inputs: dict[str, InputMapping] = {}
    outputs: dict[str, str] = {}
    configuration: dict[str, Any] = {}
    debug_mode: bool | None = None
    compute_type: Literal["incremental", "full", "manual"] | None = None


class Settings(_Block):
    """All settings in force; `source` names the file they came from."""

    execution: Execution = Execution()
    sensors: dict[str, SensorRule] = {}
    models: dict[str, ModelSettings] = {}
    chemistries: dict[str, Chemistry] = {}
    source: str = ""

    @field_validator("sensors")
    @classmethod
    def _units(cls, value: dict[str, SensorRule]) -> dict[str, SensorRule]:
        for name, rule in value.items():
            if rule.unit is not None and not is_unit(rule.unit):
                raise ValueError(f"sensor '{name}' has the unknown unit '{rule.unit}'")
        return value


def load_settings(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read a settings file and overlay `TWINS__SECTION__KEY` variables of the environment.

    Raises SettingsError naming the file and the key, with the nearest known name.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}", "Check --settings") from error
    except ValueError as error:
        raise SettingsError(f"{path}: no valid JSON ({error})", "Correct it") from error
    return parse_settings(raw, str(path), environ)


def parse_settings(raw: Any, source: str, environ: Mapping[str, str] | None = None) -> Settings:
    """Typed settings of a parsed document. Raises SettingsError, see `load_settings`."""
    sections = _sections(raw, source)
    _overlay(sections, {**_dotenv(Path(".env")), **os.environ} if environ is None else environ)
    document = {
        "execution": _leaves(sections["execution"]),
        "sensors": {name: _leaves(rule) for name, rule in sections["sensors"].items()},
        "models": {name: _model_block(block) for name, block in sections["models"].items()},
        "chemistries": parse_chemistries(_leaves(sections["chemistries"]), source),
        "source": source,
    }
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        raise _explained(error, source) from error


def _sections(raw: Any, source: str) -> dict[str, dict[str, Any]]:
    if not isinstance(raw, dict) or not isinstance(raw.get("parameters"), dict):
        raise SettingsError(f"{source}: no object 'parameters' at the top", "See the README's example")
    body = dict(raw["parameters"])
    nested = body.pop("configuration", {})
    if not isinstance(nested, dict):
        raise SettingsError(f"{source}: 'parameters.configuration' is no object", "See the README's example")
    merged = {**body, **nested}
    known = ("execution", "sensors", "models", "chemistries")
    for key in merged:
        if key not in known:
            raise SettingsError(f"{source}: unknown key 'parameters.{key}'", did_you_mean(key, known))
    sections = {key: merged.get(key, {}) for key in known}
    for key, section in sections.items():
        if not isinstance(section, dict):
            raise SettingsError(f"{source}: 'parameters.{key}' is no object", "See the README's example")
    return {key: json.loads(json.dumps(section)) for key, section in sections.items()}


def _dotenv(path: Path) -> dict[str, str]:
    """The overrides in a `.env` file, `KEY=VALUE` a line; other keys are other programs' business."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    pairs = (line.strip().partition("=") for line in lines)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs if key.startswith(ENV_PREFIX)}


def _overlay(sections: dict[str, dict[str, Any]], environ: Mapping[str, str]) -> None:
    for variable, text in environ.items():
        if not variable.startswith(ENV_PREFIX):
            continue
        path = [part.lower() for part in variable.removeprefix(ENV_PREFIX).split("__")]
        if len(path) < 2 or path[0] not in sections:
            raise SettingsError(f"environment variable {variable} names no setting", did_you_mean(path[0], sections))
        if path[0] == "models" and len(path) == 3 and path[2] not in _MODEL_KEYS:
            path.insert(2, "configuration")  # where it wins over the file's, whichever form that has
        block = sections[path[0]]
        for part in path[1:-1]:
            block = block.setdefault(part, {})
            if not isinstance(block, dict):
                raise SettingsError(f"environment variable {variable} goes below '{part}', which is no object")
        block[path[-1]] = _scalar(text)


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _leaf(value: Any) -> Any:
    """A leaf's plain value; `valueDev` wins, because every run of this engine is a local run so far."""
    if isinstance(value, dict) and value and set(value) <= _LEAF_KEYS and set(value) != {"description"}:
        return value["valueDev"] if value.get("valueDev") is not None else value.get("default")
    return value


def _leaves(block: Any) -> Any:
    return {key: _leaf(value) for key, value in block.items()} if isinstance(block, dict) else block


def _model_block(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    flat = {key: value for key, value in block.items() if key not in _MODEL_KEYS}
    inputs, configuration = block.get("inputs", {}), block.get("configuration", {})
    plain = {key: _leaf(block[key]) for key in ("debug_mode", "compute_type") if key in block}
    return plain | {
        "inputs": {n: _mapping(v) for n, v in inputs.items()} if isinstance(inputs, dict) else inputs,
        "outputs": _leaves(block.get("outputs", {})),
        "configuration": _leaves({**flat, **configuration}) if isinstance(configuration, dict) else configuration,
    }


def _mapping(value: Any) -> Any:
    """`"name"`, `["name", …]`, `{"default": …}`, or any of these with `unit` and `current_sign`."""
    extra: dict[str, Any] = {}
    if isinstance(value, dict):
        extra = {key: _leaf(value[key]) for key in ("unit", "current_sign") if key in value}
        value = _leaf({key: item for key, item in value.items() if key not in extra})
    if isinstance(value, str):
        value = [value]
    return {"names": value or (), **extra}


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
