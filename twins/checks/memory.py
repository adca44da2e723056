"""What a model remembers: it survives being stored, NaN included, and does not grow with the history."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from altergo_interface.base_model import ModelState
from altergo_interface.manifest import Continuity
from twins.carry import Carry
from twins.checks.histories import START, newest, synthetic
from twins.checks.result import Broken, NotApplicable
from twins.checks.same import same
from twins.checks.steps import steps
from twins.checks.subject import Subject, constants_of
from twins.checks.telling import in_calls
from twins.grid import DAY_US

SHORT_DAYS, LONG_DAYS = 60, 120
GROWTH = 1.2
ALLOWANCE = 200  # bytes: longer numbers, one more alert that is open
_AWKWARD = (math.nan, math.inf, -math.inf, 0.1 + 0.2, 5e-324, -0.0)


def state_round_trip(subject: Subject) -> str:
    """Every state of the history, and awkward floats in each of its fields, through the JSON of a snapshot."""
    if subject.spec.plain:
        raise NotApplicable("a plain `process` has no state")
    twin = subject.twin()
    state, count, tried = twin.model.initial(), 0, 0
    _through_json(state, type(twin.model).State)
    for data in steps(twin, subject.events):
        state, _ = twin.model.advance(state, data)
        if type(state) is not type(twin.model).State:
            raise Broken(f"advance gives a {type(state).__name__} as state, not the model's State")
        _through_json(state, type(state))
        count, tried = count + 1, tried + _awkward(state)
    return f"{count} states come back from a snapshot as they were, and so do {tried} with NaN, infinity and the like"


def _through_json(state: ModelState, kind: type[ModelState]) -> None:
    stored = Carry(state=state.model_dump(mode="json")).to_json()
    try:
        after = dict(kind.model_validate(Carry.from_json(stored).state))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Broken(f"state field '{where}' does not come back from a snapshot: {first['msg']}") from error
    before = dict(state)  # the fields themselves: a dump would already show what serialising does to them
    lost = _first_lost(before, after)
    if lost is not None:
        what = f"state field '{lost}' is {before[lost]!r}, but comes back from a snapshot as {after.get(lost)!r}"
        raise Broken(f"{what}: use plain typed fields, and leave ModelState's model_config alone")


def _first_lost(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    return next((name for name in before if name not in after or not same(before[name], after[name])), None)


def _awkward(state: ModelState) -> int:
    """Try NaN, infinities and inexact fractions in every float field that admits them; how many were tried."""
    tried = 0
    for path in _float_paths(state.model_dump()):
        for x in _AWKWARD:
            try:
                awkward = type(state).model_validate(_with(state.model_dump(), path, x))
            except ValidationError:
                continue  # the model's own bounds keep it out
            _through_json(awkward, type(state))
            tried += 1
    return tried


def _float_paths(values: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        if isinstance(value, float):
            yield (name,)
        elif isinstance(value, Mapping):
            yield from ((name, *path) for path in _float_paths(value))


def _with(values: dict[str, Any], path: Sequence[str], x: float) -> dict[str, Any]:
    first, *rest = path
    return {**values, first: _with(values[first], rest, x) if rest else x}


def bounded_state(subject: Subject) -> str:
    """The size of what a snapshot stores after two histories, one twice as long as the other."""
    if subject.spec.continuity is Continuity.WHOLE_LOG:
        raise NotApplicable("'whole_log' is recomputed from the start: nothing is stored")
    short, long = (_carried(subject, days) for days in (SHORT_DAYS, LONG_DAYS))
    if long > GROWTH * short + ALLOWANCE:
        raise Broken(
            f"a snapshot grows from {short:,} bytes after {SHORT_DAYS} days to {long:,} after {LONG_DAYS}: "
            "keep sums and newest values in the state, not the history"
        )
    return f"a snapshot has {short:,} bytes after {SHORT_DAYS} days, {long:,} after {LONG_DAYS}"


def _carried(subject: Subject, days: int) -> int:
    manifest = subject.spec.manifest
    events = synthetic(manifest, constants_of(manifest), days, steps_s=(3600,))
    edges = range(START + DAY_US, newest(events), DAY_US)  # a call a day: some models remember their calls
    return len(in_calls(subject.twin, events, edges).carry)
