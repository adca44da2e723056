"""Importing folders from elsewhere: every way to a helper finds the folder's own, and nothing is left behind."""

import sys
import types
import uuid
from pathlib import Path
from typing import Any

import pytest

from altergo_interface import ManifestError, Model, register_model
from altergo_interface.foreign import PREFIX, import_folder
from altergo_interface.models import discover, load_folder

REGISTER = """
from altergo_sdk.boiler_plate import Model, register_model

@register_model("{name}")
class M(Model):
    def process(self, data):
        return lazily()
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def value_of(folder: Path, files: dict[str, str]) -> Any:
    """What `VALUE` is in a folder of these files."""
    return vars(import_folder(write(folder, files), uuid.uuid4().hex))["VALUE"]


OWN = {
    "helper.py": "VALUE = 'helper'\n",
    "parts/__init__.py": "",
    "parts/inner.py": "VALUE = 'inner'\n",
    "bare/leaf.py": "VALUE = 'leaf'\n",
    "statistics.py": "VALUE = 'no standard library'\n",
}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from .helper import VALUE", "helper"),
        ("from . import helper\nVALUE = helper.VALUE", "helper"),
        ("from helper import VALUE", "helper"),
        ("from helper import *", "helper"),
        ("import helper\nVALUE = helper.VALUE", "helper"),
        ("import helper as other\nVALUE = other.VALUE", "helper"),
        ("try:\n    from .nowhere import VALUE\nexcept ImportError:\n    from helper import VALUE", "helper"),
        ("try:\n    from nowhere import VALUE\nexcept ImportError:\n    from .helper import VALUE", "helper"),
        ("from parts.inner import VALUE", "inner"),
        ("from parts import inner\nVALUE = inner.VALUE", "inner"),
        ("import parts.inner\nVALUE = parts.inner.VALUE", "inner"),
        ("import parts.inner as deep\nVALUE = deep.VALUE", "inner"),
        ("from bare.leaf import VALUE", "leaf"),
        ("from home.helper import VALUE", "helper"),
        ("from home.parts.inner import VALUE", "inner"),
        ("from models.home.helper import VALUE", "helper"),
        ("import home.helper\nVALUE = home.helper.VALUE", "helper"),
        ("import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\nfrom helper import VALUE", "helper"),
        ("import statistics\nVALUE = statistics.fmean([1, 2])", 1.5),
        ("from .statistics import VALUE", "no standard library"),
        ("import json.decoder\nVALUE = json.decoder.__name__", "json.decoder"),
        ("def f():\n    import helper\n    return helper.VALUE\nVALUE = f()", "helper"),
        ("exec('import helper')\nVALUE = helper.VALUE", "helper"),
    ],
)
def test_every_way_to_a_module_finds_the_right_one(tmp_path: Path, code: str, expected: Any) -> None:
    before, path = set(sys.modules), list(sys.path)
    assert value_of(tmp_path / "home", {**OWN, "__init__.py": code}) == expected
    left = {name for name in set(sys.modules) - before if not name.startswith(PREFIX)}
    assert left <= set(sys.stdlib_module_names) | {"json.decoder"}
    assert sys.path == path


def test_what_import_module_and_sys_path_leave_is_taken_back(tmp_path: Path) -> None:
    code = "import importlib, os, sys\nsys.path.append(os.path.dirname(__file__))\n"
    code += "VALUE = importlib.import_module('helper_left_behind').VALUE\n"
    assert value_of(tmp_path / "home", {"helper_left_behind.py": "VALUE = 5\n", "__init__.py": code}) == 5
    assert "helper_left_behind" not in sys.modules
    assert str(tmp_path / "home") not in sys.path


def test_two_folders_may_each_have_a_module_of_one_name_also_when_it_is_imported_late(tmp_path: Path) -> None:
    late = "\n\ndef lazily():\n    import utils\n    from utils import VALUE\n    return utils.VALUE, VALUE\n"
    for name in ("one", "two"):
        write(
            tmp_path / name, {"__init__.py": REGISTER.format(name=name) + late, "utils.py": f"VALUE = '{name}'\n"}
        ).joinpath("model.json").write_text("{}")
    found = discover([tmp_path])
    for name in ("one", "two", "one"):
        assert found[name].create({}).process({}) == (name, name)
    assert "utils" not in sys.modules


def test_a_helper_is_found_from_a_folder_below(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from parts.deep import VALUE",
        "parts/deep.py": "from near import NEAR\nfrom far import FAR\nVALUE = NEAR + FAR\n",
        "parts/near.py": "NEAR = 1\n",
        "near.py": "NEAR = 10\n",
        "far.py": "FAR = 100\n",
    }
    assert value_of(tmp_path / "home", files) == 101


def test_an_error_inside_a_helper_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    files = {"__init__.py": "import helper", "helper.py": "import no_such_module_anywhere"}
    with pytest.raises(ManifestError, match="No module named 'no_such_module_anywhere'"):
        value_of(tmp_path / "home", files)


def test_a_folder_that_failed_leaves_no_module_and_can_be_mended(tmp_path: Path) -> None:
    folder = write(tmp_path / "home", {"__init__.py": "from . import helper\n1 / 0", "helper.py": ""})
    with pytest.raises(ManifestError, match="home: importing it raised ZeroDivisionError: division by zero"):
        import_folder(folder, "failing")
    assert not [name for name in sys.modules if name.startswith(f"{PREFIX}failing")]
    write(folder, {"__init__.py": "VALUE = 1\n# mended"})
    assert vars(import_folder(folder, "mended"))["VALUE"] == 1


def test_an_interrupt_is_no_broken_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        value_of(tmp_path / "home", {"__init__.py": "raise KeyboardInterrupt"})


def test_what_is_printed_at_import_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value_of(tmp_path / "home", {"__init__.py": "print('hello')\nVALUE = 1"})
    assert capsys.readouterr() == ("", "hello\n")


def test_a_folder_whose_name_is_no_identifier(tmp_path: Path) -> None:
    assert value_of(tmp_path / "my model-2.0", {**OWN, "__init__.py": "from .helper import VALUE"}) == "helper"


@pytest.mark.parametrize(
    "code",
    [
        "from altergo_sdk.boiler_plate import Model, register_model",
        "import altergo_sdk.boiler_plate\nfrom altergo_sdk import boiler_plate as b\n"
        "Model, register_model = altergo_sdk.boiler_plate.Model, b.register_model",
        "import altergo_sdk.boiler_plate as b\nModel, register_model = b.Model, b.register_model",
        "from altergo_sdk import boiler_plate as b\nModel, register_model = b.Model, b.register_model",
        "from altergo_sdk.boiler_plate import *",
    ],
)  # fmt: skip
def test_the_boilerplate_is_our_contract(tmp_path: Path, code: str) -> None:
    found = value_of(tmp_path / "home", {"__init__.py": f"{code}\nVALUE = Model, register_model"})
    assert found == (Model, register_model)
    assert not [name for name in sys.modules if name.startswith("altergo_sdk")]


def test_an_installed_sdk_does_not_take_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine runs models of its own contract; what else the SDK has is the SDK's."""
    sdk, boiler, client = (types.ModuleType(f"altergo_sdk{n}") for n in ("", ".boiler_plate", ".client"))
    sdk.__path__ = []
    boiler.Model, client.VALUE = int, "real"  # type: ignore[attr-defined]
    for module in (sdk, boiler, client):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    code = "from altergo_sdk.boiler_plate import Model\nfrom altergo_sdk.client import VALUE as v\nVALUE = Model, v"
    assert value_of(tmp_path / "home", {"__init__.py": code}) == (Model, "real")


def test_the_rest_of_the_sdk_is_missing_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="ModuleNotFoundError: No module named 'altergo_sdk'"):
        value_of(tmp_path / "home", {"__init__.py": "from altergo_sdk.client import Client"})


def test_asking_the_platform_for_parameters_is_refused(tmp_path: Path) -> None:
    code = "from altergo_sdk.tools.utils import extract_altergo_parameters\nVALUE = extract_altergo_parameters()"
    with pytest.raises(ManifestError, match="a model asks the platform for its parameters"):
        value_of(tmp_path / "home", {"__init__.py": code})


def test_dataclasses_and_forward_references_work(tmp_path: Path) -> None:
    code = """
from __future__ import annotations
from dataclasses import dataclass
from typing import get_type_hints

@dataclass(frozen=True, slots=True)
class Cell:
    number: int
    next: Cell | None = None

VALUE = repr(Cell(1, Cell(2))), get_type_hints(Cell)["number"]
"""
    assert value_of(tmp_path / "home", {"__init__.py": code}) == (
        "Cell(number=1, next=Cell(number=2, next=None))",
        int,
    )


# --- the fingerprint -------------------------------------------------------------------------------------------


def test_all_that_a_folder_consists_of_counts(tmp_path: Path) -> None:
    code = REGISTER.format(name="toy") + "\nfrom helper import VALUE\nfrom test_bench import BENCH\n"
    folder = write(
        tmp_path / "home",
        {
            **OWN,
            **dict.fromkeys(("README.md", "tests/test_toy.py", "test/deep.py", "conftest.py", "toy_test.py"), ""),
            **dict.fromkeys(("model.json", "ocv.json", "dev-parameters.json", "altergo-settings.json"), "{}"),
            "test_bench.py": "BENCH = 1\n",
            "testing_rig.py": "RIG = 1\n",
            "__pycache__/x.py": "",
            ".hidden/y.py": "",
            "curve.csv": "1,2\n",
            "__init__.py": code,
        },
    )
    spec = load_folder(folder)["toy"]
    assert {name.removeprefix("home/") for name in spec.sources} == {
        *("__init__.py", "helper.py", "parts/__init__.py", "parts/inner.py", "bare/leaf.py", "statistics.py"),
        *("test_bench.py", "testing_rig.py"),  # the first is imported, the second only sounds like a test
    }
    assert {name.removeprefix("home/") for name in spec.tables} == {"curve.csv", "ocv.json"}
