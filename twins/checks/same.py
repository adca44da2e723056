"""Equality to the bit, where NaN equals NaN: of floats, arrays and what holds them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel


def same_rows(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values have the same bits, any NaN counting as one, or which labels are the same."""
    if one.dtype == np.object_ or other.dtype == np.object_:
        alike = (same(a, b) for a, b in zip(one.tolist(), other.tolist(), strict=True))
        return np.fromiter(alike, dtype=np.bool_, count=len(one))
    equal = one.view(np.int64) == other.view(np.int64)
    found: NDArray[np.bool_] = equal | (np.isnan(one) & np.isnan(other))
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two plain values (numbers, arrays, strings, states and containers of these) are the same."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        floats = getattr(one, "dtype", None) == np.float64
        return np.shape(one) == np.shape(other) and np.array_equal(one, other, equal_nan=floats)
    if isinstance(one, BaseModel) and isinstance(other, BaseModel):
        return type(one) is type(other) and same(dict(one), dict(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        alike = one == other and math.copysign(1, one) == math.copysign(1, other)
        return alike or (math.isnan(one) and math.isnan(other))
    return bool(one == other)
