"""A hash of the code that can change a model's results: its package and the helper modules that it imports.

Comments, formatting and docstrings do not count: the source is parsed, stripped of docstrings and written back
in one canonical form before it is hashed.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from altergo_interface.errors import ManifestError

TABLE_SUFFIXES = (".csv", ".json", ".yaml", ".yml", ".npy", ".npz", ".parquet", ".pkl")
"""Data tables: they count like code, under a name of their own."""
NO_TABLES = ("model.json", "altergo-settings.json", "dev-parameters.json")
"""A manifest counts key by key, and settings as what they set; the last one holds a key."""


def file_hashes(package: Path, root: Path, engine: Path | None = None) -> dict[str, str]:
    """Hashes of the files that can change a model's results, by path below `root`, the folder of model folders.

    They are the files of its package and of the packages and modules below `root` that these import, directly or
    not; data tables in a helper package count as well. What a model from elsewhere imports from `engine`, the
    folder of the packaged models, counts too. Raises ManifestError for source that does not parse.
    """
    roots = [root] if engine is None or engine == root else [root, engine]
    found: dict[str, str] = {}
    for path in sorted(_closure(package, roots)):
        content = path.read_bytes() if path.suffix in TABLE_SUFFIXES else _read(path).canonical
        base = next(base for base in roots if path.is_relative_to(base))
        name = path.relative_to(base).as_posix()
        found[name if base == root else f"{base.name}/{name}"] = hashlib.sha256(content).hexdigest()[:16]
    return found


def code_hash(package: Path, root: Path, engine: Path | None = None) -> str:
    """One hash of `file_hashes`."""
    return joint_hash(file_hashes(package, root, engine))


def joint_hash(files: Mapping[str, str]) -> str:
    """One hash of the names and hashes of some files."""
    listed = "".join(f"{name}\0{value}\0" for name, value in sorted(files.items()))
    return hashlib.sha256(listed.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Source:
    """A source file in canonical form, and the names that it imports, each with its level of relative dots."""

    canonical: bytes
    imports: tuple[tuple[str, int], ...]


def _read(path: Path) -> _Source:
    stat = path.stat()
    return _parse(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1024)
def _parse(path: Path, mtime_ns: int, size: int) -> _Source:
    """Parsing takes milliseconds a file, and every command discovers all models: unchanged files are parsed once."""
    del mtime_ns, size
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except (SyntaxError, ValueError) as error:
        raise ManifestError(f"{path}: cannot be read as Python: {error}") from error
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [(alias.name, 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            stem = node.module or ""
            names += [(stem, node.level), *((f"{stem}.{alias.name}".strip("."), node.level) for alias in node.names)]
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstring(node)
    return _Source(ast.unparse(tree).encode(), tuple(names))


def _drop_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        node.body = node.body[1:] or [ast.Pass()]


def _closure(package: Path, roots: Sequence[Path]) -> set[Path]:
    """All files of the package and of the packages and modules below the roots that they import."""
    found: set[Path] = set()
    todo = list(_sources(package))
    while todo:
        path = todo.pop()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".py":
            root = next(base for base in roots if path.is_relative_to(base))
            for name, level in _read(path).imports:
                for base in (root, *(other for other in roots if other != root)):
                    target = _locate(name, level, path, base)
                    if target is not None:
                        todo.extend(_sources(target) if target.is_dir() else _with_package(target, base))
                        break
    return found


def _sources(package: Path) -> Iterator[Path]:
    """The files of a package that count: code, and data tables; tests, manifests and pages do not."""
    for path in package.rglob("*"):
        hidden = any(_is_beside(part) for part in path.relative_to(package).parts)
        if path.is_file() and not hidden and (path.suffix == ".py" or _is_table(path)):
            yield path


def _is_beside(part: str) -> bool:
    """Whether a file or folder lies beside the code: tests count only where the code imports them."""
    tests = part in ("tests", "test", "conftest.py") or part.startswith("test_") or part.endswith("_test.py")
    return tests or part.startswith((".", "__pycache__"))


def _is_table(path: Path) -> bool:
    return path.suffix in TABLE_SUFFIXES and path.name not in NO_TABLES


def _with_package(module: Path, root: Path) -> Iterator[Path]:
    """A module, and what its import brings along: the `__init__` of its packages, and the data tables beside it."""
    yield module
    for folder in module.relative_to(root).parents[:-1]:
        yield from (root / folder).glob("__init__.py")
        yield from filter(_is_table, sorted((root / folder).glob("*")))


def _locate(name: str, level: int, path: Path, root: Path) -> Path | None:
    parts = [part for part in name.split(".") if part]
    if level:
        base = path.parents[level - 1]
    elif parts and parts[0] == root.name:
        base, parts = root, parts[1:]
    elif path.is_relative_to(root):
        base = path.parent
    else:
        return None  # only its full name reaches a module of another root
    target = base.joinpath(*parts)
    if not parts or not target.is_relative_to(root) or target == root:
        return None
    if target.with_suffix(".py").is_file():
        return target.with_suffix(".py")
    return target if target.is_dir() and (target / "__init__.py").is_file() else None
