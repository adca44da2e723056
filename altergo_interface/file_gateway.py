"""A folder as the platform: what a fleet without one, a test, or the first steps on a laptop need.

    DIR/<asset>/parameters.json         {"capacity": 50, "chemistry": "NMC", …}; optional
    DIR/<asset>/sensors/<sensor>.csv    ts,value: ISO 8601 with an offset, and a number; or .parquet
    DIR/<asset>/events.csv              sensor,ts,value: several sensors in one file; or .parquet
    DIR/<asset>/results/<series>.csv    ts,value,label,unit: what the upload has put there

Names are percent-encoded where they hold what a file name should not (`Cell%2F1.csv` is the sensor `Cell/1`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from altergo_interface.data import Times, Values
from altergo_interface.errors import SettingsError
from altergo_interface.file_names import from_file_name, to_file_name
from altergo_interface.gateway import GatewayError, Page, Points
from altergo_interface.result_files import put_points
from altergo_interface.sample_files import SUFFIXES, read_sensor, read_sensors

PAGE_SAMPLES = 100_000


class FileGateway:
    """A gateway to a folder; `assets` are all that it has folders of, where none are named."""

    def __init__(self, root: Path, assets: Sequence[str] = ()) -> None:
        if not root.is_dir():
            raise SettingsError(f"gateway file:{root}: no such folder", "Make it, or name another")
        self._root = root.absolute()  # one name, however it is written: what was sent is remembered by it
        self._assets = tuple(assets)

    @property
    def name(self) -> str:
        """`file:` and the folder."""
        return f"file:{self._root}"

    def assets(self) -> Sequence[str]:
        """The assets that were named, or all that have a folder."""
        return self._assets or sorted(_named(self._root))

    def parameters(self, asset_id: str) -> Mapping[str, Any]:
        """What `parameters.json` holds; nothing where there is none."""
        path = self._folder(asset_id) / "parameters.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except OSError as error:
            raise GatewayError(f"{path}: {error.strerror}", "Check the file") from error
        except ValueError as error:
            raise GatewayError(f"{path}: no valid JSON ({error})", "Correct it") from error
        if not isinstance(found, dict):
            raise GatewayError(f"{path}: no JSON object", 'Write {"capacity": 50, …}')
        return found

    def fetch(self, asset_id: str, since: Mapping[str, int]) -> Iterator[Page]:
        """The samples of `sensors/` and of the events file, sensor by sensor."""
        folder = self._folder(asset_id)
        shared = _shared(folder)
        own = {from_file_name(path.stem): path for path in _sample_files(folder / "sensors")}
        for sensor in sorted({*shared, *own}):
            parts = [*shared.get(sensor, ()), *([read_sensor(own[sensor])] if sensor in own else ())]
            yield from _pages(sensor, parts, since.get(sensor))

    def send(self, asset_id: str, points: Sequence[Points]) -> None:
        """Put points into `results/`, one file for each series."""
        folder = self._folder(asset_id) / "results"
        for series in points:
            path = folder / f"{to_file_name(series.sensor)}.csv"
            try:
                put_points(path, series)
            except OSError as error:
                raise GatewayError(f"{path}: {error.strerror}", "Check the folder") from error

    def _folder(self, asset_id: str) -> Path:
        """The asset's folder: by its encoded name, or one that was named by hand."""
        folder = self._root / to_file_name(asset_id)
        if folder.is_dir():
            return folder
        found = _named(self._root).get(asset_id)
        if found is None:
            raise GatewayError(f"{self.name}: no folder for asset '{asset_id}'", f"Make {folder}")
        return found


def _named(root: Path) -> dict[str, Path]:
    folders = (entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return {from_file_name(folder.name): folder for folder in folders}


def _sample_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES and not p.name.startswith("."))
    names = [from_file_name(path.stem) for path in found]
    for path, name in zip(found, names, strict=True):
        if names.count(name) > 1:
            raise GatewayError(f"{path}: sensor '{name}' has two files", "Keep one of them")
    return found


def _shared(folder: Path) -> dict[str, list[tuple[Times, Values]]]:
    found: dict[str, list[tuple[Times, Values]]] = {}
    for path in (folder / f"events{suffix}" for suffix in SUFFIXES):
        if path.is_file():
            for sensor, t, x in read_sensors(path):
                found.setdefault(sensor, []).append((t, x))
    return found


def _pages(sensor: str, parts: Sequence[tuple[Times, Values]], since: int | None) -> Iterator[Page]:
    t, x = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(t, kind="stable")
    start = 0 if since is None else int(np.searchsorted(t[order], since))
    for at in range(start, len(t), PAGE_SAMPLES):
        rows = order[at : at + PAGE_SAMPLES]
        yield Page(sensor, t[rows], x[rows])
