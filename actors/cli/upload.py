"""The command that sends results to a platform."""

from typing import Annotated

import typer

from actors.cli.progress import UploadMeter
from actors.cli.shell import SHOWN, Shell, of, rest, say
from actors.upload_report import UploadReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(upload)


def upload(
    context: typer.Context,
    select: Annotated[str | None, typer.Option(help="asset:GLOB, model:NAME; commas.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be sent.")] = False,
    gateway: Annotated[str | None, typer.Option(help="file:DIR or another (default: the settings').")] = None,
) -> None:
    """Send a platform what changed since the last upload: new, restated and withdrawn points of all outputs."""
    shell = of(context)
    with UploadMeter(quiet=shell.as_json) as meter:
        report = shell.fleet().upload(gateway, select, dry_run=dry_run, on_progress=meter.show)
    if not shell.as_json:
        tell_upload(report)
    if report.changes:
        rows = [change.document() for change in report.changes[:SHOWN]]
        shell.table(report.document(), rows, tuple(rows[0]), "")
        if not shell.as_json:
            rest(len(report.changes))
    else:
        shell.show(report.document(), [upload_line(report)])
    raise typer.Exit(report.exit_code)


def tell_upload(report: UploadReport) -> None:
    """Say on stderr what an operator should know of an upload."""
    for warning in report.warnings:
        say(f"warning: {warning}")
    for asset, error in report.failed[:SHOWN]:
        say(f"refused: {asset}: {error}")
    rest(len(report.failed))
    if report.error:
        say(f"error: {report.error}. What was sent is noted; upload again to go on")


def upload_line(report: UploadReport) -> str:
    """An upload in one line."""
    if not (report.points or report.withdrawn or report.failed or report.error):
        return f"{report.gateway}: up to date"
    would = " would be" if report.dry_run else ""
    sent = f"{report.points:,} points ({report.restated:,} restated){would} sent, {report.withdrawn:,} withdrawn"
    failed = f", {len(report.failed)} assets refused" if report.failed else ""
    return f"{report.gateway}: {sent}, in {report.series:,} series of {report.assets:,} assets{failed}"


def show_upload(shell: Shell, report: UploadReport | None) -> int:
    """Say what an upload at the end of a run came to, if there was one; its exit code."""
    if report is None:
        return 0
    if not shell.as_json:
        tell_upload(report)
        say(upload_line(report))
    return report.exit_code
