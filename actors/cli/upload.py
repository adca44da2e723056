"""The command that sends results to a platform."""

from typing import TYPE_CHECKING, Annotated

import typer

from actors.cli.grammar import RESULTS, Command, examples
from actors.cli.options import PairsOption
from actors.cli.progress import UploadMeter
from actors.cli.shell import SHOWN, Shell, of, rest, say

if TYPE_CHECKING:
    from actors.upload_report import UploadReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("upload --dry-run --gateway file:out", "upload --select 'asset:EV-0*'")
    app.command(cls=Command, rich_help_panel=RESULTS, epilog=epilog)(upload)


def upload(
    context: typer.Context,
    select: PairsOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be sent.")] = False,
    gateway: Annotated[
        str | None, typer.Option(metavar="GATEWAY", help="file:DIR or another (default: the settings').")
    ] = None,
) -> None:
    """Send a platform what changed since the last upload: new, restated and withdrawn points of all outputs."""
    shell = of(context)
    with UploadMeter(quiet=shell.as_json) as meter:
        report = shell.fleet().upload(gateway, select, dry_run=dry_run, on_progress=meter.show)
    if not shell.as_json:
        _tell(report)
    if report.changes:
        rows = [change.document() for change in report.changes[:SHOWN]]
        shell.table(report.document(), rows, tuple(rows[0]), "")
        if not shell.as_json:
            rest(len(report.changes))
    else:
        shell.show(report.document(), [report.line])
    raise typer.Exit(report.exit_code)


def show_upload(shell: Shell, report: "UploadReport | None") -> int:
    """Say what an upload at the end of a run came to, if there was one; its exit code."""
    if report is None:
        return 0
    if not shell.as_json:
        _tell(report)
        say(report.line)
    return report.exit_code


def _tell(report: "UploadReport") -> None:
    for message in report.messages():
        say(message)
