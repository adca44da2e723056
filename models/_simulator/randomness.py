"""One independent random stream per asset and purpose, so that nothing depends on the order of draws."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is for; a number is part of the reproducible result and never changes its meaning."""

    PACK = 1
    DAYS = 2
    RIPPLE = 3
    CURRENT = 4
    PACK_VOLTAGE = 5
    CELL_VOLTAGE = 6
    TEMPERATURE = 7
    SOC = 8
    FAULT = 9
    CELL_SPREAD = 10


@dataclass(frozen=True)
class Streams:
    """The random streams of one asset."""

    seed: int
    index: int

    def of(self, purpose: Purpose, item: int = 0) -> np.random.Generator:
        """A fresh generator for one purpose (and one cell); the same call gives the same numbers."""
        return np.random.default_rng([self.seed, self.index, purpose, item])
