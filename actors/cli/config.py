"""The command that shows the settings in force."""

from typing import Annotated

import typer

from actors.cli.grammar import UPKEEP, Command, examples
from actors.cli.options import ComputeOption
from actors.cli.shell import of, say


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("config", "config --show-origin --settings altergo-settings.json")
    app.command(cls=Command, rich_help_panel=UPKEEP, epilog=epilog)(config)


def config(
    context: typer.Context,
    show_origin: Annotated[bool, typer.Option("--show-origin", help="Where each value comes from.")] = False,
    compute_type: ComputeOption = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="As for run.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="As for run.")] = None,
) -> None:
    """The effective settings, defaults included; the flags of `run` count as they would there."""
    shell = of(context)
    given = None if compute_type is None else str(compute_type)
    flags = {"compute_type": given, "manual_start_date": since, "manual_end_date": until}
    report = shell.fleet().config(flags)
    rows = [row._asdict() for row in report.values]
    if not show_origin:
        rows = [{"key": row["key"], "value": row["value"]} for row in rows]
    if not shell.as_json:
        say(f"settings: {report.settings} ({report.chosen})")
    document = {"settings": report.settings, "chosen": report.chosen, "values": rows}
    shell.table(document, rows, ("key", "value", "origin") if show_origin else ("key", "value"), "no settings")
