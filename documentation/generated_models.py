"""The page of the registered models, from their manifests."""

from collections.abc import Sequence

from altergo_interface.models import ModelSpec, discover
from documentation.markdown import MADE, code, table

TEXT = """Units of inputs, configuration keys and default mappings stand in the
[configuration reference](configuration.md#the-models); formulas, sources and accuracy on each model's page. How to
[write your own](../how-to/creating-models.md).
"""
HEAD = ("model", "needs", "may take", "gives", "continuity", "version")


def models_page() -> str:
    """What each model needs and gives."""
    return "\n".join(["# Models\n", MADE, TEXT, table(HEAD, [_row(*entry) for entry in discover(()).items()])])


def _row(name: str, spec: ModelSpec) -> Sequence[str]:
    manifest = spec.manifest
    grouped = {key for group in manifest.one_of for key in group}
    needed = [code(key) for key, entry in manifest.inputs.items() if entry.required]
    others = [code(key) for key, entry in manifest.inputs.items() if not entry.required and key not in grouped]
    either = " or ".join(" with ".join(map(code, group)) for group in manifest.one_of)
    given = [code(key) + (f" ({entry.unit})" if entry.unit else "") for key, entry in manifest.outputs.items()]
    return (
        f"[`{name}`](../../models/{name}/README.md): {manifest.description}",
        ", ".join([*needed, *([either] if either else [])]),
        ", ".join(others),
        ", ".join(given),
        spec.continuity,
        manifest.version,
    )
