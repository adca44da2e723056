"""The gateway: the one protocol between the engine and a platform that keeps assets, their sensors and results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from altergo_interface.data import Times, Values
from altergo_interface.errors import InfrastructureError


class GatewayError(InfrastructureError):
    """The platform refused a request, or answered what cannot be used; asking again would not help."""


class GatewayUnavailable(GatewayError):
    """The platform could not be reached, was too slow or too busy; asking again may help."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some samples of one sensor as the platform delivers them: stamps (n,) int64 µs UTC, values (n,) float64."""

    sensor: str
    t: Times
    x: Values


@dataclass(frozen=True, slots=True)
class Points:
    """What is to stand in one result series of an asset from now on.

    Attributes:
        sensor: the series' name on the platform.
        unit: its unit; empty where it has none.
        t: stamps (n,) int64 µs UTC, strictly increasing.
        x: values (n,) float64; NaN where the value is unknown or a label.
        labels: labels (n,) of a series of words; None for a series of numbers.
        withdrawn: stamps (k,) of points that were sent and no longer hold.
    """

    sensor: str
    unit: str
    t: Times
    x: Values
    labels: Sequence[str | None] | None
    withdrawn: NDArray[np.int64]


class Gateway(Protocol):
    """A platform. Implementations raise GatewayUnavailable for what may pass and GatewayError for what will not; no
    text of theirs holds a key. A caller sees retried, whole answers: time-outs and repeats are theirs."""

    @property
    def name(self) -> str:
        """What messages call it; nothing secret is in it."""
        ...

    def assets(self) -> Sequence[str]:
        """The assets that the configuration names."""
        ...

    def parameters(self, asset_id: str) -> Mapping[str, Any]:
        """An asset's parameters as they are now."""
        ...

    def fetch(self, asset_id: str, since: Mapping[str, int]) -> Iterator[Page]:
        """All samples of an asset's sensors, page by page; of a sensor in `since` those stamped at or after that (µs
        UTC), of any other all.

        Pages of one sensor come in the order of time: after a failure its newest stamp says where to go on, whatever
        had come of the others.
        """
        ...

    def send(self, asset_id: str, points: Sequence[Points]) -> None:
        """Put points into an asset's result series. Sending the same again changes nothing."""
        ...
