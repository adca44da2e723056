"""Blocks at rest: UTC-aligned windows of time in which the current is known and small."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altergo_interface import Samples, Span
from models.imbalance_analysis.state import OpenBlock, Rest

US_PER_S = 1_000_000
MIN_QUIET_S = 120.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RestRule:
    """`limit_a`: |I| below it is rest (A); blocks of `block_us`, of which at least `quiet_us` must be known to rest;
    one sample of the current stands for `gap_us` at most."""

    limit_a: float
    block_us: int
    quiet_us: int
    gap_us: int


def rest_rule(current: Samples | None, capacity_ah: float, config: Mapping[str, Any]) -> RestRule:
    """The rule of an asset."""
    gap_s = config["max_gap_s"]
    if gap_s is None:
        gap_s = 0.0 if current is None else current.declared.max_interval_s()
    block_us = round(config["window_s"] * US_PER_S)
    quiet_us = min(block_us, round(MIN_QUIET_S * US_PER_S))
    return RestRule(capacity_ah * config["rest_c_rate"], block_us, quiet_us, round(gap_s * US_PER_S))


@dataclass(frozen=True, slots=True)
class Blocks:
    """n blocks at rest that end in this call: `number` (n,) since 1970, and `since` (n,), when their rest began.

    `open` is the block that the call's end cut, without its voltages; `rest` the rest that goes on.
    """

    number: Ints
    since: Ints
    open: OpenBlock | None
    rest: Rest | None


def find_blocks(
    current: Samples | None, before: OpenBlock | None, rest: Rest | None, span: Span, rule: RestRule
) -> Blocks:
    """The blocks at rest that end inside the span; `before` is the block that the last call left open."""
    starts, ends, loud = _stretches(current, span, rule)
    quiet_numbers, quiet_us = _touched(starts[~loud], ends[~loud], rule.block_us)
    loud_numbers, _ = _touched(starts[loud], ends[loud], rule.block_us)
    if before is not None:
        quiet_numbers, quiet_us = np.append(before.number, quiet_numbers), np.append(before.quiet_us, quiet_us)
        loud_numbers = np.append([before.number], loud_numbers) if before.loud else loud_numbers
    numbers, covered = _summed(quiet_numbers, quiet_us)
    spoilt = _among(numbers, loud_numbers)
    last = span.end // rule.block_us
    good = ~spoilt & (covered >= rule.quiet_us) & (numbers < last)
    begun, after = _rests(current, rest, rule)
    chosen = numbers[good]
    place = np.searchsorted(begun, (chosen + 1) * rule.block_us) - 1
    opened = None
    if span.end % rule.block_us:
        at = numbers == last
        there = bool(len(loud_numbers) and loud_numbers[-1] == last)
        opened = OpenBlock(number=last, quiet_us=int(covered[at].sum()), loud=there, samples={})
    return Blocks(chosen, begun[np.maximum(place, 0)] if len(begun) else chosen, opened, after)


def _stretches(current: Samples | None, span: Span, rule: RestRule) -> tuple[Ints, Ints, Flags]:
    """Maximal stretches of known current on one side of the limit, inside the span: starts, ends, whether loud."""
    if current is None:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_)
    t, x = current.t[max(current.lead - 1, 0) :], current.x[max(current.lead - 1, 0) :]
    loud = np.abs(x) >= rule.limit_a
    last = np.flatnonzero((loud[1:] != loud[:-1]) | (np.diff(t) > rule.gap_us))
    starts = t[np.concatenate(([0], last + 1))]
    ends = np.minimum(t[np.append(last, len(t) - 1)] + rule.gap_us, np.append(starts[1:], span.end))
    starts = np.maximum(starts, span.start)
    ends = np.minimum(ends, span.end)
    kept = ends > starts
    return starts[kept], ends[kept], loud[np.append(last, len(t) - 1)][kept]


def _touched(starts: Ints, ends: Ints, block_us: int) -> tuple[Ints, Ints]:
    """The number of each block that each stretch touches, in order, and for how long (µs)."""
    first = starts // block_us
    count = (ends - 1) // block_us - first + 1
    if not len(first):
        return first, first
    which = np.repeat(np.arange(len(first)), count)
    numbers = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    begin, end = numbers * block_us, (numbers + 1) * block_us
    return numbers, np.minimum(end, ends[which]) - np.maximum(begin, starts[which])


def _summed(numbers: Ints, us: Ints) -> tuple[Ints, Ints]:
    """Each number once, with the sum of its times; `numbers` never decreases."""
    if not len(numbers):
        return numbers, us
    first = np.flatnonzero(np.concatenate(([True], numbers[1:] != numbers[:-1])))
    return numbers[first], np.add.reduceat(us, first)


def _among(numbers: Ints, others: Ints) -> Flags:
    """Which numbers occur in `others`, which never decreases."""
    if not len(others):
        return np.zeros(len(numbers), np.bool_)
    place = np.minimum(np.searchsorted(others, numbers), len(others) - 1)
    return np.asarray(others[place] == numbers)


def _rests(current: Samples | None, rest: Rest | None, rule: RestRule) -> tuple[Ints, Rest | None]:
    """First samples of all rests of this call, one carried on included, and the rest of the newest sample.

    A telemetry gap between two small currents belongs to the rest.
    """
    known = [] if rest is None else [rest.since]
    if current is None or current.lead == len(current.t):
        return np.array(known, dtype=np.int64), rest
    t = current.t[current.lead :]
    quiet = np.abs(current.x[current.lead :]) < rule.limit_a
    new = t[quiet & ~np.concatenate(([rest is not None], quiet[:-1]))]
    begun = np.concatenate((np.array(known, dtype=np.int64), new))
    if not quiet[-1]:
        return begun, None
    if len(new) or rest is None:
        return begun, Rest(since=int(begun[-1]))
    return begun, rest
