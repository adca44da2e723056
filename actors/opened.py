"""A store with the settings and models that are in force for it: what every part of the facade begins with."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.effective import Effective, effective
from actors.settings_file import chosen_settings, settings_path
from altergo_interface.config import Settings, defaulted, load_settings
from altergo_interface.display import Displayed, Rows, Summary
from altergo_interface.models import Registry, discover
from event_store.glance import glance
from event_store.paths import StorePaths
from event_store.store import Store


@dataclass(frozen=True, slots=True)
class ConfigReport:
    """The settings file in force, why it is that one, and every effective value."""

    settings: str
    chosen: str
    values: list[Effective]


class Opened(Displayed):
    """What a fleet is made of."""

    def __init__(
        self,
        root: str | Path = "fleet-store",
        settings: str | Path | None = None,
        models_dirs: Sequence[str | Path] = (),
        *,
        overrides: Sequence[Any] = (),
        local: bool = True,
    ) -> None:
        self.root = Path(root)
        self._settings_file = Path(settings) if settings is not None else None
        self._overrides, self._local = overrides, local
        self._told = False
        self._models_dirs = tuple(Path(folder) for folder in models_dirs)

    def _summary(self) -> Summary:
        """Where it lies, and whether anything is there."""
        facts = [] if StorePaths(self.root).catalog.is_file() else ["no store yet"]
        return Summary(f"{type(self).__name__} {self.root}", facts)

    def _notebook_summary(self) -> Summary:
        """Beside that the published figures, if there are any."""
        found = glance(StorePaths(self.root))
        if found is None:
            return self._summary()
        table = Rows(found.columns, found.rows, len(found.rows))
        return Summary(self._summary().title, found.facts, table)

    def store(self) -> Store:
        """The opened store. Raises StoreError where there is none."""
        return Store.open(self.root)

    def registry(self, *, tell: bool = True) -> Registry:
        """All registered models. Folders that could not be loaded are logged, unless the caller says so itself."""
        found = discover(self._models_dirs)
        for broken in found.broken if tell else ():
            logging.getLogger(__name__).warning("%s", broken)
        return found

    def config(self, flags: Mapping[str, Any] | None = None) -> ConfigReport:
        """The effective settings with their origins; `flags` are keys of `execution` that a command line sets."""
        path, chosen = chosen_settings(self.root, self._settings_file)
        found = self.settings()
        return ConfigReport(str(path.absolute()), chosen, effective(found, self.registry(), flags or {}))

    def settings(self) -> Settings:
        """The settings in force."""
        # Absolute, because a run records it for the next one, which may be started elsewhere.
        path = settings_path(self.root, self._settings_file).absolute()
        found = load_settings(path, local=self._local, over=self._overrides)
        for line in () if self._told else defaulted(found):
            logging.getLogger(__name__).info("%s", line)
        self._told = True
        return found
