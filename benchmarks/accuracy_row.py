"""One line of the accuracy table."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accuracy:
    """An error of a model on a data set over `n` cases.

    Attributes:
        data_set: what the model was run on.
        quantity: which output, where, and how the errors are summed up.
        error: fraction of the truth or of SOC, V, or a count, as `quantity` says.
        target: what was to be reached, in the error's unit; NaN for none.
        coverage_1, coverage_2: shares of the cases whose error lies within 1 and 2 stated σ; NaN without one.
        n: number of cases.
        worst: greatest |error| where `error` is a mean; NaN where it is not told.
    """

    data_set: str
    quantity: str
    error: float
    target: float
    coverage_1: float
    coverage_2: float
    n: int
    worst: float = math.nan

    @property
    def missed(self) -> bool:
        """Whether there is a target and the error is beyond it."""
        return self.error > self.target
