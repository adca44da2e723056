"""Commands around the asset registry."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from actors.cli.grammar import DATA, Command, Group, examples
from actors.cli.options import AssetArgument
from actors.cli.shell import of
from actors.wording import counted

assets_app = typer.Typer(cls=Group, help="The asset registry.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(assets_app, name="assets", rich_help_panel=DATA)


@assets_app.command("import", cls=Command, epilog=examples("assets import assets.csv"))
def import_assets(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON or Parquet with asset_id.")],
) -> None:
    """Take asset parameters (capacity, chemistry, cells_in_series, ...) from a file."""
    shell = of(context)
    fleet = shell.fleet()
    changed = fleet.import_assets(file)
    fleet.publish()
    shell.show({"changed": changed}, [f"{file}: {counted(changed, 'parameter')} new or changed"])


@assets_app.command("purge", cls=Command, epilog=examples("assets purge EV-07", "assets purge EV-07 --yes"))
def purge(
    context: typer.Context,
    asset: AssetArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove every trace of an asset from the store: the one way in which events leave the log."""
    shell = of(context)
    if not yes:
        typer.confirm(f"Remove all events and results of {asset} for good?", abort=True, err=True)
    report = shell.fleet().purge(asset)
    counts = f"{counted(report.events, 'event')} and {counted(report.results, 'row')} of results"
    shell.show(asdict(report), [f"{asset}: {counts} removed, {counted(report.segments, 'segment')} changed"])


@assets_app.command("list", cls=Command, epilog=examples("assets list", "assets list --json"))
def list_assets(context: typer.Context) -> None:
    """Registered assets with their parameters."""
    shell = of(context)
    rows = shell.fleet().assets()
    shell.table(rows, rows, ("asset_id", "parameters", "first_ts", "last_ts", "events"), "no assets")
