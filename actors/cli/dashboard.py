"""The command that draws: dashboard."""

from pathlib import Path
from typing import Annotated

import typer

from actors.cli.completion import assets
from actors.cli.grammar import RESULTS, Command, examples
from actors.cli.shell import of, say, settings_error
from actors.wording import counted, sized

EXAMPLES = examples(
    "dashboard EV-07",
    "dashboard EV-07 --from 2026-01-12 --to 2026-01-13 --out day.html",
    "dashboard --fleet --pages 100",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, rich_help_panel=RESULTS, epilog=EXAMPLES)(dashboard)


def dashboard(
    context: typer.Context,
    asset: Annotated[
        str | None, typer.Argument(metavar="ASSET", help="The asset's id.", autocompletion=assets)
    ] = None,
    fleet: Annotated[bool, typer.Option("--fleet", help="The whole fleet, and the pages of its assets.")] = False,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Of an asset: from this time on.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Of an asset: up to this time.")] = None,
    pages: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="With --fleet: pages of so many assets (default: 25).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="The page (default: in the store).")
    ] = None,
) -> None:
    """Write an asset's or the fleet's dashboard: one HTML file that needs no network."""
    shell = of(context)
    _check(asset, fleet, since or until, pages)
    beside: list[Path] = []
    if asset is not None:
        path = shell.fleet().dashboard(asset, out, since=since, until=until)
    else:
        asked = {} if pages is None else {"pages": pages}
        path = shell.fleet().fleet_dashboard(out, **asked, on_page=beside.append)
    size = path.stat().st_size
    if beside and not shell.as_json:
        say(f"pages of {counted(len(beside), 'asset')} in {beside[0].parent}")
    document = {"file": str(path), "bytes": size, "pages": [str(page) for page in beside]}
    shell.show(document, [f"{path} ({sized(size)})"])


def _check(asset: str | None, fleet: bool, ranged: str | None, pages: int | None) -> None:
    """Raises SettingsError for words that do not go together."""
    if (asset is None) is not fleet:
        raise settings_error("a dashboard is of one asset or of the fleet", "Name an asset, or give --fleet")
    if fleet and ranged:
        raise settings_error("--from and --to are of an asset's dashboard", "Name the asset, or drop them")
    if asset is not None and pages is not None:
        raise settings_error("--pages is of the fleet's dashboard", "Give --fleet, or drop it")
