"""A store with the settings and models that are in force for it: what every part of the facade begins with."""

import logging
from collections.abc import Sequence
from pathlib import Path

from actors.settings_file import settings_path
from altergo_interface.config import Settings, load_settings
from altergo_interface.models import Registry, discover
from event_store.store import Store


class Opened:
    """What a fleet is made of."""

    def __init__(
        self,
        root: str | Path = "fleet-store",
        settings: str | Path | None = None,
        models_dirs: Sequence[str | Path] = (),
    ) -> None:
        self.root = Path(root)
        self._settings_file = Path(settings) if settings is not None else None
        self._models_dirs = tuple(Path(folder) for folder in models_dirs)

    def store(self) -> Store:
        """The opened store. Raises StoreError where there is none."""
        return Store.open(self.root)

    def registry(self, *, tell: bool = True) -> Registry:
        """All registered models. Folders that could not be loaded are logged, unless the caller says so itself."""
        found = discover(self._models_dirs)
        for broken in found.broken if tell else ():
            logging.getLogger(__name__).warning("%s", broken)
        return found

    def settings(self) -> Settings:
        """The settings in force."""
        # Absolute, because a run records it for the next one, which may be started elsewhere.
        return load_settings(settings_path(self.root, self._settings_file).absolute())
