"""Decimation of outputs: keep a sample when its value has left its bucket, and the last of each slot."""

import numpy as np
from numpy.typing import NDArray

from altergo_interface.data import Times, Values, Words
from twins.carry import Given, Sample


def slot_ends(t: Times, slot_us: int) -> NDArray[np.intp]:
    """Indices (k,) of the last sample of every slot that has one; `t` (n,) increasing, n > 0."""
    first, last = int(t[0]) // slot_us, int(t[-1]) // slot_us
    edges = np.arange(first + 1, last + 2) * slot_us
    return np.unique(np.searchsorted(t, edges)) - 1


def decimate(
    x: Values, threshold: float | None, last: Sample | None, ends: NDArray[np.intp]
) -> NDArray[np.bool_] | None:
    """Which samples to keep, (n,) bool, or None for all of them.

    A value's bucket is floor(x / threshold). A sample is kept when its bucket differs from that of the sample
    before it (`last` is the one before the first, from an earlier call), on any change to or from NaN, and when
    it is the last of its slot (`ends`). The choice does not depend on how the series was cut into calls, as long
    as no slot is.
    """
    if threshold is None:
        return None
    bucket = np.floor(x / threshold)
    keep = np.empty(len(x), dtype=np.bool_)
    np.not_equal(bucket[1:], bucket[:-1], out=keep[1:])
    keep[0] = last is None or bucket[0] != np.floor(last[1] / threshold)
    if np.isnan(bucket.min()):  # a reduction is cheaper than a mask, and NaN is rare
        missing = np.isnan(x)  # NaN differs from itself: a run of NaN keeps its first sample only
        keep[1:] &= ~(missing[1:] & missing[:-1])
        keep[0] &= not (missing[0] and last is not None and np.isnan(last[1]))
    keep[ends] = True
    return keep


def decimate_labels(x: Words, last: Given | None, ends: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which labels to keep, (n,) bool: each that differs from the one before it, and the last of every slot.

    `last` is as in `decimate`; no label (None) differs from every label, and from none.
    """
    keep = np.empty(len(x), dtype=np.bool_)
    keep[1:] = x[1:] != x[:-1]
    before = None if last is None or last[1] != last[1] else last[1]
    keep[0] = last is None or x[0] != before
    keep[ends] = True
    return keep
