"""The effective settings, key by key, and where each value comes from."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from altergo_interface.config import ModelSettings, Settings
from altergo_interface.models import ModelSpec, Registry
from altergo_interface.settings_document import (
    KeyPath,
    dotenv,
    key_paths,
    plain_document,
    read_document,
    variable_path,
)

FLAG, ENVIRONMENT, DOTENV, FILE, MANIFEST, DEFAULT = (
    *("flag", "environment", ".env", "file"),
    *("manifest default", "default"),
)


class Effective(NamedTuple):
    """One key, the value that holds, and its origin."""

    key: str
    value: Any
    origin: str


def effective(settings: Settings, registry: Registry, flags: Mapping[str, Any]) -> list[Effective]:
    """Every key of the settings in force, those that only manifests set included; `flags` set keys of `execution`."""
    given = _Given(settings)
    found = []
    for path, value, default in _values(settings, registry):
        flag = flags.get(path[1]) if path[0] == "execution" else None
        origin = FLAG if flag is not None else given.origin(path) or default
        found.append(Effective(".".join(path), value if flag is None else flag, origin))
    return found


class _Given:
    """What has been set, and where."""

    def __init__(self, settings: Settings) -> None:
        self._environment = _named(os.environ)
        self._dotenv = _named(dotenv())
        document = plain_document(read_document(Path(settings.source)), settings.source, {}, local=True)
        self._file = set(key_paths(document))

    def origin(self, path: KeyPath) -> str | None:
        """Where a key was set; None: nowhere."""
        for origin, names in ((ENVIRONMENT, self._environment), (DOTENV, self._dotenv), (FILE, self._file)):
            if any(name[: len(path)] == path for name in names):
                return origin
        return None


def _named(variables: Mapping[str, str]) -> set[KeyPath]:
    return {path for variable in variables if (path := variable_path(variable)) is not None}


def _values(settings: Settings, registry: Registry) -> Iterator[tuple[KeyPath, Any, str]]:
    """(key, value, origin where nothing has set it)."""
    for name, value in settings.execution.model_dump(mode="json").items():
        yield ("execution", name), value, DEFAULT
    for sensor, rule in settings.sensors.items():
        for name, value in rule.model_dump(mode="json", exclude_unset=True).items():
            yield ("sensors", sensor, name), value, DEFAULT
    for name, chemistry in settings.chemistries.items():
        yield ("chemistries", name), chemistry.like, FILE
    enabled = settings.execution.enabled_models
    for name, spec in registry.items():
        if enabled is None or name in enabled or name in settings.models:
            yield from _model_values(spec, settings.models.get(name, ModelSettings()))


def _model_values(spec: ModelSpec, block: ModelSettings) -> Iterator[tuple[KeyPath, Any, str]]:
    where = ("models", spec.name)
    for key in ("debug_mode", "compute_type"):
        if getattr(block, key) is not None:
            yield (*where, key), getattr(block, key), DEFAULT
    for name, entry in spec.manifest.inputs.items():
        mapping = block.inputs.get(name)
        names = mapping.names if mapping is not None and mapping.names else entry.default or (name,)
        yield (*where, "inputs", name), list(names), MANIFEST
    for name, shown in block.outputs.items():
        yield (*where, "outputs", name), shown, DEFAULT
    values = spec.manifest.effective_configuration(dict(block.configuration), f"parameters.models.{spec.name}")
    for name, value in values.items():
        yield (*where, "configuration", name), value, MANIFEST
