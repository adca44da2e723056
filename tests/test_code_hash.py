"""The code hash: what can change a result changes it, and nothing else does."""

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from altergo_interface import ManifestError
from altergo_interface.code_hash import code_hash

MODEL = '''
"""A model."""

import math
from .parts import gain
from . import tables
from .._helper import shared
from kit._absolute.inner import far
from kit import _plain


class Toy:
    """What it is."""

    def process(self, data):
        """Doubles."""
        return data * gain(2) + shared() + math.pi
'''

FILES = {
    "toy/__init__.py": "from .model import Toy\n",
    "toy/model.py": MODEL,
    "toy/parts.py": "def gain(x):\n    return x\n",
    "toy/tables.py": "NAME = 'curve.csv'\n",
    "toy/curve.csv": "soc,v\n0,3.0\n1,4.2\n",
    "toy/model.json": "{}",
    "toy/README.md": "# Toy\n",
    "toy/tests/test_toy.py": "def test():\n    pass\n",
    "toy/test_more.py": "X = 1\n",
    "_helper.py": "from _deep import deeper\n\n\ndef shared():\n    return deeper()\n",
    "_deep.py": "def deeper():\n    return 1\n",
    "_absolute/__init__.py": "Y = 1\n",
    "_absolute/inner.py": "def far():\n    return 2\n",
    "_absolute/table.csv": "1,2\n",
    "_absolute/stranger.py": "Z = 1\n",
    "_plain/__init__.py": "from . import nested\n",
    "_plain/nested.py": "W = 1\n",
    "_plain/data.csv": "3,4\n",
    "other/__init__.py": "V = 1\n",
    "unrelated.py": "U = 1\n",
}


@pytest.fixture(params=["kit", "test_in/.hidden/kit", ".venv/lib/tests/kit"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A models root; where it lies must not matter, not even in a hidden folder or below one for tests."""
    folder = tmp_path / str(request.param)
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def rewrite(path: Path, edit: Callable[[str], str]) -> None:
    before = path.read_text(encoding="utf-8")
    after = edit(before)
    assert after != before
    written = path.stat()
    path.write_text(after, encoding="utf-8")
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns + 10**9))  # a person is slower than a clock's tick


HARMLESS: dict[str, tuple[str, Callable[[str], str]]] = {
    "comment": ("toy/model.py", lambda s: s + "\n# a comment\n"),
    "trailing comment": ("toy/parts.py", lambda s: s.replace("return x", "return x  # as it is")),
    "formatting": ("toy/model.py", lambda s: s.replace("data * gain(2)", "data*gain(\n            2\n        )")),
    "quotes": ("toy/tables.py", lambda s: s.replace("'", '"')),
    "module docstring": ("toy/model.py", lambda s: s.replace("A model.", "Another text.")),
    "class docstring": ("toy/model.py", lambda s: s.replace("What it is.", "Reworded.")),
    "function docstring gone": ("toy/model.py", lambda s: s.replace('        """Doubles."""\n', "")),
    "docstring added": ("_helper.py", lambda s: s.replace("def shared():", 'def shared():\n    """New."""')),
    "manifest": ("toy/model.json", lambda s: '{"version": "2"}'),
    "page": ("toy/README.md", lambda s: s + "more"),
    "test folder": ("toy/tests/test_toy.py", lambda s: s.replace("pass", "assert True")),
    "test file": ("toy/test_more.py", lambda s: s.replace("1", "2")),
    "unrelated module": ("unrelated.py", lambda s: s.replace("1", "2")),
    "unrelated package": ("other/__init__.py", lambda s: s.replace("1", "2")),
    "module beside an imported one": ("_absolute/stranger.py", lambda s: s.replace("1", "2")),
}
HARMFUL: dict[str, tuple[str, Callable[[str], str]]] = {
    "operator": ("toy/model.py", lambda s: s.replace("data * gain", "data + gain")),
    "constant": ("toy/model.py", lambda s: s.replace("gain(2)", "gain(3)")),
    "own module, relative": ("toy/parts.py", lambda s: s.replace("return x", "return -x")),
    "own module, from .": ("toy/tables.py", lambda s: s.replace("curve", "other")),
    "own table": ("toy/curve.csv", lambda s: s.replace("4.2", "4.3")),
    "helper, relative": ("_helper.py", lambda s: s.replace("deeper()", "deeper() + 1")),
    "helper of a helper": ("_deep.py", lambda s: s.replace("1", "2")),
    "helper package, absolute": ("_absolute/inner.py", lambda s: s.replace("2", "3")),
    "its __init__, which runs as well": ("_absolute/__init__.py", lambda s: s.replace("1", "2")),
    "its table": ("_absolute/table.csv", lambda s: s.replace("2", "3")),
    "helper package as a whole": ("_plain/nested.py", lambda s: s.replace("1", "2")),
    "its table, too": ("_plain/data.csv", lambda s: s.replace("3", "5")),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_cannot_change_a_result_keeps_the_hash(root: Path, case: str) -> None:
    before = code_hash(root / "toy", root)
    file, edit = HARMLESS[case]
    rewrite(root / file, edit)
    assert code_hash(root / "toy", root) == before


@pytest.mark.parametrize("case", HARMFUL)
def test_what_can_change_a_result_changes_the_hash(root: Path, case: str) -> None:
    before = code_hash(root / "toy", root)
    file, edit = HARMFUL[case]
    rewrite(root / file, edit)
    assert code_hash(root / "toy", root) != before


def test_a_new_module_and_a_renamed_one_count(root: Path) -> None:
    first = code_hash(root / "toy", root)
    (root / "toy" / "extra.py").write_text("E = 1\n")
    second = code_hash(root / "toy", root)
    (root / "toy" / "extra.py").rename(root / "toy" / "added.py")
    assert len({first, second, code_hash(root / "toy", root)}) == 3


def test_the_same_code_elsewhere_has_the_same_hash(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "kit"
    copy.parent.mkdir()
    root.rename(copy)
    before = code_hash(copy / "toy", copy)
    copy.rename(root)
    assert code_hash(root / "toy", root) == before


def test_imports_in_a_circle_end(root: Path) -> None:
    (root / "_deep.py").write_text("from _helper import shared\nfrom kit.toy import model\n")
    assert len(code_hash(root / "toy", root)) == 32


@pytest.mark.parametrize("text", [b"def broken(:\n", b"x = '\xe9'\n"])
def test_source_that_does_not_parse_is_named(root: Path, text: bytes) -> None:
    (root / "toy" / "parts.py").write_bytes(text)
    with pytest.raises(ManifestError, match=r"parts\.py: cannot be read as Python"):
        code_hash(root / "toy", root)


def test_an_empty_body_after_its_docstring(root: Path) -> None:
    (root / "toy" / "parts.py").write_text('def gain(x):\n    """Nothing else."""\n')
    before = code_hash(root / "toy", root)
    (root / "toy" / "parts.py").write_text(
        textwrap.dedent("""
        def gain(x):
            pass
    """)
    )
    assert code_hash(root / "toy", root) == before
