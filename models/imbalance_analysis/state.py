"""What the imbalance analysis carries from one call to the next; stamps in µs UTC, voltages in V."""

import math

from altergo_interface import ModelState


class OpenBlock(ModelState):
    """A block that the end of a call cut: its number since 1970, and what is known of it so far.

    `quiet_us` is how long its current was known to be small, `loud` whether it was too large at any time. `samples`
    holds the voltages by series; they are dropped once the block is loud. A call that ends on a block's edge, such as
    a UTC midnight, leaves none.
    """

    number: int
    quiet_us: int
    loud: bool
    samples: dict[str, tuple[float, ...]]


class Rest(ModelState):
    """The rest that the newest sample of the current belongs to: its first sample, its first block's range (V)."""

    since: int
    first_range_v: float = math.nan


class Loop(ModelState):
    """The least and the greatest place in the hysteresis loop that the past admits, as charge in µC."""

    low: int
    high: int


class BlockRange(ModelState):
    """One block at rest: its first and last microsecond, range and limit (mV), and what else a record tells of it."""

    start: int
    end: int
    mv: float
    limit_mv: float
    detail: dict[str, float]


class OpenImbalance(ModelState):
    """A record that is not closed: its first block's start, the block of the extreme, the extreme last written."""

    started_at: int
    peak: BlockRange
    written_mv: float


class Breach(ModelState):
    """The newest block at rest, and the open record, with the start of the blocks that are back inside by now."""

    last: BlockRange | None = None
    back_since: int | None = None
    record: OpenImbalance | None = None


class Days(ModelState):
    """Good estimates of the day `day` (days since 1970) so far, and earlier days' medians by their number."""

    day: int = 0
    today: tuple[float, ...] = ()
    numbers: tuple[int, ...] = ()
    medians: tuple[float, ...] = ()


class Imbalance(ModelState):
    """All of it. `generic` and the counts serve the notices."""

    block: OpenBlock | None = None
    rest: Rest | None = None
    loop: Loop | None = None
    breach: Breach = Breach()
    days: Days = Days()
    generic: str = ""
    blocks: int = 0
    estimates: int = 0
    crossed: int = 0
