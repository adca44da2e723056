"""Which settings file is in force: the one that is named, the folder's, that of the last run, or the packaged one."""

from pathlib import Path

from altergo_interface import SettingsError
from altergo_interface.models import packaged_dir
from event_store.queries import last_settings
from event_store.store import Store

SETTINGS_FILE = "altergo-settings.json"


def settings_path(root: Path, named: Path | None) -> Path:
    """The settings file for a store. Raises SettingsError where that of its last run is gone."""
    return chosen_settings(root, named)[0]


def chosen_settings(root: Path, named: Path | None) -> tuple[Path, str]:
    """The settings file for a store, and why it is that; see `settings_path`."""
    if named is not None:
        return named, "--settings"
    if Path(SETTINGS_FILE).is_file():
        return Path(SETTINGS_FILE), "the working folder's"
    last = last_settings(Store.open(root)) if (root / "catalog.duckdb").is_file() else None
    if last is not None:
        if not Path(last).is_file():
            raise SettingsError(f"{last}: the settings of the last run are gone", "Name others with --settings")
        return Path(last), "that of the store's last run"
    return packaged_settings(), "the packaged one"


def packaged_settings() -> Path:
    """The settings that ship with the engine."""
    beside = packaged_dir().parent / SETTINGS_FILE
    return beside if beside.is_file() else packaged_dir().parent / "altergo_interface" / SETTINGS_FILE
