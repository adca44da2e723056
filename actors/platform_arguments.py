"""What a platform passes to `entrypoint.py`: inline JSON, or the path of a file such as `dev-parameters.json`."""

import difflib
import json
import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from altergo_interface import SettingsError
from altergo_interface.gateways import VARIABLES
from altergo_interface.sdk_gateway import KEY
from altergo_interface.secret import Secret
from altergo_interface.settings_document import absolute_gateway

INLINE = "the inline arguments"
_OURS = ("assetId", "gateway", "store", "settings", "parameters", "configurationValues")
ARGUMENTS = (KEY, "altergoFactoryApi", "altergoIotApi", *_OURS)


@dataclass(frozen=True, slots=True)
class PlatformArguments:
    """The arguments of one run.

    Attributes:
        source: the file, or that they came inline.
        local: whether a developer runs them: from a file called `dev-…`, or against a folder.
        assets: the asset ids; empty where none is named.
        gateway: the gateway that is named; empty for the settings', or else the platform.
        store, settings: paths, None for the defaults.
        overrides: a settings document whose keys win over the file's.
        sent: the platform's own configuration, which should be complete; None in other cases.
        key: the user's API key.
        given: all else, for the SDK.
    """

    source: str
    local: bool
    assets: tuple[str, ...]
    gateway: str
    store: Path | None
    settings: Path | None
    overrides: Any
    sent: Any
    key: Secret
    given: Mapping[str, Any] = field(repr=False)


NO_ARGUMENTS = PlatformArguments("", True, (), "", None, None, None, None, Secret(""), {})


def is_inline(argument: str) -> bool:
    """Whether an argument is the JSON itself and not the path of a file."""
    return argument.lstrip()[:1] in ("{", '"')


def read_arguments(argument: str) -> PlatformArguments:
    """The arguments, inline or of a file. Raises SettingsError naming the file and the key, and never a value."""
    text, source, folder = _text(argument)
    return _checked(_parsed(text, source), source, folder)


def with_key(arguments: PlatformArguments, environ: MutableMapping[str, str]) -> PlatformArguments:
    """The arguments, with the environment's key where they have none; it leaves there, because hosts inherit it."""
    key = environ.pop(VARIABLES[KEY], "")
    return arguments if arguments.key or not key else replace(arguments, key=Secret(key))


def _text(argument: str) -> tuple[str, str, Path]:
    if is_inline(argument):
        return argument, INLINE, Path.cwd()
    path = Path(argument)
    unnamed = argument.startswith("/dev/fd/")  # inline ones that have left the command line
    try:
        text = path.read_text(encoding="utf-8-sig")
        return (text, INLINE, Path.cwd()) if unnamed else (text, argument, path.parent)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no text file"
    if any(mark in argument for mark in "{}\"'\n"):  # JSON that a shell has spoilt: the key may be in it
        raise SettingsError("the argument is neither JSON nor the path of a file", "Check how the shell quotes it")
    raise SettingsError(f"{argument}: {reason}", "Name a JSON file, such as dev-parameters.json")


def _parsed(text: str, source: str) -> dict[str, Any]:
    fault = ""
    found: Any = text
    for _ in range(2):  # the platform's files hold a JSON text that holds JSON
        if isinstance(found, str):
            try:
                found = json.loads(found)
            except json.JSONDecodeError as error:
                fault = f"{error.msg}, line {error.lineno} column {error.colno}"
            except RecursionError:
                fault = "nested too deeply"
    if fault:  # raised here, because the parser's own error carries the whole text
        raise SettingsError(f"{source}: no valid JSON ({fault})", "Correct it")
    if not isinstance(found, dict):
        raise SettingsError(f"{source}: no JSON object", 'Write {"assetId": …}')
    return found


def _checked(found: dict[str, Any], source: str, folder: Path) -> PlatformArguments:
    local = source != INLINE and Path(source).name.startswith("dev-")
    _look_for_slips(found, source, local)
    gateway = absolute_gateway(_string(found, "gateway", source), folder)
    settings = found.get("settings")
    return PlatformArguments(
        source=source,
        local=local or gateway.startswith("file:"),
        assets=_assets(found.get("assetId"), source),
        gateway=gateway,
        store=_path(found, "store", source, folder),
        settings=None if isinstance(settings, dict) else _path(found, "settings", source, folder),
        overrides=_overrides(found, source),
        sent=_object(found, "configurationValues", source),
        key=Secret(_string(found, KEY, source)),
        given={name: value for name, value in found.items() if name != KEY and name not in _OURS},
    )


def _look_for_slips(found: Mapping[str, Any], source: str, local: bool) -> None:
    """A misspelt key is an error in a developer's file; the platform may well have keys that are not known here."""
    for name in found:
        near = difflib.get_close_matches(name, ARGUMENTS, n=1, cutoff=0.8)
        if name not in ARGUMENTS and near:
            if local:
                raise SettingsError(f"{source}: unknown key '{name}'", f"Did you mean '{near[0]}'?")
            logging.getLogger(__name__).warning("%s: unknown key '%s' (not '%s')", source, name, near[0])


def _assets(given: Any, source: str) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else [given]
    if given is None:
        return ()
    if not all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
        raise SettingsError(f"{source}: assetId is neither an id nor a list of ids", 'For example ["EV-1", "EV-2"]')
    found = tuple(dict.fromkeys(str(part).strip() for part in parts))
    if not all(found) or not found:
        raise SettingsError(f"{source}: assetId is empty", "Name an asset, or leave the key out")
    return found


def _overrides(found: Mapping[str, Any], source: str) -> Any:
    """`settings` as an object, `parameters`, or both, as one settings document."""
    settings = found.get("settings") if isinstance(found.get("settings"), dict) else None
    parameters = _object(found, "parameters", source)
    if settings is not None and parameters is not None:
        raise SettingsError(f"{source}: both 'settings' and 'parameters' override the settings", "Keep one of them")
    return settings if settings is not None else None if parameters is None else {"parameters": parameters}


def _object(found: Mapping[str, Any], name: str, source: str) -> Any:
    value = found.get(name)
    if value is not None and not isinstance(value, dict):
        raise SettingsError(f"{source}: {name} is no object", "See documentation/how-to/deployment.md")
    return value


def _string(found: Mapping[str, Any], name: str, source: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str):
        raise SettingsError(f"{source}: {name} is no text", "Put it in quotes")
    return value


def _path(found: Mapping[str, Any], name: str, source: str, folder: Path) -> Path | None:
    value = _string(found, name, source)
    return folder / value if value else None
