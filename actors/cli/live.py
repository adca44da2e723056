"""The command that keeps twins alive: live."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actors.cli.grammar import TWINS, Command, examples
from actors.cli.options import AddressOption, Isolation, LocalOption, PairsOption, WorkersOption
from actors.cli.shell import Shell, of, say
from actors.wording import counted

if TYPE_CHECKING:
    from actors.report import RunReport
    from event_store.records import Version
    from twins import Plan


EXAMPLES = examples("live --follow", "live --local --select 'asset:EV-0*'")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, rich_help_panel=TWINS, epilog=EXAMPLES)(live)


def live(
    context: typer.Context,
    select: PairsOption = None,
    follow: Annotated[bool, typer.Option("--follow", help="Print every new record version, a line each.")] = False,
    idle_s: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0, help="Twins without events for so long leave memory (default: 900)."),
    ] = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    isolation: Annotated[
        Isolation, typer.Option(help="process: one Ray actor process per twin that is awake.")
    ] = Isolation.HOSTED,
    local: LocalOption = False,
) -> None:
    """Follow the log with long-lived twins until Ctrl-C: what another process ingests is folded within a second."""
    from actors.live import LiveHooks

    shell = of(context)
    hooks = LiveHooks(
        on_plan=lambda plan: _plan(shell, plan),
        on_round=lambda report: _round(shell, report),
        on_record=(lambda version: _record(shell, version)) if follow else None,
        on_ready=lambda seq: _ready(shell, seq),
    )
    where: dict[str, Any] = {"local": local, "address": address, "workers": workers, "isolation": isolation}
    if idle_s is not None:
        where["idle_s"] = idle_s
    shell.fleet().live(select, **where, hooks=hooks)


def _plan(shell: Shell, plan: "Plan") -> None:
    if not shell.as_json:
        say(
            f"settings {plan.settings}: {counted(len(plan.items), 'pair')} to catch up, {len(plan.skipped):,} skipped"
        )


def _ready(shell: Shell, seq: int) -> None:
    if not shell.as_json:
        say(f"following the log from sequence {seq} on; Ctrl-C ends it")


def _round(shell: Shell, report: "RunReport") -> None:
    if not shell.as_json:
        for warning in report.warnings:
            say(f"warning: {warning}")
        for asset, model, error in report.parked:
            say(f"parked: {asset} {model}: {error}")


def _record(shell: Shell, version: "Version") -> None:
    """One line, at once, in the columns of the view `records`."""
    from actors.times import iso

    found = version._asdict() | {"detail": json.loads(version.detail)}
    for stamp in ("started_at", "ended_at", "known_at"):
        found[stamp] = None if found[stamp] is None else iso(found[stamp])
    shell.show(found, [_line(found)])
    sys.stdout.flush()


def _line(found: dict[str, Any]) -> str:
    severity = {None: "", 1: " warning", 2: " critical"}.get(found["severity"], f" severity {found['severity']}")
    until = f" until {found['ended_at']}" if found["ended_at"] else ""
    what = " ".join(str(found[name]) for name in ("known_at", "asset_id", "model", "kind", "cell") if found[name])
    return f"{what}{severity} since {found['started_at']}{until}: {found['value']:.6g}"
