"""The manifest against behaviour: outputs, required inputs, units, and a continuity that fits the class."""

from collections.abc import Iterator
from functools import partial

from altergo_interface.base_model import ModelState
from altergo_interface.manifest import Continuity, Manifest
from altergo_interface.units import is_unit
from twins.binding import Missing
from twins.checks.histories import sensors_of
from twins.checks.result import Broken
from twins.checks.subject import Subject
from twins.checks.telling import Told, difference, in_runs


def manifest_against_behaviour(subject: Subject) -> str:
    """Everything that the manifest says, as far as it shows on the synthetic histories."""
    _fitting_class(subject)
    _known_units(subject.spec.manifest)
    missing = set(subject.spec.manifest.outputs)
    for told in _tellings(subject):
        if told.undeclared:
            raise Broken(f"output '{told.undeclared[0]}' is not declared in the manifest, and would not be stored")
        missing -= {name for name in missing if told.gives(name)}
    if missing:
        named = ", ".join(f"'{name}'" for name in sorted(missing))
        raise Broken(f"declares output {named}, but gives it on none of the synthetic histories")
    idle = list(_idle(subject))
    said = f"; required, but of no effect here: {', '.join(idle)}" if idle else ""
    return f"all {len(subject.spec.manifest.outputs)} declared outputs are given, and no other{said}"


def _fitting_class(subject: Subject) -> None:
    spec, continuity = subject.spec, subject.spec.continuity
    if continuity is Continuity.STATEFUL and spec.plain:
        raise Broken("declares 'stateful', but has no `advance`: implement it, or declare 'windowed'")
    seeds = any(entry.initialisation_value for entry in spec.manifest.inputs.values())
    if continuity is Continuity.SEEDED and not seeds:
        raise Broken("declares 'seeded', but no input has an `initialisation_value`")
    if not isinstance(subject.model().initial(), ModelState):
        raise Broken("`initial` gives no ModelState")


def _known_units(manifest: Manifest) -> None:
    for name in sensors_of(manifest):
        unit = manifest.inputs[name].unit
        if unit is not None and not is_unit(unit):
            raise Broken(f"input '{name}' has the unknown unit '{unit}': no sensor could be converted into it")


def _tellings(subject: Subject) -> Iterator[Told]:
    """Replays in which an output may show: all inputs, no gaps, and each set without an optional one."""
    yield subject.whole
    yield in_runs(subject.twin, subject.unbroken)
    manifest = subject.spec.manifest
    for name, spec in manifest.inputs.items():
        if not spec.required and not isinstance(subject.bound(None, manifest, {name}), Missing):
            yield in_runs(partial(subject.twin, without={name}), subject.events)


def _idle(subject: Subject) -> Iterator[str]:
    """Required inputs without which not a bit of the synthetic history is another."""
    manifest = subject.spec.manifest
    for name, spec in manifest.inputs.items():
        if not spec.required or spec.initialisation_value is not None:
            continue
        optional = spec.model_copy(update={"required": False})
        loose = manifest.model_copy(update={"inputs": {**manifest.inputs, name: optional}})
        if len(sensors_of(loose)) == 1 and name in sensors_of(loose):
            continue  # without it nothing is left that would call the model
        try:
            told = in_runs(partial(subject.twin, manifest=loose, without={name}), subject.events)
        except Exception:  # it is required indeed
            continue
        if difference(subject.whole, told) is None:
            yield f"'{name}'"
