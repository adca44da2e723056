"""Commands for models: list, check, new."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from actors.cli.completion import models
from actors.cli.grammar import UPKEEP, Command, Group, examples
from actors.cli.shell import EXIT_WITH_FINDINGS, of, say

if TYPE_CHECKING:
    from twins.checks import CheckResult

models_app = typer.Typer(cls=Group, help="Registered models.", no_args_is_help=True)

_VERDICTS = {"passed": "PASS", "failed": "FAIL", "skipped": "SKIP"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models_app, name="models", rich_help_panel=UPKEEP)


@models_app.command("list", cls=Command, epilog=examples("models list", "models list --models-dir my-models"))
def list_models(context: typer.Context) -> None:
    """Registered models, their inputs and outputs."""
    shell = of(context)
    registry = shell.fleet().registry(tell=False)
    rows = [
        {
            "model": name,
            "version": spec.manifest.version,
            "continuity": str(spec.continuity),
            "inputs": list(spec.manifest.inputs),
            "outputs": list(spec.manifest.outputs),
            "configuration": {key: entry.default for key, entry in spec.manifest.configuration.items()},
            "description": spec.manifest.description,
            "code": spec.code,
        }
        for name, spec in registry.items()
    ]
    broken = [{"folder": str(b.folder), "models": list(b.names), "error": b.reason} for b in registry.broken]
    shell.table([*rows, *broken], rows, ("model", "version", "continuity", "inputs", "outputs"), "no models")
    for entry in () if shell.as_json else broken:
        say(f"broken: {entry['error']}")


@models_app.command(cls=Command, epilog=examples("models check eq_cycles", "models check models/my_model"))
def check(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(metavar="NAME|DIR", help="A registered model, or the folder of one.", autocompletion=models),
    ],
) -> None:
    """Run the conformance checks on synthetic histories; exit 1 if one fails."""
    from actors.model_kit import resolve_model
    from twins.checks import run_checks

    shell = of(context)
    spec = resolve_model(model, shell.models_dirs)
    results = run_checks(spec)
    counts = Counter(result.outcome for result in results)
    summary = {outcome: counts[outcome] for outcome in ("passed", "failed", "skipped")}
    document = {
        "model": spec.name,
        "continuity": str(spec.continuity),
        "checks": [asdict(result) for result in results],
        **summary,
    }
    said = ", ".join(f"{count} {outcome}" for outcome, count in summary.items())
    shell.show(document, [*_lines(results), f"{spec.name} ({spec.continuity}): {len(results)} checks, {said}"])
    if summary["failed"]:
        raise typer.Exit(EXIT_WITH_FINDINGS)


def _lines(results: "Sequence[CheckResult]") -> list[str]:
    width = max(len(result.name) for result in results)
    return [f"{_VERDICTS[result.outcome]}  {result.name:{width}}  {result.detail}" for result in results]


@models_app.command(
    cls=Command, epilog=examples("models new my_model", "models new my_model --plain --models-dir my-models")
)
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: lower-case letters, digits and _.")],
    plain: Annotated[bool, typer.Option("--plain", help="A model of `process` alone, on pandas.")] = False,
) -> None:
    """Write the folder of a new model that runs and passes all checks, into --models-dir or ./models."""
    from actors.model_kit import new_model

    shell = of(context)
    made = new_model(name, shell.models_dirs, plain=plain)
    document = {"model": made.model, "folder": str(made.folder), "files": list(made.files)}
    lines = [
        f"{made.folder}: {', '.join(made.files)}",
        "Make it yours, and then:",
        f"    twins models check {made.folder}",
        f"    pytest {made.folder}",
        f"    twins --models-dir {made.folder.parent} replay ASSET",
    ]
    shell.show(document, lines)
