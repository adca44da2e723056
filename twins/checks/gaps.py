"""What is missing: empty and single-sample inputs, invalid samples, optional inputs that an asset does not have."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from altergo_interface.data import Values, Words
from twins.binding import Missing
from twins.checks.histories import Events, is_valid, newest, sensors_of
from twins.checks.result import Broken, NotApplicable, describe
from twins.checks.subject import Subject
from twins.checks.telling import Told, difference, in_runs, show
from twins.grid import DAY_US
from twins.outputs import split


def _gets_through(subject: Subject, events: Events, where: str) -> Told:
    try:
        return in_runs(subject.twin, events)
    except Exception as error:  # whatever a model raises
        raise Broken(f"raises {describe(error)} where {where}") from error


def empty_and_one_sample(subject: Subject) -> str:
    """Histories in which one input, or all others, or none has more than nothing or a single sample."""
    cases = dict(_sparse(subject))
    for where, events in cases.items():
        if events:
            _gets_through(subject, events, where)
    return f"{len(cases)} histories with inputs of no sample or one"


def _sparse(subject: Subject) -> Iterator[tuple[str, Events]]:
    """Cases by what is said of them. A bound input without a sample so far is there, and empty."""
    inputs = subject.inputs
    full = subject.unbroken

    def cut(names: set[str], rows: slice) -> Events:
        chosen = {sensor for name in names for sensor in inputs[name]}
        sparse = {s: (t[rows], x[rows]) if s in chosen else (t, x) for s, (t, x) in full.items()}
        return {sensor: (t, x) for sensor, (t, x) in sparse.items() if len(t)}

    every = set(inputs)
    yield "every input has one sample", cut(every, slice(0, 1))
    for name in inputs:
        yield f"input '{name}' has no sample", cut({name}, slice(0, 0))
        yield f"input '{name}' has one sample", cut({name}, slice(0, 1))
        yield f"input '{name}' has samples alone", cut(every - {name}, slice(0, 0))


def invalid_samples(subject: Subject) -> str:
    """Values that are not finite or out of range change nothing but themselves, and gaps poison no output."""
    inputs = sensors_of(subject.spec.manifest)
    specs = {s: subject.spec.manifest.inputs[name] for name, group in inputs.items() for s in group}
    kept = {s: is_valid(x, specs[s]) for s, (_, x) in subject.events.items()}
    dropped = sum(int((~valid).sum()) for valid in kept.values())
    clean: Events = {s: (t[kept[s]], x[kept[s]]) for s, (t, x) in subject.events.items()}
    found = difference(subject.whole, in_runs(subject.twin, clean))
    if found is not None:
        raise Broken(f"{found} if {dropped} invalid samples are left out of the log")
    _recovers(subject)
    return f"{dropped} invalid samples count as none; pauses, a silent day and lost samples are survived"


def _recovers(subject: Subject) -> None:
    """Raise Broken for an output that is NaN to the end behind gaps, and has values where there are none."""
    since = newest(subject.events) - 2 * DAY_US
    whole, unbroken = subject.whole, in_runs(subject.twin, subject.unbroken)
    for name, (t, x) in whole.outputs.items():
        other_t, other_x = unbroken.outputs.get(name, (t[:0], x[:0]))
        gone, late, other = _missing(x), _missing(x[t >= since]), _missing(other_x[other_t >= since])
        if len(late) and late.all() and not other.all():
            from_then = t[len(x) - int(np.argmin(gone[::-1]))] if not gone.all() else t[0]
            raise Broken(f"output '{name}' is NaN from {show(int(from_then))} on, and without gaps it is not")


def _missing(x: Values | Words) -> NDArray[np.bool_]:
    """Which rows hold neither a number nor a label."""
    values, labels = split(x)
    unlabelled = [label is None for label in labels or [None] * len(x)]
    return np.isnan(values) & np.array(unlabelled, dtype=np.bool_)


def missing_optional(subject: Subject) -> str:
    """Each optional input left out alone, and all of them, as far as the manifest allows it."""
    inputs = subject.spec.manifest.inputs
    optional = [name for name, spec in inputs.items() if not spec.required and spec.initialisation_value is None]
    if not optional:
        raise NotApplicable("all inputs are required")
    tried = 0
    for without in [*([name] for name in optional), optional]:
        if isinstance(subject.bound(None, subject.spec.manifest, without), Missing):
            continue  # one_of asks for it: the engine would not run the pair
        named = ", ".join(f"'{name}'" for name in without)
        try:
            in_runs(partial(subject.twin, without=without), subject.events)
        except Exception as error:  # whatever a model raises
            raise Broken(f"raises {describe(error)} without optional input {named}") from error
        tried += 1
    return f"{tried} replays with an optional input left out, or all {len(optional)}"
