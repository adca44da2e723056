"""Replaying from a snapshot of the past: until nothing differs any more, and then on from the newest snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from altergo_interface.errors import ModelError
from twins.carry import Carry
from twins.replay import Replay, replay
from twins.series import AssetSeries
from twins.twin import Twin


@dataclass(frozen=True, slots=True)
class Order:
    """What of a pair to replay.

    Attributes:
        start: the edge (µs UTC) of the snapshot to begin at; None: genesis.
        carry: that snapshot.
        checks: hashes of stored carries by edge, all behind the last change.
        tail: the pair's head and its snapshot: where to go on after meeting a stored carry.
        stop: the edge before which to stop; what is behind it is left for another time.
        slots: how many slots of event time may be replayed, silent ones before the first event not counted.
    """

    start: int | None = None
    carry: Carry | None = None
    checks: Mapping[int, str] = field(default_factory=dict)
    tail: tuple[int, Carry] | None = None
    stop: int | None = None
    slots: int | None = None


@dataclass(frozen=True, slots=True)
class Restated:
    """A replay, and what it replaces.

    Attributes:
        result: all that is new, the tail included.
        masked_from, masked_to: rows of earlier replays with stamps in between are void (µs UTC; None: no bound).
        until: the edge (µs UTC) where its first part met a stored carry, if it did: snapshots behind it stand.
        ranges: the ranges of event time that were folded, [start, end); None: no bound.
    """

    result: Replay
    masked_from: int | None
    masked_to: int | None
    until: int | None
    ranges: tuple[tuple[int | None, int | None], ...]


def restate(twin: Twin, order: Order, series: AssetSeries) -> Restated:
    """Carry out an order. Raises whatever the model raises, and ModelError where a snapshot is missing."""
    if order.start is not None and order.carry is None:
        raise ModelError(f"the snapshot at {order.start} µs is missing", "Run with --compute-type full")
    carry = order.carry if order.carry is not None else twin.genesis()
    stop = _stop(twin, order.start, order.stop, order.slots, series)
    first = replay(twin, carry, order.start, series.since(order.start), stop, order.checks)
    if first.converged is None or order.tail is None:
        end = None if first.complete else first.head
        return Restated(first, first.begun, None, None, ((order.start, end),))
    met = next(edge for edge in first.edges if edge.at == first.converged)
    edge, stored = order.tail
    left = order.slots
    if left is not None and order.start is not None:
        left = max(1, left - (first.converged - order.start) // twin.grid.slot_us)
    rest = replay(twin, stored, edge, series.since(edge), _stop(twin, edge, None, left, series))
    rest.closed = first.closed.followed_by(rest.closed)
    rest.edges = list({edge.at: edge for edge in (*first.edges, *rest.edges)}.values())
    ranges = ((order.start, first.converged), (edge, None if rest.complete else rest.head))
    # Before a pair's first visited slot there are no rows that could be void.
    voided = first.converged if met.through is None else met.through
    return Restated(rest, first.begun, voided, first.converged, ranges)


def _stop(twin: Twin, start: int | None, stop: int | None, slots: int | None, series: AssetSeries) -> int | None:
    """The edge before which a replay from `start` ends: the given one, or where its budget is spent."""
    first = series.first_from(start)
    if slots is None or first is None:
        return stop
    spent = twin.grid.floor(first) + slots * twin.grid.slot_us
    return spent if stop is None else min(stop, spent)
