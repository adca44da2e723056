"""The ladder: at which edges a pair keeps a snapshot to go back to, and at which only the hash of one."""

from collections.abc import Iterable

from twins.grid import Grid

DAYS = 7
WEEKS = 8
NEWEST = 2
LATE_DAYS = 10
"""Most events that are late are so by days: of this many at most."""

HASH_DAYS = 35
"""An edge that is no rung keeps its carry's hash for so long: enough to stop a replay, at a tenth of the size."""

_DAY_US = 86_400_000_000
_WEEK_US = 7 * _DAY_US
_MONDAY_US = 4 * _DAY_US  # 1970-01-05


def ladder(edges: Iterable[int], head: int, grid: Grid) -> set[int]:
    """The rungs among some edges (µs UTC) at or before `head`: the last two, and the last of each of the seven days,
    the eight weeks and all months before the head."""
    kept: set[int] = set()
    seen: set[tuple[str, int]] = set()
    for number, edge in enumerate(sorted(edges, reverse=True)):
        places = _places(edge, head, grid)
        if number < NEWEST or not seen.issuperset(places):
            kept.add(edge)
        seen.update(places)
    return kept


def _places(edge: int, head: int, grid: Grid) -> list[tuple[str, int]]:
    """The day, week and month that end with an edge, as far as the ladder has rungs for them."""
    age = head - edge
    last = edge - 1  # an edge at midnight ends the day before
    places = [("month", grid.month(last))]
    if age < DAYS * _DAY_US:
        places.append(("day", last // _DAY_US))
    if age < WEEKS * _WEEK_US:
        places.append(("week", (last - _MONDAY_US) // _WEEK_US))
    return places


def hashed(edge: int, head: int) -> bool:
    """Whether an edge that is no rung keeps its hash."""
    return head - edge <= HASH_DAYS * _DAY_US


def rungs(head: int, grid: Grid) -> tuple[int, ...]:
    """Where a long replay should end a call, so that there is something to go back to: the newest Monday that is at
    least `LATE_DAYS` old. Months end calls anyhow, and the other rungs come with the runs.

    A call costs as much as days of one-minute data: closer rungs would cost every full run more than they save.
    """
    old = head - LATE_DAYS * _DAY_US
    return (grid.floor(old - (old - _MONDAY_US) % _WEEK_US),)
