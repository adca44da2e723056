"""The error tree: one root, raw arguments kept, pickling harmless, hints that name the nearest."""

import copy
import pickle

import pytest

import altergo_interface
from altergo_interface import errors
from altergo_interface.errors import InfrastructureError, StoreBusy, StoreError, TwinsError, did_you_mean


def tree(root: type[TwinsError]) -> list[type[TwinsError]]:
    return [root, *(cls for child in root.__subclasses__() for cls in tree(child))]


TREE = [cls for cls in tree(TwinsError) if cls.__module__ == errors.__name__]


def test_every_error_has_the_one_root() -> None:
    defined = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)]
    assert set(defined) == set(TREE)
    assert len(TREE) == 12
    assert issubclass(StoreBusy, StoreError)


@pytest.mark.parametrize("cls", TREE, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("args", [("EV-7: no current",), ("EV-7: no current", "Map it under 'inputs'")])
def test_survives_pickling_and_copying(cls: type[TwinsError], args: tuple[str, ...]) -> None:
    error = cls(*args)
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(twin) is cls
        assert (twin.what, twin.hint) == (error.what, error.hint) == (args[0], args[1] if len(args) == 2 else "")
        assert str(twin) == str(error) == ". ".join(args)
        assert twin.args == error.args == (error.what, error.hint)
        assert twin.code == cls.__name__
        assert twin.exit_code == cls.exit_code


def test_exit_codes_are_the_contracts() -> None:
    assert {cls.__name__ for cls in TREE if cls.exit_code == 3} == {"InfrastructureError"}
    assert {cls.exit_code for cls in TREE if cls is not InfrastructureError} == {2}


def test_the_package_exports_the_whole_tree_and_its_docstring_draws_it() -> None:
    for cls in TREE:
        assert getattr(altergo_interface, cls.__name__) is cls
        assert cls.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("enabled_model", ["enabled_models", "debug_mode"], "Did you mean 'enabled_models'?"),
        ("eq_cycle", {"eq_cycles": 1, "voltage_monitor": 2}, "Did you mean 'eq_cycles'?"),
        ("zzz", ["b", "a"], "Known: a, b"),
        ("zzz", [], ""),
    ],
)
def test_did_you_mean(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint
