"""Decimation of outputs: keep a sample when its value has left its bucket, and the last of each slot."""

import numpy as np
from numpy.typing import NDArray

from altergo_interface.data import Times, Values
from twins.carry import Sample


def decimate(
    t: Times, x: Values, threshold: float | None, last: Sample | None, slot_us: int
) -> NDArray[np.bool_] | None:
    """Which samples to keep, (n,) bool, or None for all of them.

    A value's bucket is floor(x / threshold). A sample is kept when its bucket differs from that of the sample
    before it (`last` is the one before the first, from an earlier call), on any change to or from NaN, and when
    it is the last of its slot. The choice does not depend on how the series was cut into calls, as long as no
    slot is.
    """
    if threshold is None:
        return None
    bucket = np.floor(x / threshold)
    keep = np.empty(len(t), dtype=np.bool_)
    keep[1:] = bucket[1:] != bucket[:-1]
    keep[0] = last is None or bucket[0] != np.floor(last[1] / threshold)
    missing = np.isnan(x)
    if missing.any():  # NaN differs from itself: a run of NaN keeps its first sample only
        keep[1:] &= ~(missing[1:] & missing[:-1])
        keep[0] &= not (missing[0] and last is not None and np.isnan(last[1]))
    slot = t // slot_us
    keep[:-1] |= slot[1:] != slot[:-1]
    keep[-1] = True
    return keep
