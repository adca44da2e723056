"""A settings document before it is typed: its sections at either nesting, overrides, leaves, both forms of a block.

Sections are `execution`, `sensors`, `models` and `chemistries`; what comes out has each key in one place only.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from altergo_interface.errors import SettingsError, did_you_mean

SECTIONS = ("execution", "sensors", "models", "chemistries")
ENV_PREFIX = "TWINS__"
MODEL_KEYS = ("inputs", "outputs", "configuration", "debug_mode", "compute_type")
_LEAF_KEYS = {"description", "default", "valueDev"}
_SEE = "See the README's example"

Document = dict[str, Any]
KeyPath = tuple[str, ...]


def read_document(path: Path) -> Any:
    """The parsed file. Raises SettingsError naming it, also for a key that is there twice: one would be ignored."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unique)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}", "Check --settings") from error
    except _TwiceError as error:
        raise SettingsError(f"{path}: key '{error}' is there twice in one object", "Keep one of them") from error
    except ValueError as error:
        raise SettingsError(f"{path}: no valid JSON ({error})", "Correct it") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: nested too deeply", "Correct it") from error


class _TwiceError(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return found


def plain_document(
    raw: Any, source: str, environ: Mapping[str, str], local: bool, over: Sequence[Any] = ()
) -> Document:
    """The sections of a document, overlaid by those of `over`, one after the other, and then by the environment, each
    leaf its plain value.

    Raises SettingsError naming `source` and the key.
    """
    sections = _sections(raw, source)
    for document in over:
        sections = _merged(_unfolded(sections), _unfolded(_sections(document, f"what overrides {source}")))
    _overlay(sections, environ)
    models = {name: _model_block(block, local) for name, block in sections["models"].items()}
    return {
        "execution": _leaves(sections["execution"], local),
        "sensors": {name: _leaves(rule, local) for name, rule in sections["sensors"].items()},
        "models": models,
        "chemistries": _leaves(sections["chemistries"], local),
    }


def gateway_of(raw: Any, source: str) -> str:
    """The gateway that a document names beside its `parameters`; a relative `file:` is so to the document's folder.

    Raises SettingsError where it is no text.
    """
    named = raw.get("gateway", "") if isinstance(raw, dict) else ""
    if not isinstance(named, str):
        raise SettingsError(f"{source}: 'gateway' is no text", "For example file:DIR")
    return absolute_gateway(named, Path(source).parent)


def absolute_gateway(named: str, folder: Path) -> str:
    """A gateway's name with the folder of `file:DIR` made absolute."""
    scheme, colon, rest = named.partition(":")
    return f"file:{(folder / rest).absolute()}" if colon and scheme == "file" and rest else named


def key_paths(document: Document) -> Iterator[KeyPath]:
    """Every key of a plain document that has a value: `execution.debug_mode`, `models.eq_cycles.inputs.current`, …"""
    for section, depth in (("execution", 1), ("sensors", 2), ("chemistries", 1)):
        yield from ((section, *path) for path in _paths(document[section], depth))
    for name, block in document["models"].items():
        if isinstance(block, dict):
            for key, value in block.items():
                nested = key in ("inputs", "outputs", "configuration")
                yield from (("models", name, key, *path) for path in _paths(value, 1 if nested else 0))


def _paths(value: Any, depth: int) -> Iterator[KeyPath]:
    if depth == 0:
        yield ()
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from ((key, *path) for path in _paths(below, depth - 1))


def dotenv(path: Path = Path(".env")) -> dict[str, str]:
    """The overrides in a `.env` file, `KEY=VALUE` a line; other keys are other programs' business."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    pairs = (line.strip().partition("=") for line in lines)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs if key.startswith(ENV_PREFIX)}


def variable_path(variable: str) -> KeyPath | None:
    """The key that an environment variable overrides; None for one that is none of ours. Raises SettingsError."""
    if not variable.startswith(ENV_PREFIX):
        return None
    path = [part.lower() for part in variable.removeprefix(ENV_PREFIX).split("__")]
    if len(path) < 2 or path[0] not in SECTIONS:
        raise SettingsError(f"environment variable {variable} names no setting", did_you_mean(path[0], SECTIONS))
    if path[0] == "models" and len(path) == 3 and path[2] not in MODEL_KEYS:
        path.insert(2, "configuration")  # where it wins over the file's, whichever form that has
    return tuple(path)


def _sections(raw: Any, source: str) -> dict[str, Document]:
    if not isinstance(raw, dict) or not isinstance(raw.get("parameters"), dict):
        raise SettingsError(f"{source}: no object 'parameters' at the top", _SEE)
    body = dict(raw["parameters"])
    nested = body.pop("configuration", {})
    if not isinstance(nested, dict):
        raise SettingsError(f"{source}: 'parameters.configuration' is no object", _SEE)
    merged = {**body, **nested}
    for key in merged:
        if key not in SECTIONS:
            raise SettingsError(f"{source}: unknown key 'parameters.{key}'", did_you_mean(key, SECTIONS))
    sections = {key: merged.get(key, {}) for key in SECTIONS}
    for key, section in sections.items():
        if not isinstance(section, dict):
            raise SettingsError(f"{source}: 'parameters.{key}' is no object", _SEE)
    return {key: json.loads(json.dumps(section)) for key, section in sections.items()}


def _unfolded(sections: dict[str, Document]) -> dict[str, Document]:
    """The same with every model's flat keys under `configuration`, so that either form overrides the other."""

    def one(block: Any) -> Any:
        if not isinstance(block, dict) or not isinstance(block.get("configuration", {}), dict):
            return block
        flat = {key: value for key, value in block.items() if key not in MODEL_KEYS}
        kept = {key: value for key, value in block.items() if key in MODEL_KEYS}
        return {**kept, "configuration": {**flat, **block.get("configuration", {})}}

    return {**sections, "models": {name: one(block) for name, block in sections["models"].items()}}


def _merged(under: Any, over: Any) -> Any:
    """Objects are merged key by key; a leaf, in either form, is replaced whole."""
    if not (isinstance(under, dict) and isinstance(over, dict)) or _is_leaf(under) or _is_leaf(over):
        return over
    return {**under, **{key: _merged(under[key], value) if key in under else value for key, value in over.items()}}


def _overlay(sections: dict[str, Document], environ: Mapping[str, str]) -> None:
    for variable, text in environ.items():
        path = variable_path(variable)
        if path is None:
            continue
        block = sections[path[0]]
        for part in path[1:-1]:
            block = block.setdefault(part, {})
            if not isinstance(block, dict):
                raise SettingsError(f"environment variable {variable} goes below '{part}', which is no object")
        block[path[-1]] = _scalar(text)


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_leaf(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and set(value) <= _LEAF_KEYS and set(value) != {"description"}


def _leaf(value: Any, local: bool) -> Any:
    """A leaf's plain value: in a local run its `valueDev`, where it has one."""
    if not _is_leaf(value):
        return value
    return value["valueDev"] if local and value.get("valueDev") is not None else value.get("default")


def _leaves(block: Any, local: bool) -> Any:
    """A block of leaves; one with nothing but a `valueDev` is absent from a run that is not local."""
    if not isinstance(block, dict):
        return block
    given = {key: value for key, value in block.items() if local or not _is_leaf(value) or "default" in value}
    return {key: _leaf(value, local) for key, value in given.items()}


def _model_block(block: Any, local: bool) -> Any:
    if not isinstance(block, dict):
        return block
    flat = {key: value for key, value in block.items() if key not in MODEL_KEYS}
    inputs, settings = block.get("inputs", {}), block.get("configuration", {})
    plain = _leaves({key: block[key] for key in ("debug_mode", "compute_type") if key in block}, local)
    return plain | {
        "inputs": {n: _mapping(v, local) for n, v in inputs.items()} if isinstance(inputs, dict) else inputs,
        "outputs": _leaves(block.get("outputs", {}), local),
        "configuration": _leaves({**flat, **settings}, local) if isinstance(settings, dict) else settings,
    }


def _mapping(value: Any, local: bool) -> Any:
    """`"name"`, `["name", …]`, `{"default": …}`, or any of these with `unit` and `current_sign`."""
    extra: Document = {}
    if isinstance(value, dict):
        extra = {key: _leaf(value[key], local) for key in ("unit", "current_sign") if key in value}
        value = _leaf({key: item for key, item in value.items() if key not in extra}, local)
    if isinstance(value, str):
        value = [value]
    return {"names": value or (), **extra}
