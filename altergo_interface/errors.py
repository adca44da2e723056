"""The error tree: every error that the engine raises on purpose.

    TwinsError                    exit 2
    ├── SettingsError             a settings file, an override or a flag
    ├── ManifestError             a model folder or its model.json
    ├── ParameterError            an asset's parameter
    ├── UnitError                 a unit that cannot be converted
    ├── IngestError               an event file that cannot be ingested at all
    ├── SelectionError            a selector or a name that matches nothing
    ├── PlanStale                 a written plan that no longer fits the store
    ├── StoreError                a store that cannot be used
    │   └── StoreBusy             another process holds it
    ├── ModelError                a model broke its contract: parks its pair
    └── InfrastructureError       exit 3: Ray, disk, process, object store
        └── GatewayError          the platform refused, or answered nonsense (`altergo_interface.gateway`)
            └── GatewayUnavailable  it could not be reached

Errors keep their raw arguments and format in `__str__`, so that they survive pickling between processes.
"""

import difflib
from collections.abc import Iterable


class TwinsError(Exception):
    """Root of all errors of this project.

    Args:
        what: what is wrong and where (asset, sensor, file, row, key), one line.
        hint: what the user can do about it; may be empty.
    """

    exit_code = 2

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    @property
    def code(self) -> str:
        """The stable name of the error for machine readers."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.what}. {self.hint}" if self.hint else self.what


class SettingsError(TwinsError):
    """A settings file, an environment override or a flag is wrong."""


class ManifestError(TwinsError):
    """A model folder or its manifest is wrong."""


class ParameterError(TwinsError):
    """An asset's parameter is wrong."""


class UnitError(TwinsError):
    """A unit is unknown, or cannot be converted into the one that is asked for."""


class IngestError(TwinsError):
    """An event file cannot be ingested at all; nothing was changed."""


class SelectionError(TwinsError):
    """A selector or a name matches nothing."""


class PlanStale(TwinsError):
    """A pair of a written plan has moved, or would be computed with other code or settings by now."""


class StoreError(TwinsError):
    """A store is missing, damaged, or of another version."""


class StoreBusy(StoreError):
    """Another process holds the lock that this command needs."""


class ModelError(TwinsError):
    """A model broke its contract; its pair is parked."""


class InfrastructureError(TwinsError):
    """Ray, the disk or a process failed; what was committed stays."""

    exit_code = 3


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or else all of them."""
    names = sorted(known)
    folded = {known_name.lower(): known_name for known_name in names}
    near = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{folded[near[0]]}'?"
    return f"Known: {', '.join(names)}" if names else ""
