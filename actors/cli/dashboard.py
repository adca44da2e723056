"""The command that draws: dashboard."""

from pathlib import Path
from typing import Annotated

import typer

from actors.cli.shell import of, say
from actors.dashboards import PAGES
from altergo_interface import SelectionError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(dashboard)


def dashboard(
    context: typer.Context,
    asset: Annotated[str | None, typer.Argument(help="The asset's id.")] = None,
    fleet: Annotated[bool, typer.Option("--fleet", help="The whole fleet, and the pages of its assets.")] = False,
    since: Annotated[str | None, typer.Option("--from", help="Of an asset: from this time on.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Of an asset: up to this time.")] = None,
    pages: Annotated[
        int | None, typer.Option(min=0, help=f"With --fleet: pages of so many assets (default: {PAGES}).")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The file (default: in the store).")] = None,
) -> None:
    """Write an asset's or the fleet's dashboard: one HTML file that needs no network."""
    shell = of(context)
    if (asset is None) is not fleet:
        raise SelectionError("a dashboard is of one asset or of the fleet", "Name an asset, or give --fleet")
    if fleet and (since or until):
        raise SelectionError("--from and --to are of an asset's dashboard", "Name the asset, or drop them")
    if asset is not None and pages is not None:
        raise SelectionError("--pages is of the fleet's dashboard", "Give --fleet, or drop it")
    beside: list[Path] = []
    if asset is not None:
        path = shell.fleet().dashboard(asset, out, since=since, until=until)
    else:
        path = shell.fleet().fleet_dashboard(out, pages=PAGES if pages is None else pages, on_page=beside.append)
    size = path.stat().st_size
    if beside and not shell.as_json:
        say(f"pages of {len(beside)} assets in {beside[0].parent}")
    document = {"file": str(path), "bytes": size, "pages": [str(page) for page in beside]}
    shell.show(document, [f"{path} ({size / 1e6:.1f} MB)"])
