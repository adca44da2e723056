"""The median voltage of every series in every block at rest, with the number of samples and their scatter."""

from dataclasses import dataclass

import numpy as np

from models.imbalance_analysis.blocks import Floats, Ints

_MOST_ELEMENTS = 4_000_000
_IQR_PER_SIGMA = 1.349
_SCATTER_SAMPLES = 4
_FEW = 10


@dataclass(frozen=True, slots=True)
class Medians:
    """Of k series and n blocks: `v` (k, n) V, NaN without a sample; `count` (k, n); `scatter` (k, n), the robust
    1 σ of one sample, V, 0 under four samples."""

    v: Floats
    count: Ints
    scatter: Floats


def medians(x: Floats, first: Ints, count: Ints, resolution_v: float) -> Medians:
    """Over `x[:, first[i] : first[i] + count[i]]` of `x` (k, samples), NaN for no sample, for each block i.

    Where readings tie, it is the median of grouped data: a reading stands for the step of the sensor's resolution
    around it, so that noise wider than a step shows what lies between two of them.
    """
    widest = int(count.max(initial=1)) * len(x)
    pieces = max(1, -(-len(first) * widest // _MOST_ELEMENTS))
    parts = [_medians(x, first[at], count[at], resolution_v) for at in np.array_split(np.arange(len(first)), pieces)]
    if len(parts) == 1:
        return parts[0]
    names = ("v", "count", "scatter")
    return Medians(*(np.concatenate([getattr(part, name) for part in parts], axis=1) for name in names))


def _medians(x: Floats, first: Ints, count: Ints, resolution_v: float) -> Medians:
    m = int(count.max(initial=0))
    if m == 0:
        shape = (len(x), len(first))
        return Medians(np.full(shape, np.nan), np.zeros(shape, np.int64), np.zeros(shape))
    places = np.arange(m)[:, None]
    values = np.take(x, first + places, axis=1, mode="clip")
    missing = np.isnan(values)
    if (count != m).any():
        missing |= places >= count
    n = m - np.count_nonzero(missing, axis=1)
    values = _sorted(np.where(missing, np.inf, values))
    if missing.any():
        middle = (_at(values, (n - 1) // 2, n) + _at(values, n // 2, n)) / 2
        wide = _at(values, 3 * (n - 1) // 4, n) - _at(values, (n - 1) // 4, n)
    else:
        middle = (values[:, (m - 1) // 2] + values[:, m // 2]) / 2
        wide = values[:, 3 * (m - 1) // 4] - values[:, (m - 1) // 4]
    v = _grouped(values, middle, n, resolution_v)
    v[n == 0] = np.nan
    return Medians(v, n, np.where(n >= _SCATTER_SAMPLES, wide / _IQR_PER_SIGMA, 0.0))


def _sorted(values: Floats) -> Floats:
    """`values` (k, m, n) in order along m, in place: few of them by exchanges, which do all blocks at once."""
    m = values.shape[1]
    if m > _FEW:
        values.sort(axis=1)
        return values
    for i in (i for phase in range(m) for i in range(phase % 2, m - 1, 2)):
        lower = np.minimum(values[:, i], values[:, i + 1])
        np.maximum(values[:, i], values[:, i + 1], out=values[:, i + 1])
        values[:, i] = lower
    return values


def _at(values: Floats, place: Ints, n: Ints) -> Floats:
    """`values` (k, m, n) at a place (k, n) of each column; 0 in a column with `n` 0."""
    return np.where(n > 0, np.take_along_axis(values, np.maximum(place, 0)[:, None], axis=1)[:, 0], 0.0)


def _grouped(values: Floats, middle: Floats, n: Ints, resolution_v: float) -> Floats:
    """Medians `middle` (k, n), moved inside their step by how many of the `values` (k, m, n) lie on either side."""
    below = np.count_nonzero(values < (middle - resolution_v / 4)[:, None], axis=1)
    above = n - np.count_nonzero(values <= (middle + resolution_v / 4)[:, None], axis=1)
    return np.asarray(middle + resolution_v * (above - below) / (2 * np.maximum(n - below - above, 1)))
