"""Full charges: the end voltage held while the charging current has faded."""

from dataclasses import dataclass

import numpy as np

from models.soc_ocv_estimation.counting import Count, Floats
from models.soc_ocv_estimation.rules import Rules
from models.soc_ocv_estimation.state import Estimate


@dataclass(frozen=True, slots=True)
class FullCharges:
    """Samples of a call at which a full charge is certain; `since` and `used` go on in the state."""

    samples: list[int]
    since: int | None
    used: bool


def find(count: Count, v: Floats | None, state: Estimate, rules: Rules) -> FullCharges:
    """Runs of at least five minutes with V at the end voltage and 0 < −I < C/20; one anchor each."""
    if not len(count.t):
        return FullCharges([], state.full_since, state.full_used)
    if v is None or not (v >= rules.full_v).any():
        return FullCharges([], None, False)
    held = (v >= rules.full_v) & (count.x < 0) & (count.x > -rules.full_a)
    joined = held & ~count.gap
    joined[1:] &= held[:-1]
    joined[0] &= state.full_since is not None
    first = np.flatnonzero(held & ~joined)
    since = count.t[first].tolist()
    used = [False] * len(since)
    if joined[0] and state.full_since is not None:
        first, since, used = np.append(0, first), [state.full_since, *since], [state.full_used, *used]
    parted = np.append(np.flatnonzero(~joined), len(held))
    after = parted[np.searchsorted(parted, first, side="right")]
    reached = np.searchsorted(count.t, np.array(since, dtype=np.int64) + rules.full_us)
    samples = [int(i) for i, stop, old in zip(reached, after, used, strict=True) if i < stop and not old]
    if not held[-1]:
        return FullCharges(samples, None, False)
    return FullCharges(samples, since[-1], used[-1] or bool(reached[-1] < len(held)))
