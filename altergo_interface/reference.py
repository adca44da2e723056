"""The configuration reference, from the types and manifests themselves: `python -m altergo_interface.reference`."""

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from altergo_interface.config import Execution, InputMapping, ModelSettings
from altergo_interface.manifest import InputSpec, OutputSpec, ParameterSpec
from altergo_interface.models import ModelSpec, discover
from altergo_interface.sensors import SensorRule

INTRODUCTION = """# Configuration reference

Made by `make docs` from the types that read the settings and from the models' manifests: do not edit it.

Settings are read from `altergo-settings.json`. `execution`, `sensors`, `models` and `chemistries` stand under
`parameters` or under `parameters.configuration`. A value is plain, or
`{"description": …, "default": …, "valueDev": …}`: `valueDev` counts in local runs, `default` on the platform. Beside
`parameters`, `"gateway": "file:DIR"` or `"altergo"` names the platform.

What overrides what, the strongest first: a flag of the command line, the environment
(`TWINS__EXECUTION__COMPUTE_TYPE=full`, `TWINS__MODELS__EQ_CYCLES__DEADBAND_A=0.02`), the same in a file `.env`, the
settings file, the manifest's default. `twins config --show-origin` shows all values in force and where each comes
from. An unknown key is an error that names the nearest known one.
"""
CHEMISTRIES = """Each key names a chemistry; its value is `{"like": FAMILY, "ocv_table": FILE}`, or for one of the six
families the file alone. `like` gives limits and rest times; the file is CSV with the columns `soc` and `ocv`, and its
path is relative to the settings."""
SENSORS = """Each key names a sensor, or several: `#` stands for one number, `*` for anything. Parameters of an asset
with the same name (`cadence_s`, `current_sign`, `max_silence_s`, `telemetry`) override them."""
MODELS = """Each key names a model."""
INPUTS = """A name, a list of names, or an object with them under `default`, beside `unit` and `current_sign`."""


def reference() -> str:
    """The page as Markdown."""
    parts = [INTRODUCTION]
    parts += _section("## `execution`", "", _fields(Execution))
    parts += _section("## `sensors`", SENSORS, _fields(SensorRule))
    parts += _section("## `models`", MODELS, _fields(ModelSettings))
    parts += _section("### `inputs` of a model", INPUTS, _fields(InputMapping))
    parts += [f"## `chemistries`\n\n{CHEMISTRIES}\n", "## The models\n"]
    for name, spec in discover(()).items():
        parts += _model(name, spec)
    return "\n".join(parts)


_Row = tuple[str, ...]


def _section(title: str, text: str, rows: Iterable[_Row]) -> list[str]:
    return [f"{title}\n", *([f"{text}\n"] if text else []), _table(("key", "type", "default", "meaning"), rows)]


def _table(head: _Row, rows: Iterable[_Row]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '∣') for cell in line)} |\n" for line in lines)


def _fields(model: type[BaseModel]) -> Iterator[_Row]:
    for name, field in model.model_fields.items():
        default = "" if field.default in (None, "", (), {}) else _code(field.default)
        key = "default" if model is InputMapping and name == "names" else name  # as it is written
        yield f"`{key}`", _type(field.annotation), default, field.description or ""


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return ", ".join(_type(part) for part in arguments if part is not type(None))
    if origin is Literal:
        return ", ".join(_code(choice) for choice in arguments)
    if origin is tuple:
        return "list of names" if arguments[-1] is Ellipsis else "[number, number]"
    if origin is dict:
        return "object"
    return {str: "text", float: "number", int: "number", bool: "true, false"}.get(annotation, str(annotation))


def _code(value: Any) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _model(name: str, spec: ModelSpec) -> Iterator[str]:
    manifest = spec.manifest
    yield f"### `{name}`\n\n{manifest.description.rstrip('.')}. Version {manifest.version}, {spec.continuity}.\n"
    yield _table(("input", "type", "unit", "required", "mapped to by default"), _inputs(manifest.inputs))
    yield _table(("output", "unit", "kept when it changes by", "meaning"), _outputs(manifest.outputs))
    if manifest.configuration:
        yield _table(("configuration", "type", "default", "allowed", "meaning"), _keys(manifest.configuration))


def _inputs(inputs: Mapping[str, InputSpec]) -> Iterator[_Row]:
    for name, entry in inputs.items():
        mapped = ", ".join(_code(other) for other in entry.default or (name,))
        needed = "yes" if entry.required else ""
        yield f"`{name}`", entry.type, entry.unit or "", needed, mapped


def _outputs(outputs: Mapping[str, OutputSpec]) -> Iterator[_Row]:
    for name, entry in outputs.items():
        step = "" if entry.decimation_threshold is None else f"{entry.decimation_threshold:g}"
        yield f"`{name}`", entry.unit or "", step, entry.description


def _keys(keys: Mapping[str, ParameterSpec]) -> Iterator[_Row]:
    for name, entry in keys.items():
        default = "" if entry.default is None else _code(entry.default)
        meaning = f"{entry.description} ({entry.unit})" if entry.unit else entry.description
        yield f"`{name}`", entry.type, default, _allowed(entry), meaning


def _allowed(entry: ParameterSpec) -> str:
    if entry.choices:
        return ", ".join(_code(choice) for choice in entry.choices)
    low = [f"> {entry.exclusive_minimum:g}"] if entry.exclusive_minimum is not None else []
    low += [f"≥ {entry.minimum:g}"] if entry.minimum is not None else []
    return ", ".join([*low, *([f"≤ {entry.maximum:g}"] if entry.maximum is not None else [])])


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference())
