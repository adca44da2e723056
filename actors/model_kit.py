"""The author's kit: finds the model to check by name or folder, and writes the folder of a new one."""

import importlib.util
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import altergo_interface
from altergo_interface import ManifestError
from altergo_interface.models import ModelSpec, discover, find_model, load_folder, packaged_dir

DEFAULT_DIR = Path("models")

# The files of a new model, as templates: `name` is the model's, `cls` its class's.

_INIT = '''"""$cls: say in one line what it computes."""

from .$name import $cls

__all__ = ["$cls"]
'''

_README = """# $name

Say here what the model computes, from which inputs, and how well: the method with its source, the figures that it was
checked against, and what it cannot know.

    twins models check $name        (with --models-dir for the folder that holds this one)
    pytest $name
"""

_TEST = '''"""The model keeps the promises of every model, and computes what arithmetic says."""

from pathlib import Path

import pandas as pd
import pytest

from altergo_interface.models import load_folder
from twins.checks import yield_checks

SPEC = load_folder(Path(__file__).parent)["$name"]
CONFIG = SPEC.manifest.effective_configuration({}, "$name")
CHECKS = dict(yield_checks(SPEC))


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_passes(name):
    result = CHECKS[name]()
    assert result.outcome != "failed", result.detail


def test_three_samples_by_hand():
    index = pd.date_range("2026-01-01", periods=3, freq="6min", tz="UTC")
    outputs = SPEC.create(CONFIG).process({"current": pd.Series([10.0, -20.0, 5.0], index=index)})
    assert outputs["$output"].tolist() == $expected
'''


def _test(output: str, expected: str) -> str:
    return _TEST.replace("$output", output).replace("$expected", expected)


_STATEFUL_MODEL = '''"""Charge that has flowed through the battery, in whatever direction."""

import numpy as np

from altergo_interface import Model, ModelState, Outputs, Samples, StepData, register_model

US_PER_S = 1_000_000
S_PER_H = 3600


class Carried(ModelState):
    """What one call hands to the next: plain typed fields with defaults, and no more than is needed."""

    throughput_ah: float = 0.0


@register_model("$name")
class $cls(Model):
    """Each interval counts with the current at its beginning, and is booked at its end."""

    State = Carried

    def advance(self, state: Carried, data: StepData) -> tuple[Carried, Outputs]:
        """Fold the intervals that end inside the span; the first begins where the last call ended."""
        current = data.series("current")
        if current is None or len(current) < 2:
            return state, {}
        seconds = np.diff(current.t) / US_PER_S
        counted = np.where(seconds <= self.config["max_gap_s"], seconds, 0.0)
        steps = np.abs(current.x[:-1]) * counted / S_PER_H
        # The carried sum is the first addend, so that no cut of the history changes a bit.
        total = np.cumsum(np.concatenate(([state.throughput_ah], steps)))[1:]
        return Carried(throughput_ah=float(total[-1])), {"throughput_ah": Samples(current.t[1:], total)}
'''

_STATEFUL_MANIFEST = """{
  "name": "$name",
  "version": "0.1.0",
  "description": "Charge that has flowed through the battery, in whatever direction",
  "continuity": "stateful",
  "inputs": {
    "current": {
      "type": "pd.Series",
      "unit": "A",
      "current_sign": "discharge_positive",
      "description": "Pack or cell current"
    }
  },
  "outputs": {
    "throughput_ah": {
      "unit": "Ah",
      "decimation_threshold": 1.0,
      "description": "Cumulative charge in both directions"
    }
  },
  "configuration": {
    "max_gap_s": {
      "type": "float",
      "default": 600.0,
      "exclusive_minimum": 0,
      "unit": "s",
      "description": "Longest interval that counts; a longer one is a gap"
    }
  }
}
"""

_PLAIN_MODEL = '''"""The magnitude of the current."""

from altergo_interface import Model, register_model


@register_model("$name")
class $cls(Model):
    """Takes a dict of pandas Series (UTC index), and returns one."""

    def process(self, data):
        return {"current_magnitude": data["current"].abs()}
'''

_PLAIN_MANIFEST = """{
  "name": "$name",
  "version": "0.1.0",
  "inputs": [
    {"logical_name": "current", "unit": "A", "required": true}
  ],
  "outputs": [
    {"logical_name": "current_magnitude", "unit": "A"}
  ]
}
"""

STATEFUL: Mapping[str, str] = {
    "__init__.py": _INIT,
    "$name.py": _STATEFUL_MODEL,
    "model.json": _STATEFUL_MANIFEST,
    "README.md": _README,
    "test_$name.py": _test("throughput_ah", "[1.0, 3.0]"),
}
"""File name to content, of a model that carries a state from call to call."""

PLAIN: Mapping[str, str] = {
    "__init__.py": _INIT,
    "$name.py": _PLAIN_MODEL,
    "model.json": _PLAIN_MANIFEST,
    "README.md": _README,
    "test_$name.py": _test("current_magnitude", "[10.0, 20.0, 5.0]"),
}
"""The same of a model that implements `process` alone."""


@dataclass(frozen=True, slots=True)
class NewModel:
    """What `new_model` wrote: the model's folder, and the names of the files in it."""

    model: str
    folder: Path
    files: tuple[str, ...]


def resolve_model(target: str, models_dirs: Sequence[Path]) -> ModelSpec:
    """The model of a folder, or the registered one of that name.

    Raises ManifestError where there is none, where it cannot be loaded, and where a folder holds several.
    """
    folder = Path(target)
    if len(folder.parts) < 2 and not (folder / "model.json").is_file():
        registry, new = discover(models_dirs), DEFAULT_DIR / target
        known = target in registry or any(target in broken.names for broken in registry.broken)
        if not known and (new / "model.json").is_file():  # a model of this folder: not registered, but surely meant
            raise ManifestError(
                f"unknown model '{target}'", f"There is a folder of that name: twins models check {new}"
            )
        return find_model(registry, target)
    found = load_folder(folder)
    if len(found) > 1:
        raise ManifestError(
            f"{folder} holds the models {', '.join(found)}", "Give its parent as --models-dir, and a name"
        )
    return next(iter(found.values()))


def new_model(name: str, models_dirs: Sequence[Path], *, plain: bool = False) -> NewModel:
    """Write the folder of a model that passes all checks, into the first of `models_dirs`, else into `models`.

    Raises ManifestError for a name that is no good or taken; nothing is written then.
    """
    root = models_dirs[0] if models_dirs else DEFAULT_DIR
    _check_name(name)
    folder = root / name
    if folder.exists():
        raise ManifestError(f"{folder} exists already", "Choose another name")
    places = [place for place in dict.fromkeys((root, *models_dirs)) if place.is_dir()]
    known = discover([place for place in places if place.resolve() != packaged_dir().resolve()])
    if name in known:
        raise ManifestError(f"there is a model '{name}' in {known[name].path}", "Choose another name")
    files = {Template(file).substitute(name=name): text for file, text in (PLAIN if plain else STATEFUL).items()}
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(Template(text).substitute(name=name, cls=_class_name(name)), encoding="utf-8")
    return NewModel(name, folder, tuple(sorted(files)))


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ManifestError(f"'{name}' is no name for a model", "Use lower-case letters, digits and _: my_model")
    if name.startswith(("test_", "tests")):
        raise ManifestError(f"'{name}' is no name for a model", "Files of that name count as tests, not as its code")
    found = importlib.util.find_spec(name)
    if found is not None and found.origin is not None:
        raise ManifestError(f"'{name}' is the name of a Python package", "Choose another name")


def _class_name(name: str) -> str:
    camel = "".join(part.capitalize() for part in name.split("_"))
    taken = {*altergo_interface.__all__, "Carried"}  # names in the template
    return f"{camel}Model" if camel in taken else camel
