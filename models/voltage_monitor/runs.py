"""Unbroken runs of samples for which something holds, and how long each has lasted; all vectorised."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """k runs: indices of their `first` and `last` sample in the call, and `since`, their true start (µs UTC)."""

    first: Indices
    last: Indices
    since: Times


def find_runs(flag: Flags, t: Times, joined: Flags, since: int | None) -> Runs:
    """The maximal runs of `flag` (n,) at stamps `t` (n,); `joined` (n−1,) is False where a gap parts two samples.

    `since` is the start of the run that the first sample carries on from an earlier call, if there is one.
    """
    linked = flag[1:] & flag[:-1] & joined
    first = np.flatnonzero(flag & ~np.concatenate(([False], linked)))
    last = np.flatnonzero(flag & ~np.concatenate((linked, [False])))
    stamps = t[first]
    if since is not None:
        stamps[0] = since
    return Runs(first, last, stamps)


def lasting(runs: Runs, t: Times, at_least_us: int) -> tuple[Runs, Indices]:
    """The runs that lasted `at_least_us`, and for each the index of the first sample at which it had."""
    reached = np.maximum(np.searchsorted(t, runs.since + at_least_us), runs.first)
    kept = reached <= runs.last
    return Runs(runs.first[kept], runs.last[kept], runs.since[kept]), reached[kept]


def timed_out(runs: Runs, t: Times, delay_us: int, gap_us: int, end: int) -> tuple[Indices, Times]:
    """The runs whose timer, `delay_us` after their start, fires before `end`: first indices and due stamps.

    A timer counts while the newest sample may still stand for the present, and precedes a sample of its own stamp.
    """
    due = runs.since + delay_us
    following = np.concatenate((t[1:], [end - 1]))[runs.last]
    fires = (due <= t[runs.last] + gap_us) & (due <= following)
    return runs.first[fires], due[fires]
