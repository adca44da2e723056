"""Discovery: finds model folders, imports them, and pairs each class with its manifest and code hash."""

import copy
import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from altergo_interface.base_model import Model, registered
from altergo_interface.code_hash import TABLE_SUFFIXES, file_hashes, joint_hash
from altergo_interface.errors import ManifestError, TwinsError, did_you_mean
from altergo_interface.foreign import import_folder
from altergo_interface.manifest import Continuity, Manifest, load_manifest
from altergo_interface.wild_manifest import check_name

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
        """An instance with its effective configuration, which it shares with no other."""
        own = {key: copy.deepcopy(v) if isinstance(v, dict | list) else v for key, v in config.items()}
        # Models from elsewhere may have an `__init__` that takes nothing.
        plain = self.cls.__init__ is Model.__init__ or _takes_argument(self.cls)
        model = self.cls(own) if plain else self.cls()
        model.config = own
        return model


def _takes_argument(cls: type[Model]) -> bool:
    try:
        inspect.signature(cls).bind({})
    except TypeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class BrokenFolder:
    """A model folder from elsewhere that could not be loaded: the names that its models may have, and why."""

    folder: Path
    names: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return f"model folder left out: {self.reason}"


class Registry(dict[str, ModelSpec]):
    """Models by name, and the folders from elsewhere that could not be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: list[BrokenFolder] = []


def packaged_dir() -> Path:
    """The folder of the models that ship with the engine."""
    found = importlib.util.find_spec(PACKAGED)
    if found is None or not found.submodule_search_locations:
        raise ManifestError("the packaged models are missing", "Install battery-twins again")
    return Path(next(iter(found.submodule_search_locations)))


def discover(more: Sequence[Path] = ()) -> Registry:
    """All models: the packaged ones and those in the folders `more`.

    A folder of `more` that cannot be loaded, or whose model's name is taken, is listed as broken, and the others are
    there all the same; of two folders with one name neither is used. Raises ManifestError naming the folder where a
    packaged model cannot be loaded, or one of `more` does not exist.
    """
    registry = Registry()
    root = packaged_dir()
    for folder in _model_folders(root):
        for name, spec in _loaded(folder, root).items():
            if name in registry:
                raise ManifestError(f"two models are called '{name}': {registry[name].path} and {folder}")
            registry[name] = spec
    loaded: dict[Path, dict[str, ModelSpec]] = {}
    for extra in more:
        if not extra.is_dir():
            raise ManifestError(f"{extra}: no such folder of models", "Check --models-dir")
        for folder in _model_folders(extra):
            try:
                loaded[folder] = _loaded(folder, extra.resolve())
            except Exception as error:  # whatever is wrong with one folder must not stop the others
                registry.broken.append(BrokenFolder(folder, _likely_names(folder), _reason(folder, error)))
    for folder, found in loaded.items():
        others = {n: s.path for known in (registry, *loaded.values()) for n, s in known.items() if s.path != folder}
        taken = next((name for name in found if name in others), None)
        if taken is not None:
            reason = f"two models are called '{taken}': {others[taken]} and {folder}"
            registry.broken.append(BrokenFolder(folder, tuple(found), reason))
    out = {broken.folder for broken in registry.broken}
    for folder, found in loaded.items():
        if folder not in out:
            registry.update(found)
    return registry


def _reason(folder: Path, error: Exception) -> str:
    said = str(error) if isinstance(error, TwinsError) else f"{type(error).__name__}: {error}"
    return (said if str(folder) in said else f"{folder}: {said}").replace("\n", " ")


def _likely_names(folder: Path) -> tuple[str, ...]:
    """What the models of a folder that cannot be loaded are called, as far as its text says."""
    found = [folder.name]
    for path in filter(Path.is_file, sorted(folder.glob("*.py"))):
        found += re.findall(r"register_model\(\s*[\"']([^\"']+)", path.read_text(encoding="utf-8", errors="replace"))
    return tuple(dict.fromkeys(found))


def load_folder(folder: Path) -> Registry:
    """The models of one folder alone. Raises ManifestError where it is no model folder, or cannot be loaded."""
    folder = folder.resolve()
    if not (folder / "model.json").is_file():
        raise ManifestError(f"{folder}: no folder with a model.json", "Name a model, or the folder of one")
    registry = Registry()
    registry.update(_loaded(folder, folder.parent))
    return registry


def find_model(registry: Registry, name: str) -> ModelSpec:
    """The model of that name. Raises ManifestError naming the nearest known one, or why its folder is broken."""
    for broken in registry.broken:
        if name in broken.names and name not in registry:
            raise ManifestError(f"model '{name}' cannot be used: {broken.reason}", "See: twins models list")
    if name not in registry:
        raise ManifestError(f"unknown model '{name}'", did_you_mean(name, registry))
    return registry[name]


def _model_folders(root: Path) -> Iterator[Path]:
    for folder in sorted(root.resolve().iterdir()):  # a linked folder keeps the place of its link
        if (folder / "model.json").is_file() and not folder.name.startswith(("_", ".")):
            yield folder


def _loaded(folder: Path, root: Path) -> dict[str, ModelSpec]:
    """The models of one folder. Raises ManifestError naming the folder, or its file and key."""
    files = file_hashes(folder, root.resolve(), packaged_dir().resolve())
    manifest = load_manifest(folder / "model.json")
    if folder.parent == packaged_dir().resolve():
        prefix = importlib.import_module(f"{PACKAGED}.{folder.name}").__name__
    else:
        prefix = import_folder(folder, joint_hash({**files, "folder": str(folder)})[:12]).__name__
    ours = {
        name: entry
        for (_, name), entry in registered().items()
        if entry[0].__module__ == prefix or entry[0].__module__.startswith(prefix + ".")
    }
    if not ours:
        raise ManifestError(f"{folder}: no class is registered", "Decorate it with @register_model")
    for name, (cls, _) in ours.items():
        _check_model(name, cls, folder)
    return {name: ModelSpec(name, cls, manifest, folder, files, metadata) for name, (cls, metadata) in ours.items()}


def _check_model(name: object, cls: object, folder: Path) -> None:
    try:
        check_name(name, "the name")
    except ValueError as error:
        raise ManifestError(f"{folder}: @register_model({name!r}): {error}") from error
    if any(mark in str(name) for mark in ":,."):
        what = f"{folder}: @register_model({name!r}): a name cannot have a colon, comma or dot"
        raise ManifestError(what, "They stand between names in settings and selectors")
    if not (isinstance(cls, type) and issubclass(cls, Model)):
        raise ManifestError(f"{folder}: @register_model({name!r}) stands on what is no subclass of Model")
