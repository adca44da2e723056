"""Results on their way to a platform: what their series are called, and what differs from what was sent."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from altergo_interface.data import Times, Values
from altergo_interface.errors import SettingsError
from altergo_interface.gateway import Points
from altergo_interface.manifest import OutputSpec

Labels = NDArray[np.object_]


class Series(NamedTuple):
    """A result series on the platform: its name, and its unit (empty where it has none)."""

    sensor: str
    unit: str


Naming = Mapping[str, Series]
"""A model's outputs by logical name, each with its series."""


def series_of(model: str, output: str, spec: OutputSpec | None, shown: str = "") -> Series:
    """The series of one output. Without a display name it is `"<model> <output>"`, which is unique."""
    return Series(shown or f"{model} {output}", (spec.unit if spec else None) or "")


def naming_of(model: str, outputs: Mapping[str, OutputSpec], shown: Mapping[str, str]) -> Naming:
    """The series of all outputs of a manifest; `shown` are the settings' display names."""
    return {name: series_of(model, name, spec, shown.get(name, "")) for name, spec in sorted(outputs.items())}


def naming_text(naming: Naming) -> str:
    """A naming as JSON: equal namings have equal texts."""
    return json.dumps(naming, sort_keys=True, ensure_ascii=False)


def read_naming(text: str) -> Naming:
    """What `naming_text` was made of."""
    return {name: Series(*entry) for name, entry in json.loads(text).items()}


def check_names(namings: Mapping[str, Naming], where: str) -> None:
    """Raise SettingsError, beginning with `where`, if two outputs of these models share a series."""
    owner: dict[str, str] = {}
    for model, naming in namings.items():
        for output, series in naming.items():
            own = f"{model}:{output}"
            if owner.setdefault(series.sensor, own) != own:
                what = f"{where}: {owner[series.sensor]} and {own} are both called '{series.sensor}'"
                raise SettingsError(what, f"Give one of them another name: models.{model}.outputs.{output}")


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a series: stamps (n,) int64 µs UTC, strictly increasing; values (n,) float64; labels (n,) or none."""

    t: Times
    x: Values
    labels: Labels | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the platform holds of one series as far as is known. `sure` (n,): that it holds exactly this; else a call
    was begun and never confirmed, and it may hold this, something older, or nothing."""

    curve: Curve
    sure: NDArray[np.bool_]

    def doubted(self) -> "Sent":
        """The same points, none of which is known to be right."""
        return Sent(self.curve, np.zeros_like(self.sure))


NOTHING = Curve(np.empty(0, np.int64), np.empty(0))
NEVER = Sent(NOTHING, np.empty(0, bool))


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be sent of one series: its points that are new or restated, and the stamps to withdraw.

    `new` counts points that the platform is not known to hold, `restated` those that it holds otherwise.
    """

    series: Series
    curve: Curve
    withdrawn: Times
    new: int
    restated: int

    def extent(self) -> tuple[int, int]:
        """The first and the last stamp that it concerns, µs UTC."""
        ends = [t[end] for t in (self.curve.t, self.withdrawn) if len(t) for end in (0, -1)]
        return int(min(ends)), int(max(ends))


def difference(series: Series, present: Curve, sent: Sent) -> Change | None:
    """What has to be sent so that the platform holds `present`; None where nothing has."""
    before = sent.curve
    place, there = _found(present.t, before.t)
    sure = there.copy()
    sure[there] = sent.sure[place[there]]
    same = sure.copy()
    same[sure] = _equal(_at(present, sure), _at(before, place[sure]))
    withdrawn = before.t[~_found(before.t, present.t)[1]]
    restated = int((sure & ~same).sum())
    new = int((~sure).sum())
    if not new and not restated and not len(withdrawn):
        return None
    return Change(series, _at(present, ~same), withdrawn, new, restated)


def _found(t: Times, among: Times) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each stamp stands among others, and whether it does; both increase, which `np.isin` does not use."""
    place = np.searchsorted(among, t)
    there = place < len(among)
    there[there] = among[place[there]] == t[there]
    return place, there


def _at(curve: Curve, chosen: Any) -> Curve:
    return Curve(curve.t[chosen], curve.x[chosen], None if curve.labels is None else curve.labels[chosen])


def _equal(one: Curve, other: Curve) -> NDArray[np.bool_]:
    """Values by their bits, with one NaN, so that a second upload of anything finds nothing."""
    both = [np.where(np.isnan(curve.x), np.nan, curve.x).view(np.int64) for curve in (one, other)]
    words = [curve.labels if curve.labels is not None else np.full(len(curve.t), None) for curve in (one, other)]
    equal: NDArray[np.bool_] = (both[0] == both[1]) & (words[0] == words[1])
    return equal


def points_of(changes: Iterable[Change]) -> list[Points]:
    """What one asset is sent: changes of the same series, which another output has taken over, become one."""
    ordered = sorted(changes, key=_by_name)
    return [_joined([*group]) for _, group in groupby(ordered, key=_by_name)]


def _by_name(change: Change) -> str:
    return change.series.sensor


def _joined(changes: Sequence[Change]) -> Points:
    """One output at most has points in a series now, see `check_names`; what others withdraw must not touch them."""
    owner = next((change for change in changes if len(change.curve.t)), changes[0])
    withdrawn = owner.withdrawn
    if len(changes) > 1:
        withdrawn = np.unique(np.concatenate([change.withdrawn for change in changes]))
        withdrawn = withdrawn[~_found(withdrawn, owner.curve.t)[1]]
    labels = None if owner.curve.labels is None else owner.curve.labels.tolist()
    return Points(owner.series.sensor, owner.series.unit, owner.curve.t, owner.curve.x, labels, withdrawn)


def renamed_units(before: Naming, now: Iterable[Naming]) -> Iterator[str]:
    """Series that keep their name and get another unit: all their points are to be sent again."""
    units = {series.sensor: series.unit for naming in now for series in naming.values()}
    yield from (s.sensor for s in before.values() if units.get(s.sensor, s.unit) != s.unit)
