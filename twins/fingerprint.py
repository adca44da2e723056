"""Fingerprints: hashes of all that can change a result, in parts that can be told apart."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from altergo_interface import CONTRACT_VERSION
from altergo_interface.chemistries import CHEMISTRY, OCV_TABLE
from altergo_interface.config import InputMapping, ModelSettings, Settings
from altergo_interface.manifest import Manifest
from altergo_interface.models import ModelSpec
from altergo_interface.sensors import is_pattern, matches
from twins.binding import declared_names
from twins.grid import Grid

Parts = Mapping[str, Mapping[str, Any]]
"""Section to key to what counts of it: a hash, or the plain JSON value itself where a person may want to read it."""

_GROUPS = {
    "code": ("code", "manifest", "contract"),
    "tables": ("tables", "chemistries"),
    "config": ("configuration", "mapping", "sensors", "grid"),
    "upstream": ("upstream",),
}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Hashes of all that can change a result: one of everything, and one for each kind of reason to run again.

    `code`: the files of the model's code closure, its manifest and the contract; `tables`: its data tables and, if it
    asks for a chemistry, those that the settings declare; `config`: its effective configuration, the declared
    mapping, the sensors' declarations and the grid; `upstream`: the fingerprints of the models that may feed it.
    `parts` says what they were made of.
    """

    value: str
    code: str
    tables: str
    config: str
    upstream: str
    parts: Parts = field(compare=False)

    @classmethod
    def of(cls, parts: Parts) -> "Fingerprint":
        """The fingerprint of these parts."""
        groups = {name: _hash({key: parts.get(key, {}) for key in keys}) for name, keys in _GROUPS.items()}
        return cls(_hash(groups), **groups, parts=parts)

    @classmethod
    def from_json(cls, text: str) -> "Fingerprint":
        """The fingerprint whose parts `to_json` gave."""
        return cls.of(json.loads(text))

    def to_json(self) -> str:
        """The parts, canonical."""
        return _canonical(self.parts)


@dataclass(frozen=True, slots=True)
class Difference:
    """One part in which two fingerprints differ; None where a side has none."""

    part: str
    key: str
    was: Any
    now: Any


def differences(was: Fingerprint, now: Fingerprint) -> list[Difference]:
    """Every part that differs, by section and key."""
    found = []
    for part in sorted({*was.parts, *now.parts}):
        before, after = was.parts.get(part, {}), now.parts.get(part, {})
        keys = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
        found += [Difference(part, key, before.get(key), after.get(key)) for key in keys]
    return found


def _hash(value: Any) -> str:
    return hashlib.sha256(_canonical(value).encode()).hexdigest()[:32]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def fingerprint(
    spec: ModelSpec, settings: Settings, grid: Grid, upstream: Mapping[str, str] | None = None
) -> Fingerprint:
    """The fingerprint of a model under these settings. Raises SettingsError for a wrong configuration.

    `upstream` are the fingerprints of the models that may feed it. Display names, descriptions, examples,
    `execution` and `debug_mode` cannot change a result and do not count.
    """
    block = settings.models.get(spec.name, ModelSettings())
    where = f"{settings.source}: models.{spec.name}"
    mapping = {name: declared_names(name, entry, block) for name, entry in spec.manifest.inputs.items()}
    parts = {
        "code": spec.sources,
        "manifest": _manifest(spec.manifest),
        "contract": {"version": CONTRACT_VERSION},
        "tables": spec.tables,
        "chemistries": _chemistries(spec.manifest, settings),
        "configuration": spec.manifest.effective_configuration(block.configuration, where),
        "mapping": {name: _mapped(names, block.inputs.get(name)) for name, names in mapping.items()},
        "sensors": {"rules": _rules(settings, {name for names in mapping.values() for name in names})},
        "grid": {"slot_us": grid.slot_us},
        "upstream": dict(upstream or {}),
    }
    return Fingerprint.from_json(_canonical(parts))  # plain JSON, as it will be stored


_NEWER = {"inputs": ("fallback",), "outputs": ("type",), "configuration": ()}
"""Keys that manifests did not have at first: unset, they must not make every pair run again."""


def _manifest(manifest: Manifest) -> dict[str, Any]:
    """What of a manifest can change a result, one entry for each input, output and key."""
    found = manifest.model_dump(mode="json", exclude={"name", "description", "category", "version"})
    flat: dict[str, Any] = {}
    for key, value in found.items():
        if key not in ("inputs", "outputs", "configuration"):
            flat[key] = value
            continue
        for name, entry in value.items():
            kept = {k: v for k, v in entry.items() if k not in ("description", "example")}
            flat[f"{key}.{name}"] = {k: v for k, v in kept.items() if v is not None or k not in _NEWER[key]}
    return flat


def _chemistries(manifest: Manifest, settings: Settings) -> dict[str, str]:
    """A hash of each chemistry that the settings declare, for a model that asks for the asset's."""
    if not {CHEMISTRY, OCV_TABLE} & set(manifest.inputs):
        return {}
    return {name: _hash(chemistry.model_dump(mode="json")) for name, chemistry in settings.chemistries.items()}


def _mapped(names: tuple[str, ...], mapping: InputMapping | None) -> dict[str, Any]:
    wanted = mapping or InputMapping()
    return {"names": list(names), "unit": wanted.unit, "current_sign": wanted.current_sign}


def _rules(settings: Settings, names: Iterable[str]) -> list[Any]:
    """The sensor declarations that may concern these names, in the order of the file (the first match holds)."""
    names = sorted(names)
    return [
        [key, rule.model_dump(mode="json")]
        for key, rule in settings.sensors.items()
        if any(_may_overlap(key, name) for name in names)
    ]


def _may_overlap(key: str, name: str) -> bool:
    if matches(key, name) or matches(name, key):
        return True
    if not (is_pattern(key) and is_pattern(name)):
        return False
    heads = [pattern.split("*")[0].split("#")[0] for pattern in (key, name)]
    return heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
