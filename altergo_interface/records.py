"""Records: alerts, rests and other things with a beginning and an end, in versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One version of a record. Versions share (kind, cell, started_at); the newest `at` wins, of equal ones the last.

    Attributes:
        kind: what it is (`alert`, `rest`, `imbalance`, ...).
        started_at: its true start, int µs UTC; may lie before the call's span.
        at: when this version became known, int µs UTC; must lie inside the call's span.
        ended_at: its end, int µs UTC, or None while it is open.
        severity: 1 warning, 2 critical; None where it has no meaning.
        value: its main figure, in the unit that `detail` or the model's page names.
        cell: the battery cell or sensor concerned, or the side of a limit; empty for the whole asset.
        detail: further plain JSON values.
    """

    kind: str
    started_at: int
    at: int
    ended_at: int | None = None
    severity: int | None = None
    value: float = float("nan")
    cell: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
