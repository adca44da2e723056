"""A store with the settings and models that are in force for it: what every part of the facade begins with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
        *,
        overrides: Any = None,
        local: bool = True,
    ) -> None:
        self.root = Path(root)
        self._settings_file = Path(settings) if settings is not None else None
        self._overrides, self._local = overrides, local
        self._models_dirs = tuple(Path(folder) for folder in models_dirs)

    def store(self) -> Store:
        """The opened store. Raises StoreError where there is none."""
        return Store.open(self.root)

    def registry(self) -> Registry:
        """All registered models."""
        return discover(self._models_dirs)

    def settings(self) -> Settings:
        """The settings in force."""
        # Absolute, because a run records it for the next one, which may be started elsewhere.
        path = settings_path(self.root, self._settings_file).absolute()
        return load_settings(path, local=self._local, over=self._overrides)
