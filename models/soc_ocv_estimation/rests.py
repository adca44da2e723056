"""Finds rests in the current: |I| under the limit, short spikes overlooked, gaps between two still ends included."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.soc_ocv_estimation.counting import Count, Times
from models.soc_ocv_estimation.rules import Rules
from models.soc_ocv_estimation.state import Rest

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Spell:
    """One rest as far as a call sees it: `since` its true start; sample `stop` (stamp `stopped_at`) confirmed that it
    ended at `ended_at`; all three None while it goes on. `over_since` is the spike that may end it."""

    since: int
    carried: Rest | None
    stop: int | None = None
    stopped_at: int | None = None
    ended_at: int | None = None
    over_since: int | None = None


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of samples over the limit: index of the `first` (−1 in an earlier call), its `stamp`, and the index
    `after` the last; a gap parts two runs."""

    first: Indices
    stamp: Times
    after: Indices


def find_spells(count: Count, rest: Rest | None, rules: Rules) -> list[Spell]:
    """The rests of a call that last long enough to matter, in order; the one still in progress is always the last."""
    runs = _over_runs(count, rest.over_since if rest else None)
    stops, ends = _breaks(count, runs, rules.spike_us)
    still = np.flatnonzero(count.under)
    begins = np.searchsorted(still, np.concatenate(([0], stops)))
    first = np.append(still, len(count.t))[begins]
    since = np.append(count.t, 0)[first]
    there = first < np.append(stops, len(count.t))
    if rest is not None:
        since[0], there[0] = rest.since, True
    until = np.append(count.t[stops], 2**62)
    chosen = np.flatnonzero(there & (until - since >= rules.shortest_rest_us)).tolist()
    spells = [Spell(int(since[k]), rest if k == 0 else None) for k in chosen]
    return [_ended(spell, k, count, stops, ends, runs) for spell, k in zip(spells, chosen, strict=True)]


def _ended(spell: Spell, k: int, count: Count, stops: Indices, ends: Times, runs: _Runs) -> Spell:
    """The rest before the k-th break, with its end or the spike that may become one."""
    if k < len(stops):
        stop = int(stops[k])
        return replace(spell, stop=stop, stopped_at=int(count.t[stop]), ended_at=int(ends[k]))
    open_run = len(runs.after) and runs.after[-1] == len(count.t)
    return replace(spell, over_since=int(runs.stamp[-1])) if open_run else spell


def _over_runs(count: Count, over_since: int | None) -> _Runs:
    over = ~count.under
    joined = over & ~count.previous_under & ~count.gap
    joined[:1] = over[:1] & (over_since is not None) & ~count.gap[:1]
    first = np.flatnonzero(over & ~joined)
    parted = np.append(np.flatnonzero(~joined), len(over))
    after = parted[np.searchsorted(parted, first, side="right")]
    if over_since is None:
        return _Runs(first, count.t[first], after)
    return _Runs(np.append(-1, first), np.append(over_since, count.t[first]), np.append(parted[0], after))


def _breaks(count: Count, runs: _Runs, spike_us: int) -> tuple[Indices, Times]:
    """Index of the sample that confirms each end of a rest, and the stamp of the end itself."""
    confirmed = np.maximum(np.searchsorted(count.t, runs.stamp + spike_us), np.maximum(runs.first, 0))
    lasting = (confirmed <= runs.after) & (confirmed < len(count.t))
    parted = np.flatnonzero(count.gap & ~(count.under & count.previous_under))
    stops = np.concatenate((confirmed[lasting], parted))
    ends = np.concatenate((runs.stamp[lasting], count.previous_t[parted]))
    # Where one sample confirms both, the rest ended with the first of the two.
    order = np.lexsort((ends, stops))
    stops, ends = stops[order], ends[order]
    new = np.concatenate(([True], stops[1:] != stops[:-1]))[: len(stops)]
    return stops[new], ends[new]
