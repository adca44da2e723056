"""The page of errors: the tree from the classes, and what is said from the places that raise them."""

import ast
import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from altergo_interface.errors import TwinsError
from documentation.markdown import MADE, code, first_sentence, table

PACKAGES = ("altergo_interface", "twins", "event_store", "actors")
ROOT = Path(__file__).parents[1]

TEXT = """Every error that the engine raises on purpose is a `TwinsError`: what is wrong and where, and what to do.
The command line prints it as `error: …` on stderr; with `--json` as `{"error": …, "code": …, "hint": …}`, where
`code` is the name of the class. Anything else that gets out is a bug.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | done, but something was parked, quarantined, refused by a platform, or a model folder left out |
| 2 | usage, settings or store error; nothing was changed |
| 3 | infrastructure failed or a platform out of reach; what was committed stays, and the next run goes on |
| 130 | interrupted by Ctrl-C or SIGTERM; likewise |
"""
SAID = """What they say, with `{…}` where the case at hand is named. A failing model's own exception is no error of
the command: its pair is [parked](../how-to/parked-pairs.md).
"""


def errors_page() -> str:
    """The tree, and under each class the messages that are raised with it."""
    found = list(_tree(TwinsError))
    said = _messages({error.__name__ for _, error in found})
    rows = [
        (f"{'— ' * depth}`{error.__name__}`", str(error.exit_code), first_sentence(error)) for depth, error in found
    ]
    parts = ["# Errors\n", MADE, TEXT, "## The tree\n", table(("error", "exit code", "means"), rows), SAID]
    for _, error in found:
        if messages := sorted(said[error.__name__]):
            parts += [f"### `{error.__name__}`\n", table(("error", "hint"), messages)]
    return "\n".join(parts)


def _tree(error: type[TwinsError], depth: int = 0) -> Iterator[tuple[int, type[TwinsError]]]:
    if depth == 0:
        for package in PACKAGES:
            for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
                if not module.name.endswith("__main__"):
                    importlib.import_module(module.name)
    yield depth, error
    for below in error.__subclasses__():
        if below.__module__.partition(".")[0] in PACKAGES:
            yield from _tree(below, depth + 1)


def _messages(names: set[str]) -> dict[str, set[tuple[str, str]]]:
    """By class: (what, hint) of each call that makes an error of it, with the values left open."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and node.args:
                what, *hint = map(_template, node.args[:2])
                if what.strip("{…}:., '"):
                    found[node.func.id].add((code(what), code(hint[0]) if hint else ""))
    return found


def _template(node: ast.expr) -> str:
    """A message as text: literal parts as they are, what is filled in as `{…}`."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_template, node.values))
    return "{…}"
