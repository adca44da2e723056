"""One cell's open-circuit voltage over its state of charge, and the way back with its uncertainty."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altergo_interface.ocv_columns import BRANCHES, ENTROPY, checked_ocv

Floats = NDArray[np.float64]

REFERENCE_C = 25.0
"""Temperature of the tables, °C; entropy coefficients count from here."""

FAR_V = 20.0
"""How far, V, the end slopes go on: farther than any reading of a cell."""

FLAT_V = 1e-9
"""Half the rise, V, that the inverse gives to a flat piece."""

INTEGRAL_STEP = 5e-4

SLOPE_STEP = 0.01
"""Half width, in SOC, of the chord that is the local slope."""


@dataclass(frozen=True, eq=False)
class OcvTable:
    """The open-circuit voltage of one cell, piecewise linear over its state of charge.

    Attributes:
        chemistry: upper-case family (LFP, NMC, NCA, LCO, LMO or LTO).
        soc: state of charge, fraction, shape (n,), strictly increasing from 0 to 1.
        open_circuit_v: mean of both branches, V, shape (n,), never decreasing.
        half_gap_v: half the hysteresis gap of the rested cell, V, shape (n,); 0 where it is not known.
        entropy_v_per_k: ∂OCV/∂T, V/K, shape (n,); 0 where it is not known.
        sigma_v: 1 σ of the table against a cell that goes by this name, V.
        generic: whether it is the packaged table of a chemistry, not the cell's own.

    Raises ParameterError where the columns are no valid table.
    """

    chemistry: str
    soc: Floats
    open_circuit_v: Floats
    half_gap_v: Floats = field(default_factory=lambda: np.zeros(0))
    entropy_v_per_k: Floats = field(default_factory=lambda: np.zeros(0))
    sigma_v: float = 0.0
    generic: bool = False

    def __post_init__(self) -> None:
        columns: dict[str, Any] = {"soc": self.soc, "ocv": self.open_circuit_v}
        for name in ("half_gap_v", "entropy_v_per_k"):
            given = np.asarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, given if len(given) else np.zeros(len(self.soc)))
        if self.hysteretic:
            columns |= dict(zip(BRANCHES, (self._branch(1.0), self._branch(-1.0)), strict=True))
        checked_ocv(columns | {ENTROPY: self.entropy_v_per_k}, f"chemistry {self.chemistry}")

    @classmethod
    def of(cls, chemistry: str, columns: Mapping[str, Any], sigma_v: float, *, generic: bool) -> "OcvTable":
        """A table of checked columns; its arrays are read-only, because callers share it."""
        arrays = {name: np.array(column, dtype=np.float64) for name, column in columns.items()}
        mean, half = arrays["ocv"], np.zeros(len(arrays["soc"]))
        if BRANCHES[0] in arrays:
            half = (arrays[BRANCHES[0]] - arrays[BRANCHES[1]]) / 2
        entropy = arrays.get(ENTROPY, np.zeros(len(mean)))
        for array in (arrays["soc"], mean, half, entropy):
            array.setflags(write=False)
        return cls(chemistry, arrays["soc"], mean, half, entropy, sigma_v, generic)

    def ocv(self, soc: ArrayLike, branch: ArrayLike = 0.0, temperature_c: ArrayLike = REFERENCE_C) -> Floats:
        """Voltage of one cell at rest, V, by linear interpolation; the arguments broadcast.

        `branch` is −1 on the discharge branch, +1 on the charge branch, 0 on the mean. Outside 0..1 the end value
        holds; NaN stays NaN.
        """
        z = np.asarray(soc, dtype=np.float64)
        v = np.interp(z, self.soc, self.open_circuit_v)
        if self.hysteretic:
            v = v + np.asarray(branch) * np.interp(z, self.soc, self.half_gap_v)
        if self.entropic:
            v = v + (np.asarray(temperature_c) - REFERENCE_C) * np.interp(z, self.soc, self.entropy_v_per_k)
        return np.asarray(v)

    def invert(self, v: ArrayLike, branch: ArrayLike = 0.0) -> Floats:
        """State of charge, fraction, of a rested cell of `v` volts; same shape as `v` and `branch` broadcast.

        Beyond the table it is 0 or 1; a flat piece gives its middle; NaN stays NaN.
        """
        return np.clip(self._inverse(v, branch), 0.0, 1.0)

    def estimate(self, v: ArrayLike, sigma_v: ArrayLike, branch: ArrayLike = 0.0) -> tuple[Floats, Floats]:
        """(SOC, its 1 σ), fractions: half of what the inverse spans over ±`sigma_v` (V, above 0).

        On a plateau a few mV span tens of percent, which a single slope would not tell. Beyond the table's ends the
        last slope goes on, so that a saturated reading is no sure one.
        """
        volts, sigma = np.asarray(v, dtype=np.float64), np.asarray(sigma_v, dtype=np.float64)
        middle, above, below = self._inverse(np.stack((volts + 0 * sigma, volts + sigma, volts - sigma)), branch)
        return np.clip(middle, 0.0, 1.0), (above - below) / 2

    def slope(self, soc: ArrayLike) -> Floats:
        """dOCV/dSOC of the mean curve, V per unit of SOC, as the chord over ±1 % SOC; same shape as `soc`."""
        z = np.clip(np.asarray(soc, dtype=np.float64), 0.0, 1.0)
        low, high = np.maximum(z - SLOPE_STEP, 0.0), np.minimum(z + SLOPE_STEP, 1.0)
        rise = np.interp(high, self.soc, self.open_circuit_v) - np.interp(low, self.soc, self.open_circuit_v)
        return np.asarray(rise / (high - low))

    def integral(self, soc: ArrayLike) -> Floats:
        """∫₀^SOC OCV dz of the mean curve, V: times the capacity in Ah the energy in Wh; same shape as `soc`.

        By linear interpolation between exact points `INTEGRAL_STEP` apart: right within 3e-8 V for each V of rise per
        unit of SOC.
        """
        z = np.clip(np.asarray(soc, dtype=np.float64), 0.0, 1.0)
        return np.asarray(np.interp(z, *self._integral))

    @cached_property
    def _integral(self) -> tuple[Floats, Floats]:
        fine = np.union1d(self.soc, np.linspace(0.0, 1.0, round(1 / INTEGRAL_STEP) + 1))
        v = np.interp(fine, self.soc, self.open_circuit_v)
        trapezoids = np.diff(fine) * (v[1:] + v[:-1]) / 2
        return fine, np.concatenate(([0.0], np.cumsum(trapezoids)))

    @cached_property
    def hysteretic(self) -> bool:
        """Whether the branches are known to differ."""
        return bool(self.half_gap_v.any())

    @cached_property
    def entropic(self) -> bool:
        """Whether the temperature is known to move the curve."""
        return bool(self.entropy_v_per_k.any())

    def _branch(self, branch: float) -> Floats:
        return self.open_circuit_v + branch * self.half_gap_v

    def _inverse(self, v: ArrayLike, branch: ArrayLike) -> Floats:
        """The inverse with its end slopes continued beyond 0 and 1."""
        if not self.hysteretic:
            return self._inverse_on(np.asarray(v, dtype=np.float64), 0.0)
        if np.ndim(branch) == 0:
            return self._inverse_on(np.asarray(v, dtype=np.float64), float(np.asarray(branch)))
        volts, branches = np.broadcast_arrays(np.asarray(v, dtype=np.float64), np.asarray(branch, dtype=np.float64))
        found = np.full(volts.shape, np.nan)
        for one in np.unique(branches):
            there = branches == one
            found[there] = self._inverse_on(volts[there], float(one))
        return found

    def _inverse_on(self, volts: Floats, branch: float) -> Floats:
        return np.asarray(np.interp(volts, *self._knots(branch)))

    def _knots(self, branch: float) -> tuple[Floats, Floats]:
        """(V strictly increasing, SOC): a flat piece climbs from its one end to the other within `FLAT_V`, and the
        end slopes go on for `FAR_V`."""
        known: dict[float, tuple[Floats, Floats]] = self.__dict__.setdefault("_known_knots", {})
        if branch not in known:
            v, first = np.unique(self._branch(branch), return_index=True)
            last = np.append(first[1:], len(self.soc)) - 1
            flat = np.flatnonzero(last > first)
            middle = (self.soc[first] + self.soc[last]) / 2
            at, after = np.repeat(flat, 2), np.tile([0, 1], len(flat))
            ends = np.stack((self.soc[first[flat]], self.soc[last[flat]]), axis=1).ravel()
            knots = np.insert(v, at + after, v[at] + np.where(after, FLAT_V, -FLAT_V))
            known[branch] = _continued(knots, np.insert(middle, at + after, ends))
        return known[branch]


def _continued(v: Floats, soc: Floats) -> tuple[Floats, Floats]:
    """The same line with both ends prolonged by `FAR_V`: one interpolation then does for all voltages."""
    first, last = ((soc[b] - soc[a]) / (v[b] - v[a]) for a, b in ((0, 1), (-2, -1)))
    volts = np.concatenate(([v[0] - FAR_V], v, [v[-1] + FAR_V]))
    return volts, np.concatenate(([soc[0] - FAR_V * first], soc, [soc[-1] + FAR_V * last]))
