"""Which gateway a setting or a flag names."""

from collections.abc import Mapping

from altergo_interface.errors import SettingsError
from altergo_interface.gateway import Gateway


def open_gateway(spec: str, environ: Mapping[str, str]) -> Gateway:
    """The gateway that `spec` names, such as `file:DIR`; keys come from `environ`.

    Raises SettingsError for a scheme that is not known. The text may hold a secret by mistake: only its scheme is
    repeated.
    """
    del environ
    scheme = spec.partition(":")[0] if ":" in spec else ""
    raise SettingsError(f"gateway: the scheme '{scheme}' is not known", "For example file:DIR")
