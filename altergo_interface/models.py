"""Discovery: finds model folders, imports them, and pairs each class with its manifest and code hash."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from altergo_interface.base_model import Model, registered
from altergo_interface.code_hash import TABLE_SUFFIXES, file_hashes, joint_hash
from altergo_interface.errors import ManifestError, TwinsError, did_you_mean
from altergo_interface.manifest import Continuity, Manifest, load_manifest

PACKAGED = "models"
"""The top-level package of the models that ship with the engine."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A registered model: its class, manifest, folder, the hashes of all files that it consists of, and metadata."""

    name: str
    cls: type[Model]
    manifest: Manifest
    path: Path
    files: Mapping[str, str]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """One hash of all files."""
        return joint_hash(self.files)

    @property
    def sources(self) -> dict[str, str]:
        """Hashes of the files of code."""
        return {name: value for name, value in self.files.items() if not name.endswith(TABLE_SUFFIXES)}

    @property
    def tables(self) -> dict[str, str]:
        """Hashes of the data tables."""
        return {name: value for name, value in self.files.items() if name.endswith(TABLE_SUFFIXES)}

    @property
    def plain(self) -> bool:
        """Whether it implements `process` alone."""
        return self.cls.advance is Model.advance

    @property
    def continuity(self) -> Continuity:
        """The declared continuity; without one, `stateful` for `advance` and else what `process` implies."""
        if self.manifest.continuity is not None:
            return self.manifest.continuity
        if not self.plain:
            return Continuity.STATEFUL
        seeded = any(spec.initialisation_value for spec in self.manifest.inputs.values())
        return Continuity.SEEDED if seeded else Continuity.WINDOWED

    def create(self, config: Mapping[str, Any]) -> Model:
        """An instance with its effective configuration."""
        model = self.cls(dict(config))
        model.config = dict(config)
        return model


Registry = dict[str, ModelSpec]


def packaged_dir() -> Path:
    """The folder of the models that ship with the engine."""
    found = importlib.util.find_spec(PACKAGED)
    if found is None or not found.submodule_search_locations:
        raise ManifestError("the packaged models are missing", "Install battery-twins again")
    return Path(next(iter(found.submodule_search_locations)))


def discover(more: Sequence[Path] = ()) -> Registry:
    """All models: the packaged ones and those in the folders `more`.

    Raises ManifestError naming the folder where one cannot be loaded, or where two share a name.
    """
    registry: Registry = {}
    root = packaged_dir()
    for folder in _model_folders(root):
        _add(registry, _import_packaged(folder), folder, root)
    for extra in more:
        if not extra.is_dir():
            raise ManifestError(f"{extra}: no such folder of models", "Check --models-dir")
        for folder in _model_folders(extra):
            _add(registry, _import_foreign(folder), folder, extra)
    return registry


def load_folder(folder: Path) -> Registry:
    """The models of one folder alone. Raises ManifestError where it is no model folder, or cannot be loaded."""
    folder = folder.resolve()
    if not (folder / "model.json").is_file():
        raise ManifestError(f"{folder}: no folder with a model.json", "Name a model, or the folder of one")
    packaged = folder.parent == packaged_dir().resolve()
    registry: Registry = {}
    _add(registry, _import_packaged(folder) if packaged else _import_foreign(folder), folder, folder.parent)
    return registry


def find_model(registry: Registry, name: str) -> ModelSpec:
    """The model of that name. Raises ManifestError naming the nearest known one."""
    if name not in registry:
        raise ManifestError(f"unknown model '{name}'", did_you_mean(name, registry))
    return registry[name]


def _model_folders(root: Path) -> Iterator[Path]:
    for folder in sorted(root.resolve().iterdir()):  # a linked folder keeps the place of its link
        if (folder / "model.json").is_file() and not folder.name.startswith(("_", ".")):
            yield folder


def _import_packaged(folder: Path) -> ModuleType:
    return importlib.import_module(f"{PACKAGED}.{folder.name}")


def _import_foreign(folder: Path) -> ModuleType:
    """Import a folder from elsewhere under a name of its own, so that two may hold modules of one name."""
    name = f"_twins_model_{joint_hash(_files(folder, folder.parent))[:12]}_{folder.name}"
    if name in sys.modules:
        return sys.modules[name]
    init = folder / "__init__.py"
    found = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
    if not init.is_file() or found is None or found.loader is None:
        raise ManifestError(f"{folder}: no __init__.py that imports the model")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except TwinsError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        raise ManifestError(f"{folder}: importing it raised {type(error).__name__}: {error}") from error
    return module


def _add(registry: Registry, module: ModuleType, folder: Path, root: Path) -> None:
    manifest = load_manifest(folder / "model.json")
    prefix = module.__name__
    ours = {
        name: entry
        for (_, name), entry in registered().items()
        if entry[0].__module__ == prefix or entry[0].__module__.startswith(prefix + ".")
    }
    if not ours:
        raise ManifestError(f"{folder}: no class is registered", "Decorate it with @register_model")
    for name, (cls, metadata) in ours.items():
        if name in registry:
            raise ManifestError(f"two models are called '{name}': {registry[name].path} and {folder}")
        registry[name] = ModelSpec(name, cls, manifest, folder, _files(folder, root.resolve()), metadata)


def _files(folder: Path, root: Path) -> dict[str, str]:
    return file_hashes(folder, root, packaged_dir().resolve())
