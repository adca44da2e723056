"""Which gateway a setting or a flag names."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from altergo_interface.errors import SettingsError
from altergo_interface.file_gateway import FileGateway
from altergo_interface.gateway import Gateway
from altergo_interface.sdk_gateway import KEY, SdkGateway
from altergo_interface.secret import Secret

SDK = "altergo"
VARIABLES = {
    KEY: "ALTERGO_USER_API_KEY",
    "altergoFactoryApi": "ALTERGO_FACTORY_API",
    "altergoIotApi": "ALTERGO_IOT_API",
}
"""What the SDK's gateway needs, and the environment variables that give it where no parameters file does."""


def open_gateway(
    spec: str,
    environ: Mapping[str, str],
    *,
    given: Mapping[str, Any] | None = None,
    key: Secret | None = None,
    assets: Sequence[str] = (),
    sensors: Sequence[str] = (),
) -> Gateway:
    """The gateway that `spec` names: `file:DIR`, or `altergo`.

    `given` and `key` are what a parameters file says; what they lack comes from `environ`. Raises SettingsError for
    another scheme, a missing folder, SDK or key. The text may hold a secret by mistake: only its scheme is repeated.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "file" and rest:
        return FileGateway(Path(rest), assets)
    if scheme != SDK or rest:
        shown = scheme if scheme.isidentifier() and len(scheme) < 20 else "?"
        raise SettingsError(f"gateway: '{shown}' is not known as that", "Write file:DIR, or altergo")
    named = {name: environ.get(variable, "") for name, variable in VARIABLES.items() if name != KEY}
    found = {**{name: value for name, value in named.items() if value}, **(given or {})}
    secret = key or Secret(environ.get(VARIABLES[KEY], ""))
    missing = [name for name in VARIABLES if not (secret if name == KEY else found.get(name))]
    if missing:
        where = f"Give it in the parameters file, or as {VARIABLES[missing[0]]}"
        raise SettingsError(f"gateway altergo: {missing[0]} is missing", where)
    return SdkGateway(found, secret, assets, sensors)
