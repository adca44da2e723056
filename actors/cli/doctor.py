"""The command that looks for what could be wrong: doctor."""

import sys
from typing import Annotated

import typer

from actors.cli.grammar import UPKEEP, Command, examples
from actors.cli.shell import EXIT_WITH_FINDINGS, of

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("doctor", "doctor --ray", "doctor --store fleet-store --json")
    app.command(cls=Command, rich_help_panel=UPKEEP, epilog=epilog)(doctor)


def doctor(
    context: typer.Context,
    ray: Annotated[bool, typer.Option("--ray", help="Start Ray, or reach RAY_ADDRESS, and run a task.")] = False,
) -> None:
    """Check this machine, Ray, the settings, the models and the store; exit 1 if a check fails."""
    from actors.doctor import FAILED, Check, Patient, examine

    shell = of(context)
    found: list[Check] = []
    for check in examine(Patient(shell.store, shell.settings, shell.models_dirs, ray)):
        found.append(check)
        if not shell.as_json:
            _line(check.name, check.outcome, check.detail, check.advice)
    failed = sum(check.outcome == FAILED for check in found)
    document = {"ok": not failed, "checks": [check.document() for check in found]}
    shell.show(document, [_sum(len(found), failed)])
    if failed:
        raise typer.Exit(EXIT_WITH_FINDINGS)


def _sum(checks: int, failed: int) -> str:
    return f"{failed} of {checks} checks failed" if failed else f"{checks} checks, none failed"


def _line(name: str, outcome: str, detail: str, advice: str) -> None:
    """One check, as wide as the terminal: what is folded stands under its beginning."""
    from rich.table import Table
    from rich.text import Text

    from actors.cli.tables import terminal

    mark, colour = MARKS[outcome]
    if not sys.stdout.isatty():
        sys.stdout.write(f"{mark} {name}: {detail}{f' → {advice}' if advice else ''}\n")
        return
    table = Table.grid(padding=(0, 1))
    table.add_row(Text(mark, style=colour), Text(f"{name}: {detail}"))
    if advice:
        table.add_row("", Text(f"→ {advice}", style="bold"))
    terminal().print(table)
