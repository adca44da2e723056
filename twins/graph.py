"""The model graph: which models take another's output, in what order they run, and what is wrong with it."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from altergo_interface.config import ModelSettings, Settings
from altergo_interface.errors import SettingsError, did_you_mean
from altergo_interface.models import ModelSpec
from twins.binding import declared_names, upstream_of
from twins.fingerprint import Fingerprint, fingerprint
from twins.grid import Grid

Specs = Mapping[str, ModelSpec]


def checked_order(specs: Specs, registered: Specs, settings: Settings) -> tuple[str, ...]:
    """The enabled models, each after those whose outputs it may take.

    Raises SettingsError for a cycle, an output that its model does not declare, an output that is to feed a
    constant or a table, and an input that nothing but a model that is not enabled could feed.
    """
    for name, spec in specs.items():
        _check(spec, specs, registered, settings, f"{settings.source}: models.{name}.inputs")
    try:
        return tuple(
            TopologicalSorter(
                {name: sorted(feeds(spec, specs, settings)) for name, spec in specs.items()}
            ).static_order()
        )
    except CycleError as error:
        circle = " → ".join(error.args[1])
        raise SettingsError(f"{settings.source}: models feed each other in a circle: {circle}", "Cut it") from None


def feeds(spec: ModelSpec, specs: Specs, settings: Settings) -> set[str]:
    """The models whose outputs a model may take."""
    return {model for _, _, model, _ in _references(spec, specs, settings)}


def fingerprints(order: tuple[str, ...], specs: Specs, settings: Settings, grid: Grid) -> dict[str, Fingerprint]:
    """The fingerprints of all models, which are given in the order of the graph: each holds those above it."""
    found: dict[str, Fingerprint] = {}
    for name in order:
        above = {model: found[model].value for model in sorted(feeds(specs[name], specs, settings))}
        found[name] = fingerprint(specs[name], settings, grid, above)
    return found


def _references(spec: ModelSpec, models: Specs, settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    """(input, declared name, model, output) of every declared name that stands for a model's output."""
    block = settings.models.get(spec.name, ModelSettings())
    for key, entry in spec.manifest.inputs.items():
        for name in declared_names(key, entry, block):
            found = upstream_of(name, models)
            if found is not None:
                yield key, name, *found


def _check(spec: ModelSpec, specs: Specs, registered: Specs, settings: Settings, where: str) -> None:
    block = settings.models.get(spec.name, ModelSettings())
    for key, name, model, output in _references(spec, registered, settings):
        outputs, declared = registered[model].manifest.outputs, registered[model].manifest.output(output)
        if declared is None:
            raise SettingsError(
                f"{where}.{key}: model '{model}' has no output '{output}'", did_you_mean(output, outputs)
            )
        if declared.type == "label":
            what = f"{where}.{key}: output '{output}' of model '{model}' is of labels, and a series is of numbers"
            raise SettingsError(what, "Map it to an output of numbers")
        if spec.manifest.inputs[key].type != "pd.Series":
            what = f"{where}.{key}: '{name}' is a series, and the input is a {spec.manifest.inputs[key].type}"
            raise SettingsError(what, "Map it to sensors or to an asset parameter")
        if model not in specs and len(declared_names(key, spec.manifest.inputs[key], block)) == 1:
            raise SettingsError(f"{where}.{key}: model '{model}' is not enabled", "Name it in enabled_models, too")
