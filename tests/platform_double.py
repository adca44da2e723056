"""A platform in memory: what it was sent, and faults that strike at a chosen step."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from actors import Fleet
from altergo_interface.gateway import GatewayError, GatewayUnavailable, Page, Points

Point = tuple[str, str | None]
"""A value as text, because NaN equals no other, and a label."""


class Killed(BaseException):
    """Nothing catches it: the nearest that an exception comes to a kill."""


class Platform:
    """Implements Gateway. Every series that is changed counts as two steps: before and after it."""

    def __init__(self, name: str = "double") -> None:
        self._name = name
        self.content: dict[tuple[str, str], dict[int, Point]] = {}
        self.units: dict[tuple[str, str], str] = {}
        self.calls: list[tuple[str, tuple[Points, ...]]] = []
        self.refused: set[str] = set()
        self.reachable = True
        self.die_at = 0
        self.steps = 0

    @property
    def name(self) -> str:
        return self._name

    def assets(self) -> Sequence[str]:
        return ()

    def parameters(self, asset_id: str) -> Mapping[str, Any]:
        return {}

    def fetch(self, asset_id: str, since: Mapping[str, int]) -> Iterator[Page]:
        return iter(())

    def send(self, asset_id: str, points: Sequence[Points]) -> None:
        self._step()
        if not self.reachable:
            raise GatewayUnavailable("double: no answer")
        self.calls.append((asset_id, tuple(points)))
        assert len({entry.sensor for entry in points}) == len(points)
        for entry in points:
            self._put(asset_id, entry)
            self._step()
            if asset_id in self.refused:  # some of it has been taken
                raise GatewayError(f"double: {asset_id} is not welcome")

    def _put(self, asset_id: str, entry: Points) -> None:
        assert (entry.t[1:] > entry.t[:-1]).all()
        assert (entry.withdrawn[1:] > entry.withdrawn[:-1]).all()
        assert not set(entry.t.tolist()) & set(entry.withdrawn.tolist())
        series = self.content.setdefault((asset_id, entry.sensor), {})
        labels = entry.labels if entry.labels is not None else [None] * len(entry.t)
        for t in entry.withdrawn.tolist():
            series.pop(t, None)
        for t, x, label in zip(entry.t.tolist(), entry.x.tolist(), labels, strict=True):
            series[t] = (repr(x), label)
        if len(entry.t):
            self.units[asset_id, entry.sensor] = entry.unit

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.die_at:
            raise Killed

    def forget_calls(self) -> None:
        """From now on, `calls` and `sent` are about what follows."""
        self.calls.clear()

    def sent(self) -> dict[tuple[str, str], tuple[list[int], list[int]]]:
        """By asset and series, the stamps of points and the withdrawn stamps of all calls, in the order of calls."""
        found: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
        for asset, points in self.calls:
            for entry in points:
                stamps, withdrawn = found.setdefault((asset, entry.sensor), ([], []))
                stamps += entry.t.tolist()
                withdrawn += entry.withdrawn.tolist()
        return found

    def holds(self) -> dict[tuple[str, str], dict[int, Point]]:
        """All points; series without any are left out."""
        return {key: series for key, series in self.content.items() if series}


class FilePlatform(Platform):
    """One that survives its process: each series that is changed is on the disk before the next one."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.json"):
            asset, sensor, points = json.loads(path.read_text())
            self.content[asset, sensor] = {int(t): (x, label) for t, (x, label) in points.items()}

    def _put(self, asset_id: str, entry: Points) -> None:
        super()._put(asset_id, entry)
        path = self._folder / f"{asset_id} {entry.sensor}.json"
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps([asset_id, entry.sensor, self.content[asset_id, entry.sensor]]))
        os.replace(draft, path)


def winning(fleet: Fleet, names: Mapping[str, str] = {}) -> dict[tuple[str, str], dict[int, Point]]:
    """What a platform should hold: the view `outputs` under the series' names; `names` by `model:output`."""
    fleet.publish()
    rows = fleet.sql('select asset_id, model, "output", epoch_us(ts), value, label from outputs').fetchall()
    found: dict[tuple[str, str], dict[int, Point]] = {}
    for asset, model, output, t, x, label in rows:
        name = names.get(f"{model}:{output}", f"{model} {output}")
        found.setdefault((asset, name), {})[t] = (repr(x), label)
    return found
