"""The command that keeps twins alive: live."""

import json
import sys
from typing import Annotated, Any

import typer

from actors.cli.run import Isolation
from actors.cli.shell import Shell, of, say
from actors.live import LiveHooks
from actors.live_awake import IDLE_S
from actors.report import RunReport
from actors.times import iso
from event_store.records import Version
from twins import Plan


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(live)


def live(
    context: typer.Context,
    select: Annotated[str | None, typer.Option(help="asset:GLOB, model:NAME; commas.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Print every new record version, a line each.")] = False,
    idle_s: Annotated[float, typer.Option(min=0, help="Twins without events for so long leave memory.")] = IDLE_S,
    address: Annotated[str | None, typer.Option(help="A Ray cluster, or auto (default: this machine).")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Hosts (default: one per CPU).")] = None,
    isolation: Annotated[
        Isolation, typer.Option(help="process: one Ray actor process per twin that is awake.")
    ] = Isolation.HOSTED,
    local: Annotated[bool, typer.Option("--local", help="In this process, without Ray.")] = False,
) -> None:
    """Follow the log with long-lived twins until Ctrl-C: what another process ingests is folded within a second."""
    shell = of(context)
    hooks = LiveHooks(
        on_plan=lambda plan: _plan(shell, plan),
        on_round=lambda report: _round(shell, report),
        on_record=(lambda version: _record(shell, version)) if follow else None,
        on_ready=lambda seq: _ready(shell, seq),
    )
    where: dict[str, Any] = {"local": local, "address": address, "workers": workers, "isolation": isolation}
    shell.fleet().live(select, **where, idle_s=idle_s, hooks=hooks)


def _plan(shell: Shell, plan: Plan) -> None:
    if not shell.as_json:
        say(f"settings {plan.settings}: {len(plan.items)} pairs to catch up, {len(plan.skipped)} skipped")


def _ready(shell: Shell, seq: int) -> None:
    if not shell.as_json:
        say(f"following the log from sequence {seq} on; Ctrl-C ends it")


def _round(shell: Shell, report: RunReport) -> None:
    if not shell.as_json:
        for warning in report.warnings:
            say(f"warning: {warning}")
        for asset, model, error in report.parked:
            say(f"parked: {asset} {model}: {error}")


def _record(shell: Shell, version: Version) -> None:
    """One line, at once, in the columns of the view `records`."""
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
