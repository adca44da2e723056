"""Which hysteresis branch a cell is on: by the net charge since the last reversal."""

import math
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from models.soc_ocv_estimation.counting import Floats
from models.soc_ocv_estimation.state import Branch

FULL_TURN = 0.05
"""Net charge, as a fraction of the capacity, that takes a cell from one branch to the other."""

STEPS = 4
"""On its way between the branches the position is rounded to one of so many steps."""

_WINDOW = 1024

Indices = NDArray[np.intp]


class _Walk:
    """A branch that moves along the counted charge (n + 1,), and writes its position at the `wanted` indices (k,).

    The extreme that means nothing on its side is the newest charge.
    """

    def __init__(self, branch: Branch, counted: Floats, wanted: Indices) -> None:
        self.counted, self.wanted = counted, wanted.tolist()
        self.side, self.lowest, self.highest = branch.side, branch.lowest, branch.highest
        self.positions = np.zeros(len(wanted))
        if math.isnan(self.lowest):
            self.lowest = self.highest = float(counted[0])

    def turn(self, side: int, at: int) -> None:
        """Take a side at a sample, from which the extremes count anew."""
        self.side = side
        self.lowest = self.highest = float(self.counted[at])
        self.positions[self._among(at, at + 1)] = side

    def go(self, at: int, stop: int) -> None:
        """From sample `at` to before `stop`, a window at a time, so that one turn costs no more than a window."""
        while at < stop:
            part = self.counted[at : min(at + _WINDOW, stop)]
            if self._passes(part, at):
                at += len(part)
                continue
            up = np.maximum(np.maximum.accumulate(part), self.highest) if self.side <= 0 else part
            down = np.minimum(np.minimum.accumulate(part), self.lowest) if self.side >= 0 else part
            turned = (up - down if self.side == 0 else up - part if self.side < 0 else part - down) >= FULL_TURN
            first = int(np.argmax(turned)) if turned.any() else len(part)
            self._see(at, at + first, part, up, down)
            at += first
            if first < len(part):
                charged = self.side < 0 or (self.side == 0 and float(part[first]) == float(down[first]))
                self.turn(1 if charged else -1, at)
                at += 1

    def _passes(self, part: Floats, at: int) -> bool:
        """Whether a window holds neither a turn nor a wanted index: then only its extremes matter."""
        inside = self._among(at, at + len(part))
        highest = max(self.highest, float(part.max())) if self.side <= 0 else float(part.max())
        lowest = min(self.lowest, float(part.min())) if self.side >= 0 else float(part.min())
        if highest - lowest >= FULL_TURN or inside.stop > inside.start:
            return False
        newest = float(part[-1])
        self.highest = highest if self.side <= 0 else newest
        self.lowest = lowest if self.side >= 0 else newest
        return True

    def _among(self, begin: int, end: int) -> slice:
        """Which of the wanted indices lie in [begin, end)."""
        return slice(bisect_left(self.wanted, begin), bisect_left(self.wanted, end))

    def _see(self, begin: int, end: int, part: Floats, up: Floats, down: Floats) -> None:
        """Write the positions at [begin, end), and remember the extremes of the branch that is on."""
        inside = self._among(begin, end)
        k = np.array(self.wanted[inside], dtype=np.intp) - begin
        if self.side and len(k):
            way = (up[k] - part[k] if self.side < 0 else part[k] - down[k]) / FULL_TURN
            self.positions[inside] = self.side * (1 - 2 * np.round(way * STEPS) / STEPS) + 0.0
        if end > begin:
            self.highest = float(up[end - begin - 1])
            self.lowest = float(down[end - begin - 1])


def follow(branch: Branch, counted: Floats, lost_sight: Indices, wanted: Indices) -> tuple[Branch, Floats]:
    """The branch after the counted charge (n + 1,), and the positions (k,) at the rising indices `wanted`: −1 on the
    discharge branch, +1 on the charge branch, between them in proportion to the net charge since the reversal.

    At the indices `lost_sight` (behind a gap with unknown charge) it becomes unknown; unknown is 0.
    """
    walk = _Walk(branch, counted, wanted)
    at = 0
    for edge in lost_sight.tolist():
        walk.go(at, edge)
        walk.turn(0, edge)
        at = edge + 1
    walk.go(at, len(counted))
    return Branch(side=walk.side, lowest=walk.lowest, highest=walk.highest), walk.positions
