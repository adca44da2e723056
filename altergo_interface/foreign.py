"""Imports a model folder from elsewhere as a package of its own, whatever its modules are called.

Its modules get an `__import__` of their own. `from .helpers import x`, `import utils` and `from utils import x` all
find the folder's own modules, at import and later; two folders may each have a `utils.py`; nothing is added to
`sys.path`, and nothing under a bare name to `sys.modules`. The platform's SDK is this contract, see `sdk_alias`.
"""

import builtins
import importlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from altergo_interface.errors import ManifestError
from altergo_interface.sdk_alias import aliased

PREFIX = "_twins_model_"


def import_folder(folder: Path, version: str) -> ModuleType:
    """The package of a model folder; `version` names its content, so that an edited folder is imported anew.

    Raises ManifestError naming the folder where it has no `__init__.py`, raises, or ends the process.
    """
    name = f"{PREFIX}{version}_{re.sub(r'[^0-9A-Za-z_]', '_', folder.name)}"
    if name in sys.modules:
        return sys.modules[name]
    init = folder / "__init__.py"
    spec = spec_from_file_location(
        name, init, loader=_Loader(name, str(init)), submodule_search_locations=[str(folder)]
    )
    if not init.is_file() or spec is None:
        raise ManifestError(
            f"{folder}: no __init__.py that imports the model", "See documentation/how-to/writing-a-model.md"
        )
    _IMPORTERS[name] = _Importer(name, folder)
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        # What a model prints must not mix with a command's result.
        with _nothing_left_behind(folder), redirect_stdout(sys.stderr):
            _Loader(name, str(init)).exec_module(module)
    except BaseException as error:
        _forget(name)
        if isinstance(error, ManifestError | KeyboardInterrupt):
            raise
        said = f"{type(error).__name__}: {error}"
        raise ManifestError(f"{folder}: importing it raised {said}", "Correct it, or take the folder away") from error
    return module


def _forget(name: str) -> None:
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
    del _IMPORTERS[name]


@contextmanager
def _nothing_left_behind(folder: Path) -> Iterator[None]:
    """Models reach their helpers by `sys.path` and `import_module`, too: take back what that left."""
    path, known = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in sys.modules.keys() - known:
            file = getattr(sys.modules[name], "__file__", None)
            if not name.startswith(PREFIX) and file is not None and Path(file).is_relative_to(folder):
                del sys.modules[name]


class _Importer:
    """`__import__` as the modules of one folder see it."""

    def __init__(self, package: str, folder: Path) -> None:
        self._package = package
        self._folder = folder
        self.builtins = {**vars(builtins), "__import__": self}

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level == 0:
            alias = aliased(name, fromlist or ())
            if alias is not None:
                return alias
            for top, full in self._candidates(name, (globals or {}).get("__package__") or self._package):
                if fromlist:
                    return builtins.__import__(full, globals, locals, fromlist, 0)
                importlib.import_module(full)
                return sys.modules[top]
        return builtins.__import__(name, globals, locals, fromlist or (), level)

    def _candidates(self, name: str, importer: str) -> Iterator[tuple[str, str]]:
        """(What a plain `import` binds, the full name) of the folder's own module that a bare name stands for."""
        head, _, tail = name.partition(".")
        if head in sys.stdlib_module_names:
            return
        for package in dict.fromkeys((importer, self._package)):
            place = self._folder.joinpath(*package.split(".")[1:], head)
            if (place.is_dir() and any(place.glob("*.py"))) or (not tail and place.with_name(f"{head}.py").is_file()):
                yield f"{package}.{head}", f"{package}.{name}"
        for prefix in (self._folder.name, f"models.{self._folder.name}"):
            if name == prefix or name.startswith(f"{prefix}."):
                yield self._package, self._package + name.removeprefix(prefix)


_IMPORTERS: dict[str, _Importer] = {}
"""By package."""


class _Loader(SourceFileLoader):
    """Gives a module the `__import__` of its package before it runs; functions keep it for their later imports."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        vars(module)["__builtins__"] = _IMPORTERS[module.__name__.partition(".")[0]].builtins
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds the modules below the packages of model folders, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of a model folder, loaded by `_Loader`."""
        if fullname.partition(".")[0] not in _IMPORTERS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


sys.meta_path.insert(0, _Finder())
