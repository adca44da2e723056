"""Manifests as they are found in the wild, brought into the one form that `altergo_interface.manifest` checks.

Inputs, outputs and configuration come keyed by name or as lists of objects that carry their name; types, bounds and
choices go by several words each. What cannot be what it claims is a ValueError that names the key.
"""

from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 200

_NUMBERS = ("float", "number", "numeric", "double", "decimal", "int", "integer", "bool", "boolean")
_TEXTS = ("str", "string", "text", "enum", "label", "category", "categorical", "select", "choice")
_OBJECTS = ("dict", "object", "json", "mapping", "map", "lookup")
_SERIES = ("pd.series", "series", "pandas.series", "timeseries", "time_series", "time series", "sensor", "signal")
_FRAMES = ("table", "dataframe", "pd.dataframe", "pandas.dataframe")


def _synonyms(**words: tuple[str, ...]) -> dict[str, str]:
    return {word: name for name, group in words.items() for word in group}


_INPUT_TYPES = {"pd.Series": _SERIES, "table": _FRAMES, "float": _NUMBERS, "str": _TEXTS, "dict": _OBJECTS}
_CONFIGURATION_TYPES = {
    "float": _NUMBERS[:5],
    "int": _NUMBERS[5:7],
    "bool": _NUMBERS[7:],
    "str": _TEXTS,
    "json": (*_OBJECTS, "list", "array", "tuple"),
}
_TYPES: Mapping[str, Mapping[str, str]] = {
    "inputs": _synonyms(**_INPUT_TYPES),
    "outputs": _synonyms(number=_NUMBERS, label=_TEXTS),
    "configuration": _synonyms(**_CONFIGURATION_TYPES),
}
_KEYS = {"min": "minimum", "max": "maximum", "options": "choices", "enum": "choices"}


def one_form(raw: Any) -> dict[str, Any]:
    """A manifest with all three sections keyed by name. Raises ValueError naming the key that is wrong."""
    if not isinstance(raw, dict):
        raise ValueError("a manifest is a JSON object")
    found: dict[str, Any] = {**raw}
    if "parameters" in found and "configuration" not in found:
        found["configuration"] = found.pop("parameters")
    _check_title(found.get("name", ""))
    for section, adapt in (("inputs", _input), ("outputs", _output), ("configuration", _parameter)):
        keyed = _keyed(found.get(section, {}), section)
        for name in keyed:
            check_name(name, f"{section}: the name")
        found[section] = {name: adapt(spec) for name, spec in keyed.items()}
    return found


def check_name(name: Any, what: str) -> None:
    """Raise ValueError where a name could be taken for a path, or cannot be shown: it is used in SQL and files."""
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"{what} {name!r} is empty or no text")
    if len(name) > MOST_CHARACTERS:
        raise ValueError(f"{what} '{name[:20]}…' is longer than {MOST_CHARACTERS} characters")
    if not name.isprintable() or any(mark in name for mark in "/\\") or name in (".", ".."):
        raise ValueError(f"{what} {name!r} is no plain name: it has a slash or a character that cannot be shown")


def _check_title(name: Any) -> None:
    """The display name may hold a slash between words, and yet be no path."""
    if name == "":
        return
    check_name(name.replace("/", " ") if isinstance(name, str) else name, "name:")
    if name.startswith("/") or any(part in (".", "..") for part in name.split("/")):
        raise ValueError(f"name: {name!r} is a path")


def _keyed(raw: Any, section: str) -> dict[str, Any]:
    """An object keyed by logical name, from that or from a list of names and of objects that carry their name."""
    if isinstance(raw, dict):
        return {name: dict(spec) if isinstance(spec, dict) else spec for name, spec in raw.items()}
    if not isinstance(raw, list):
        raise ValueError(f"'{section}' is neither an object nor a list")
    named: dict[str, Any] = {}
    for item in raw:
        name = item.get("logical_name") or item.get("name") if isinstance(item, dict) else None
        if name is None and section == "outputs" and isinstance(item, str):
            name, item = item, {}
        if not isinstance(name, str) or not name:
            raise ValueError(f"an entry of '{section}' has no logical_name")
        if name in named:
            raise ValueError(f"{section}.{name} is there twice")
        named[name] = {k: v for k, v in item.items() if k not in ("logical_name", "name")}
    return named


def _renamed(spec: Any, section: str) -> Any:
    """The entry with known words for its keys and its type; an unknown type stays, to be refused by its name."""
    if not isinstance(spec, dict):
        return spec
    spec = {_KEYS.get(key, key) if _KEYS.get(key) not in spec else key: value for key, value in spec.items()}
    kind = spec.get("type")
    if isinstance(kind, str):
        spec["type"] = _TYPES[section].get(kind.strip().lower(), kind)
    return spec


def _input(spec: Any) -> Any:
    spec = _renamed(spec, "inputs")
    if isinstance(spec, dict) and isinstance(spec.get("default"), str):
        spec["default"] = (spec["default"],)
    elif isinstance(spec, dict) and isinstance(spec.get("default"), int | float | dict):
        spec["fallback"] = spec.pop("default")
    return spec


def _output(spec: Any) -> Any:
    """Of a type that says neither numbers nor labels (`pd.Series`, `pd.DataFrame`), what comes is what counts."""
    spec = _renamed(spec, "outputs")
    if isinstance(spec, dict) and spec.get("type") not in ("number", "label"):
        spec.pop("type", None)
    return spec


def _parameter(spec: Any) -> Any:
    """A bare value is the default; without a type, it is the default's."""
    if not isinstance(spec, dict):
        spec = {"default": spec}
    spec = _renamed(spec, "configuration")
    default = spec.get("default")
    if "type" not in spec and isinstance(default, bool | str | dict | list):
        spec["type"] = {bool: "bool", str: "str"}.get(type(default), "json")
    return spec
