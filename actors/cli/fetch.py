"""The command that fetches: a platform's events and parameters become part of the log."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actors.cli.completion import selectors
from actors.cli.grammar import DATA, Command, examples
from actors.cli.options import duration
from actors.cli.shell import of, say

if TYPE_CHECKING:
    from actors.fetching import FetchReport

DEV_FILE = Path("dev-parameters.json")


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("fetch --gateway file:platform", "fetch --select asset:EV-07 --overlap 7d")
    app.command(cls=Command, rich_help_panel=DATA, epilog=epilog)(fetch)


def fetch(
    context: typer.Context,
    gateway: Annotated[
        str | None,
        typer.Option(
            metavar="GATEWAY", help="file:DIR or altergo (default: that of the parameters, or of the settings)."
        ),
    ] = None,
    parameters: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the platform passes (default: ./dev-parameters.json).")
    ] = None,
    select: Annotated[
        str | None, typer.Option(metavar="SELECTOR", help="asset:GLOB; commas.", autocompletion=selectors)
    ] = None,
    overlap: Annotated[
        float, typer.Option(metavar="DURATION", parser=duration, help="So far before the newest stamp: 12h, 7d.")
    ] = "2d",  # type: ignore[assignment]
    full: Annotated[bool, typer.Option("--full", help="Every sensor from its first sample on.")] = False,
) -> None:
    """Ingest what a platform has that the log has not: events, and parameters that have changed."""
    from actors.platform_arguments import NO_ARGUMENTS, read_arguments, with_key
    from actors.platform_run import fetch_exit_code, platform_gateway, say_fetch
    from altergo_interface.quiet import hushed_for_good

    shell = of(context)
    file = parameters or (DEV_FILE if DEV_FILE.is_file() else None)
    arguments = with_key(NO_ARGUMENTS if file is None else read_arguments(str(file)), os.environ)
    hushed_for_good(arguments.key)
    fleet = shell.fleet()
    opened = platform_gateway(arguments, fleet, fleet.settings(), gateway or "")
    report = fleet.fetch(opened, select, overlap_s=overlap, full=full)
    if (fleet.root / "catalog.duckdb").is_file():
        fleet.publish()
    if not shell.as_json:
        say_fetch(report, say)
    shell.show(document(report))
    raise typer.Exit(fetch_exit_code(report))


def document(report: "FetchReport") -> dict[str, Any]:
    """A fetch as JSON."""
    pairs = {"failed": report.failed, "refused": report.refused}
    return asdict(report) | {
        name: [{"asset_id": asset, "error": error} for asset, error in found] for name, found in pairs.items()
    }
