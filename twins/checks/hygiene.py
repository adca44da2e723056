"""A call is a pure function: repeatable, without traces in its inputs or itself, and without shared memory."""

import copy
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altergo_interface.base_model import ModelState
from altergo_interface.data import Input, Labels, Samples, StepData, Table
from twins.checks.result import Broken
from twins.checks.same import same
from twins.checks.steps import steps
from twins.checks.subject import Subject
from twins.checks.telling import difference, in_runs


def determinism(subject: Subject) -> str:
    """The same history again, by a fresh instance and by one that has worked before."""
    found = difference(subject.whole, in_runs(subject.twin, subject.events))
    if found is not None:
        raise Broken(f"{found} in a second replay: its result hangs on more than events, state and configuration")
    model = subject.model()
    for _ in range(2):
        found = difference(subject.whole, in_runs(partial(subject.twin, model), subject.events))
        if found is not None:
            raise Broken(f"{found} where an instance is used again: it remembers something outside its state")
    return "four replays give the same bits, two of them by one instance"


def purity(subject: Subject) -> str:
    """Nothing that a call was given is changed: inputs, state, configuration, instance."""
    twin = subject.twin()
    state, count = twin.model.initial(), 0
    for data in steps(twin, subject.events):
        given = _writable(data)
        state_before = copy.deepcopy(state)
        before = _attributes(twin.model)
        after, _ = twin.model.advance(state, given)
        _unchanged_inputs(data, given)
        if not same(state_before, state):
            raise Broken("changes the state that it was given: build a new one")
        changed = _first_changed(before, _attributes(twin.model))
        if changed is not None:
            raise Broken(f"changes self.{changed}: what it remembers belongs in the state")
        state, count = after, count + 1
    return f"{count} calls left inputs, state, configuration and instance as they were"


def _unchanged_inputs(data: StepData, given: StepData) -> None:
    if list(data) != list(given):
        raise Broken("adds inputs to `data`, or takes some away")
    for name in data:
        for one, other in zip(_parts(data[name]), _parts(given[name]), strict=True):
            if not same(one, other):
                raise Broken(f"writes to its input '{name}': copy before you change")


def _parts(value: Input) -> Iterator[Any]:
    if isinstance(value, Samples | Table):
        yield from (value.t, value.x)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from _parts(part)
    else:
        yield value


def _writable(data: StepData) -> StepData:
    """The same inputs in memory of their own."""

    def one(value: Input) -> Input:
        if isinstance(value, Samples | Table):
            return replace(value, t=value.t.copy(), x=value.x.copy())
        if isinstance(value, Mapping):
            return {name: one(part) for name, part in value.items()}
        return copy.deepcopy(value)

    return StepData({name: one(value) for name, value in data.items()}, data.span)


def _attributes(model: object) -> dict[str, bytes | str]:
    return {name: _image(value) for name, value in vars(model).items()}


def _image(value: object) -> bytes | str:
    """What a value looks like now; equal for an object that nobody has changed."""
    try:
        return pickle.dumps(value)
    except Exception:  # objects refuse to be pickled in many ways
        return repr(value)


def _first_changed(before: Mapping[str, object], after: Mapping[str, object]) -> str | None:
    names = sorted({*before, *after})
    return next((name for name in names if before.get(name) != after.get(name)), None)


def no_aliasing(subject: Subject) -> str:
    """No way leads from what a call gave back to the events: read-only views of them are the only shared memory."""
    twin = subject.twin()
    state = twin.model.initial()
    for data in steps(twin, subject.events):
        after, outputs = twin.model.advance(state, data)
        for name, samples in outputs.items():
            if isinstance(samples, Samples | Labels):
                _no_way_in(name, samples, data)
        _own_memory(twin.model.advance, state, data)
        state = after
    return "outputs share at most read-only memory with the inputs, and the state none"


def _no_way_in(name: str, output: Samples | Labels, data: StepData) -> None:
    for column in (output.t, output.x):
        for other, value in data.items():
            arrays = [part for part in _parts(value) if isinstance(part, np.ndarray)]
            if column.flags.writeable and any(np.shares_memory(column, array) for array in arrays):
                raise Broken(f"output '{name}' is a writable view of input '{other}': copy, or leave it read-only")


def _own_memory(advance: Any, state: ModelState, data: StepData) -> None:
    """Raise Broken where the new state changes with the inputs that it was made from, or holds an array."""
    given = _writable(data)
    after, _ = advance(state, given)
    held = next((name for name, value in dict(after).items() if isinstance(value, np.ndarray)), None)
    if held is not None:
        raise Broken(f"state field '{held}' holds an array: a state holds plain numbers, strings and lists")
    before = copy.deepcopy(after)
    for value in given.values():
        _garble([part for part in _parts(value) if isinstance(part, np.ndarray)])
    if not same(before, after):
        raise Broken("the state changes with the inputs of the call that made it: copy what it keeps")


def _garble(arrays: list[NDArray[Any]]) -> None:
    for array in arrays:
        array.fill(-7)
