"""Commands around the asset registry."""

from pathlib import Path
from typing import Annotated

import typer

from actors.cli.shell import of

assets_app = typer.Typer(help="The asset registry.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(assets_app, name="assets")


@assets_app.command("import")
def import_assets(
    context: typer.Context, file: Annotated[Path, typer.Argument(help="CSV, JSON or Parquet with asset_id.")]
) -> None:
    """Take asset parameters (capacity, chemistry, cells_in_series, ...) from a file."""
    shell = of(context)
    fleet = shell.fleet()
    changed = fleet.import_assets(file)
    fleet.publish()
    shell.show({"changed": changed}, [f"{file}: {changed} parameters new or changed"])


@assets_app.command("list")
def list_assets(context: typer.Context) -> None:
    """Registered assets with their parameters."""
    shell = of(context)
    rows = shell.fleet().assets()
    shell.table(rows, rows, ("asset_id", "parameters", "first_ts", "last_ts", "events"), "no assets")
