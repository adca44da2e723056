"""How much would be lost if every call knew nothing of the one before: informational, see the figures."""

from collections.abc import Iterable, Sequence

import numpy as np

from altergo_interface.base_model import Outputs
from altergo_interface.data import Labels, Samples, StepData, Values, Words
from twins.checks.histories import START, Events
from twins.checks.result import NotApplicable
from twins.checks.steps import chunks
from twins.checks.subject import Subject
from twins.grid import DAY_US
from twins.outputs import Rows, split
from twins.twin import Twin

FIRST_DAY, DAYS = 4, 4  # these hold the alerts of the synthetic history, one of them over midnight
LENGTHS = {"hourly": DAY_US // 24, "6 h": DAY_US // 4, "daily": DAY_US}
WORTH_SAYING = 0.005  # percent
ALL_US = 100_000 * DAY_US  # one chunk from 1970 on
_CLOSE = 1e-9


def chunk_sensitivity(subject: Subject) -> str:
    """Outputs of hourly, 6 h and daily calls, each from the initial state, against one call for all.

    Of an output that only rises, the calls' last values are summed up and compared with that of the one call; of
    any other, the rows that differ are counted.
    """
    twin = subject.twin()
    begin = START + FIRST_DAY * DAY_US
    history = _between(subject.unbroken, begin, begin + DAYS * DAY_US)
    whole = _joined(_called(twin, chunks(twin, history, ALL_US)))
    cut = [_by_output(_called(twin, chunks(twin, history, length))) for length in LENGTHS.values()]
    told = [_told(name, column, [found.get(name, []) for found in cut]) for name, column in whole.items()]
    told = [changes for changes in told if changes]
    changed = "; ".join(told) if told else "nothing"
    return f"{' / '.join(LENGTHS)} calls without carried state would change {changed}"


def _told(name: str, whole: Rows, cuttings: Sequence[list[Rows]]) -> str:
    """One output's changes, one figure for each cutting; empty where there is none."""
    rows = [_rows_that_differ(whole, _concatenated(pieces)) for pieces in cuttings]
    if max(rows) < WORTH_SAYING:
        return ""
    x, labels = split(whole[1])
    if labels or not (x[1:] >= x[:-1]).all() or x[-1] <= x[0]:
        return f"'{name}' in {' / '.join(f'{percent:.2f}' for percent in rows)} % of its rows"
    return f"'{name}' by {' / '.join(f'{_sum_change(x, pieces):+.2f}' for pieces in cuttings)} %"


def _between(events: Events, start: int, end: int) -> Events:
    cut = {sensor: slice(*np.searchsorted(t, [start, end])) for sensor, (t, _) in events.items()}
    return {sensor: (t[cut[sensor]], x[cut[sensor]]) for sensor, (t, x) in events.items()}


def _called(twin: Twin, calls: Iterable[StepData]) -> list[Outputs]:
    try:
        return [twin.model.advance(twin.model.initial(), data)[1] for data in calls]
    except Exception as error:  # whatever a model raises where it is used in a way that it was not made for
        raise NotApplicable(f"cannot be called on a chunk: {type(error).__name__}: {error}") from error


def _by_output(outputs: Iterable[Outputs]) -> dict[str, list[Rows]]:
    found: dict[str, list[Rows]] = {}
    for one in outputs:
        for name, samples in one.items():
            if isinstance(samples, Samples | Labels) and len(samples):
                found.setdefault(name, []).append((samples.t, samples.x))
    return found


def _joined(outputs: Iterable[Outputs]) -> dict[str, Rows]:
    return {name: _concatenated(pieces) for name, pieces in _by_output(outputs).items()}


def _concatenated(pieces: list[Rows]) -> Rows:
    t = np.concatenate([t for t, _ in pieces] or [np.empty(0, np.int64)])
    return t, np.concatenate([x for _, x in pieces] or [np.empty(0)])


def _sum_change(whole: Values, pieces: list[Rows]) -> float:
    """By how many percent the calls' last values, added up, depart from a sum's."""
    before = float(whole[0]) if abs(whole[0]) > 0.1 * abs(whole[-1]) else 0.0  # counted before the log began
    total = sum(float(x[-1]) - before for _, x in pieces)
    return 100 * (total / (float(whole[-1]) - before) - 1)


def _rows_that_differ(whole: Rows, other: Rows) -> float:
    """Rows of either that the other does not have with the same value, in percent of the whole's."""
    shared, at, there = np.intersect1d(whole[0], other[0], return_indices=True)
    alike = _alike(whole[1][at], other[1][there])
    lost, added = len(whole[0]) - alike, len(other[0]) - len(shared)
    return 100.0 * float(lost + added) / len(whole[0])


def _alike(one: Values | Words, other: Values | Words) -> int:
    """How many values are close to each other, and how many labels the same."""
    (x, words), (y, others) = split(one), split(other)
    close = np.isclose(x, y, rtol=_CLOSE, atol=_CLOSE, equal_nan=True)
    if words or others:
        nothing = [None] * len(one)
        close &= np.array([a == b for a, b in zip(words or nothing, others or nothing, strict=True)], dtype=np.bool_)
    return int(close.sum())
