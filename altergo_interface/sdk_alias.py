"""The platform's boilerplate, as models from elsewhere import it: `altergo_sdk.boiler_plate` is this contract.

It stands in for the SDK in model folders only, also where the SDK is installed, because the engine runs nothing but
models of its own contract. No module of this name is left in `sys.modules`: whoever asks whether the SDK is there
gets the true answer.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from altergo_interface.base_model import Model, register_model
from altergo_interface.errors import SettingsError

SDK = "altergo_sdk"


def extract_altergo_parameters(*_: Any, **__: Any) -> Any:
    """Here for its import alone. Raises SettingsError: a model takes parameters from its inputs and configuration."""
    raise SettingsError("a model asks the platform for its parameters", "Declare them in its model.json")


def _modules() -> dict[str, ModuleType]:
    contents: dict[str, dict[str, Any]] = {
        SDK: {},
        f"{SDK}.boiler_plate": {"Model": Model, "register_model": register_model},
        f"{SDK}.tools": {},
        f"{SDK}.tools.utils": {"extract_altergo_parameters": extract_altergo_parameters},
    }
    found = {name: ModuleType(name, "Stands in for the platform's SDK.") for name in contents}
    for name, module in found.items():
        module.__path__ = []
        vars(module).update(contents[name])
        above, _, last = name.rpartition(".")
        if above:
            setattr(found[above], last, module)
    return found


_MODULES = _modules()


def aliased(name: str, fromlist: Sequence[str]) -> ModuleType | None:
    """What `import name` or `from name import …` binds in a model folder; None for what has no stand-in."""
    if name not in _MODULES:
        return None
    return _MODULES[name] if fromlist else _MODULES[SDK]
