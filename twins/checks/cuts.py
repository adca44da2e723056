"""Law 1: however the history is cut into runs and calls, the bits are those of one replay."""

from collections.abc import Callable, Sequence

import numpy as np

from altergo_interface.manifest import Continuity
from twins.checks.histories import START, Events, newest
from twins.checks.result import Broken, NotApplicable
from twins.checks.subject import Subject
from twins.checks.telling import Told, difference, in_calls, in_runs, show
from twins.grid import DAY_US

TRIALS = 6
MOST_CUTS = 5
PROMISES = (Continuity.STATEFUL, Continuity.POINTWISE)

_ADVICE = {
    Continuity.STATEFUL: "carry in the state what later samples need, a sum as the first addend",
    Continuity.POINTWISE: "declare 'windowed' or 'seeded', or carry the state",
}
_NOTHING_KEPT = "keep nothing on the instance, the class or the module between two calls"


def law_1(subject: Subject) -> str:
    """Runs that end at random times, also inside a day, each resumed from the stored carry."""
    rng = np.random.default_rng(1)
    total = 0
    for _ in range(TRIALS):
        cuts = _random_cuts(rng, subject.events)
        total += len(cuts)
        _compare(subject, cuts, lambda at: in_runs(subject.twin, subject.events, at))
    return f"{TRIALS} histories in pieces, cut at {total} random times, give the bits of one replay"


def _random_cuts(rng: np.random.Generator, events: Events) -> list[int]:
    """Some times anywhere, before and after a sample, and at a slot's edge."""
    last = newest(events)
    stamps = np.concatenate([t for t, _ in events.values()])
    anywhere = rng.integers(START, last, MOST_CUTS).tolist()
    near = [int(rng.choice(stamps)), int(rng.choice(stamps)) + 1]
    edge = int(rng.integers(1, (last - START) // DAY_US + 1)) * DAY_US + START
    chosen = rng.choice(np.array([*anywhere, *near, edge]), int(rng.integers(1, MOST_CUTS + 1)), replace=False)
    return sorted(chosen.tolist())


def call_boundaries(subject: Subject) -> str:
    """Calls of one day each against longer ones; only two continuities promise that this does not matter."""
    if subject.spec.continuity not in PROMISES:
        raise NotApplicable(f"'{subject.spec.continuity}' promises nothing about where calls end")
    edges = range(START + DAY_US, newest(subject.events), DAY_US)
    _compare(subject, edges, lambda at: in_calls(subject.twin, subject.events, at))
    return f"{len(edges) + 1} calls of a day each give the bits of fewer, longer ones"


def _compare(subject: Subject, cuts: Sequence[int], tell: Callable[[Sequence[int]], Told]) -> None:
    """Raise Broken naming a single cut that makes a difference, if one does alone."""
    if difference(subject.whole, tell(cuts)) is None:
        return
    for shown in ([cut] for cut in cuts):
        found = difference(subject.whole, tell(shown))
        if found is not None:
            raise Broken(_explained(subject, found, shown))
    raise Broken(_explained(subject, difference(subject.whole, tell(cuts)) or "a replay is not repeatable", cuts))


def _explained(subject: Subject, found: str, cuts: Sequence[int]) -> str:
    continuity = subject.spec.continuity
    where = f"when the history is cut at {', '.join(map(show, cuts))}"
    if continuity in PROMISES:
        return f"promises '{continuity}', but {found} {where}: {_ADVICE[continuity]}"
    return f"{found} {where}: {_NOTHING_KEPT}"
