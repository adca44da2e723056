"""Enforces the import table of the architecture, and that the pure packages do no I/O and read no clock."""

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("altergo_interface", "models", "twins", "event_store", "actors")
HEAVY = ("ray", "duckdb", "plotly", "pyarrow")

SIMULATOR = ("actors/simulated.py", "actors/cli/")
RAY_FILES = ("actors/ray_pool.py",)

MAY_IMPORT = {
    "altergo_interface": (),
    "models": ("altergo_interface",),
    "twins": ("altergo_interface",),
    "event_store": ("twins", "altergo_interface.errors", "altergo_interface.display"),
    "actors": ("altergo_interface", "twins", "event_store"),
}

IO_CALLS = {"open", "print", "input", "exec", "eval"}
IO_METHODS = {
    "open", "write", "write_text", "write_bytes", "read_text", "read_bytes", "mkdir", "unlink", "touch", "rename",
    "rmdir", "to_csv", "to_parquet", "to_pickle", "tofile", "savetxt", "now", "today", "utcnow",
}  # fmt: skip
IO_MODULES = {
    "os", "sys", "io", "time", "datetime", "pathlib", "shutil", "tempfile", "subprocess", "socket", "threading",
    "multiprocessing", "logging", "random", "urllib", "sqlite3", "ray", "duckdb", "pyarrow", "requests",
}  # fmt: skip
TABLES = "models/_ocv/tables.py"  # reads the packaged OCV tables, which are part of the code closure


def sources(*packages: str) -> list[Path]:
    return [path for package in packages or PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(nodes: Iterator[ast.AST] | list[ast.stmt], path: Path) -> Iterator[str]:
    """The full dotted names that import statements bring in, `a.b` and `a.b.name` for `from a.b import name`."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            yield stem
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def everywhere(path: Path) -> set[str]:
    return set(imported(ast.walk(tree_of(path)), path))


def within(name: str, packages: tuple[str, ...] | set[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def offences(names: set[str], path: Path) -> set[str]:
    """The imports of our own packages that the table does not allow to a file."""
    own = path.relative_to(ROOT).parts[0]
    ours = {name for name in names if within(name, PACKAGES) and not within(name, (own,))}
    allowed = MAY_IMPORT[own]
    if name_of(path).startswith(SIMULATOR):
        allowed = (*allowed, "models._simulator")
    # `from a.b import c` yields both a.b and a.b.c: the first is only the stem of what is allowed
    return {name for name in ours if not within(name, allowed) and not _is_stem(name, ours, allowed)}


def _is_stem(name: str, ours: set[str], allowed: tuple[str, ...]) -> bool:
    below = {other for other in ours if other.startswith(name + ".")}
    return bool(below) and all(within(other, allowed) for other in below)


def test_every_package_is_there() -> None:
    assert all(len(sources(package)) > 2 for package in PACKAGES)


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_imports_follow_the_table(path: Path) -> None:
    assert offences(everywhere(path), path) == set()


@pytest.mark.parametrize(
    ("file", "line", "allowed"),
    [
        ("twins/x.py", "from event_store.log import y", False),
        ("twins/x.py", "import altergo_interface.units", True),
        ("event_store/x.py", "from altergo_interface import TwinsError", False),
        ("event_store/x.py", "from altergo_interface import errors", True),
        ("event_store/x.py", "from altergo_interface.errors import TwinsError", True),
        ("actors/x.py", "from models import eq_cycles", False),
        ("actors/x.py", "from models._simulator import FleetSpec", False),
        ("actors/cli/x.py", "from models._simulator import FleetSpec", True),
        ("models/x/y.py", "from ...twins import grid", False),
        ("models/x/y.py", "from ..z import grid", True),
        ("altergo_interface/x.py", "def f():\n    import twins", False),
    ],
)
def test_the_guard_sees_every_form(file: str, line: str, allowed: bool) -> None:
    path = ROOT / file
    names = set(imported(ast.walk(ast.parse(line)), path))
    assert (offences(names, path) == set()) is allowed


@pytest.mark.parametrize("path", sources("altergo_interface", "models", "twins"), ids=name_of)
def test_no_engine_below_the_store(path: Path) -> None:
    top_level = set(imported(tree_of(path).body, path))
    assert not {name for name in top_level if within(name, HEAVY)}


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_ray_is_imported_in_one_file(path: Path) -> None:
    if name_of(path) not in RAY_FILES:
        assert not {name for name in everywhere(path) if within(name, ("ray",))}


@pytest.mark.parametrize("path", sources("altergo_interface", "models", "twins"), ids=name_of)
def test_storage_is_touched_by_the_store_and_the_actors_only(path: Path) -> None:
    assert not {name for name in everywhere(path) if within(name, ("duckdb", "pyarrow.parquet"))}


def test_the_store_takes_value_types_of_twins_only() -> None:
    taken = set()
    for path in sources("event_store"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and within(node.module or "", ("twins",)):
                taken |= {(node.module or "", alias.name) for alias in node.names}
    assert taken
    functions = {f"{m}.{n}" for m, n in taken if inspect.isroutine(getattr(importlib.import_module(m), n))}
    assert functions == set()


def impurities(path: Path) -> set[str]:
    """Calls and imports by which code could reach a file, a clock or the process."""
    tree = tree_of(path)
    found = {name for name in set(imported(ast.walk(tree), path)) if within(name, IO_MODULES)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in IO_CALLS:
                found.add(node.func.id + "()")
            elif isinstance(node.func, ast.Attribute) and node.func.attr in IO_METHODS:
                found.add(f".{node.func.attr}()")
        if isinstance(node, ast.Constant) and node.value in ("now", "today"):
            found.add(repr(node.value))  # np.datetime64("now")
    return found


@pytest.mark.parametrize("path", sources("twins", "models"), ids=name_of)
def test_pure_packages_do_no_io_and_read_no_clock(path: Path) -> None:
    allowed = {".open()"} if name_of(path) == TABLES else set()
    assert impurities(path) == allowed


def test_the_contract_is_light_at_import() -> None:
    """No pandas, Ray, DuckDB, Arrow or Plotly for a mere import, the submodules that the engine needs included."""
    files = [path for path in sources("altergo_interface") if path.stem not in ("returned", "series")]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    heavy = [*HEAVY, "pandas", "jinja2", "itables"]
    script = f"import sys, {', '.join(modules)}\nprint([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_every_file_says_its_job_first() -> None:
    silent = {name_of(p) for p in sources() if p.read_text().strip() and not ast.get_docstring(tree_of(p))}
    assert silent == set()
