"""Fingerprints: hashes of all that can change a result, in parts that can be told apart."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from altergo_interface import CONTRACT_VERSION
from altergo_interface.config import InputMapping, ModelSettings, Settings
from altergo_interface.models import ModelSpec
from altergo_interface.sensors import is_pattern, matches
from twins.binding import declared_names
from twins.grid import Grid


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`code`: the model's code closure, its manifest and the contract; `config`: its effective configuration, the
    declared mapping, the sensors' declarations and the grid."""

    code: str
    config: str

    @property
    def value(self) -> str:
        """One hash of all parts."""
        return _hash(asdict(self))


def _hash(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def fingerprint(spec: ModelSpec, settings: Settings, grid: Grid) -> Fingerprint:
    """The fingerprint of a model under these settings. Raises SettingsError for a wrong configuration.

    Display names, descriptions, `execution` and `debug_mode` cannot change a result and do not count.
    """
    block = settings.models.get(spec.name, ModelSettings())
    manifest = spec.manifest.model_dump(mode="json", exclude={"name", "description", "category", "version"})
    for part in ("inputs", "outputs", "configuration"):
        for entry in manifest[part].values():
            entry.pop("description")
    where = f"{settings.source}: models.{spec.name}"
    mapping = {name: declared_names(name, i, block) for name, i in spec.manifest.inputs.items()}
    config = {
        "values": spec.manifest.effective_configuration(block.configuration, where),
        "mapping": mapping,
        "wanted": {n: _wanted(block.inputs.get(n, InputMapping())) for n in mapping},
        "sensors": _rules(settings, {name for names in mapping.values() for name in names}),
        "grid": grid.slot_us,
    }
    code = {"code": spec.code, "manifest": manifest, "contract": CONTRACT_VERSION}
    return Fingerprint(_hash(code), _hash(config))


def _wanted(mapping: InputMapping) -> list[str | None]:
    return [mapping.unit, mapping.current_sign]


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
