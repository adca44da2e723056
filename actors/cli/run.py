"""Commands that plan and run: plan, run, retry."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actors.cli.completion import assets
from actors.cli.explain import show_explanation
from actors.cli.grammar import TWINS, Command, examples
from actors.cli.options import (
    AddressOption,
    ComputeOption,
    Isolation,
    LocalOption,
    SelectOption,
    SinceOption,
    UntilOption,
    WorkersOption,
)
from actors.cli.progress import Meter
from actors.cli.shell import EXIT_WITH_FINDINGS, SHOWN, Shell, of, rest, say, settings_error
from actors.cli.skipping import say_skipped
from actors.cli.upload import show_upload
from actors.slowest import named
from actors.wording import counted, told

if TYPE_CHECKING:
    from actors.report import RunReport
    from twins import Plan


PLAN_EXAMPLES = examples(
    "plan", "plan --select 'asset:EV-0*,reason:late_events' --out plan.json", "plan --explain EV-07"
)
RUN_EXAMPLES = examples(
    "run --local",
    "run --select model:eq_cycles --address auto",
    "run --compute-type manual --from 2026-01-01 --to 2026-02-01",
)
RETRY_EXAMPLES = examples("retry", "retry --select asset:EV-07")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(cls=Command, rich_help_panel=TWINS, epilog=PLAN_EXAMPLES)(plan)
    app.command(cls=Command, rich_help_panel=TWINS, epilog=RUN_EXAMPLES)(run)
    app.command(cls=Command, rich_help_panel=TWINS, epilog=RETRY_EXAMPLES)(retry)


def plan(
    context: typer.Context,
    select: SelectOption = None,
    compute_type: ComputeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    explain: Annotated[
        str | None, typer.Option(metavar="ASSET", help="All that differs, for one asset.", autocompletion=assets)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write the plan as JSON, for run --plan.")
    ] = None,
) -> None:
    """What would run, from where, why, and how many events."""
    shell = of(context)
    if explain is not None:
        show_explanation(shell, shell.fleet().explain(explain))
        return
    found = shell.fleet().plan(select, compute_type, since=since, until=until)
    from actors.plan_file import plan_document

    # Of a large fleet's plan the document takes longer than the plan: it is made only where it is asked for.
    document = plan_document(found, None if shell.as_json or out is not None else SHOWN)
    if out is not None:
        out.write_text(json.dumps(document, indent=1) + "\n")
    pairs = len(found.items)
    if not shell.as_json and pairs:
        events = sum(item.events for item in found.items)
        each = " (each counted once for each of its models)" if len({item.model for item in found.items}) > 1 else ""
        counts = f"{counted(pairs, 'pair')}, about {events:,} events{each}"
        say(f"settings {found.settings}, sequence {found.seq}: {counts}")
    columns = ("asset_id", "model", "reasons", "from", "to", "days", "events")
    rows = [item | {"days": round(item["days"], 1)} for item in document["items"][:SHOWN]]
    shell.table(document, rows, columns, "up to date")
    if not shell.as_json:
        rest(pairs)
        for warning in found.warnings:
            say(f"warning: {warning}")
        say_skipped(found.skipped)
        for blocked in document["blocked"][:SHOWN]:
            say(f"blocked: {blocked['asset_id']} {blocked['model']}: waits for {blocked['by']}, which is parked")
        rest(len(document["blocked"]))


def run(
    context: typer.Context,
    select: SelectOption = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Execute exactly this plan, written by plan --out.")
    ] = None,
    compute_type: ComputeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    isolation: Annotated[
        Isolation, typer.Option(help="process: one Ray actor process per asset.")
    ] = Isolation.HOSTED,
    local: LocalOption = False,
) -> None:
    """Bring the twins up to date: execute the plan on Ray, or in-process with --local."""
    if plan is not None and (select or compute_type or since or until):
        raise settings_error("--plan says what to run", "Drop --select, --compute-type, --from and --to")
    asked = {"compute_type": compute_type, "since": since, "until": until, "plan": plan, "isolation": isolation}
    _run(of(context), select, asked, address, workers, local)


def retry(
    context: typer.Context,
    select: SelectOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    local: LocalOption = False,
) -> None:
    """Run parked pairs again, from their last good head."""
    _run(of(context), select, {"compute_type": "retry"}, address, workers, local)


def _run(
    shell: Shell, select: str | None, asked: dict[str, Any], address: str | None, workers: int | None, local: bool
) -> None:
    skipped: list[dict[str, str]] = []

    def on_plan(found: "Plan") -> None:
        skipped.extend(s._asdict() for s in found.skipped)
        if not shell.as_json:
            where = "in this process" if local else f"on Ray ({address or 'this machine'})"
            pairs = f"{counted(len(found.items), 'pair')} to run {where}, {len(skipped):,} skipped"
            say(f"settings {found.settings}: {pairs}")
            say_skipped(found.skipped)

    with Meter(quiet=shell.as_json) as meter:
        report = shell.fleet().run(
            select, **asked, local=local, address=address, workers=workers, on_plan=on_plan, on_progress=meter.show
        )
    _report(shell, report, skipped)
    found = EXIT_WITH_FINDINGS * bool(report.parked or report.broken)
    raise typer.Exit(max(found, show_upload(shell, report.upload)))


def _report(shell: Shell, report: "RunReport", skipped: list[dict[str, str]]) -> None:
    parked, blocked = (
        [{"asset_id": a, "model": m, "error": e} for a, m, e in found] for found in (report.parked, report.blocked)
    )
    document = {
        **{name: getattr(report, name) for name in ("run_id", "seq", "pairs", "events_replayed", "remaining")},
        "parked": parked,
        "blocked": blocked,
        "skipped": skipped,
        "warnings": report.warnings,
        "broken": list(report.broken),
        "dashboards": report.dashboards,
        "seconds": round(report.seconds, 3),
        "slowest": [{"asset_id": a, "seconds": round(s, 3)} for s, a in report.slowest.top],
    } | ({} if report.upload is None else {"upload": report.upload.document()})
    if not shell.as_json:
        for warning in report.warnings[:SHOWN]:
            say(f"warning: {warning}")
        rest(len(report.warnings))
        for word, pairs in (("parked", parked), ("blocked", blocked)):
            for pair in pairs[:SHOWN]:
                say(f"{word}: {pair['asset_id']} {pair['model']}: {pair['error']}")
            rest(len(pairs))
        if report.remaining:
            say(f"unfinished: {counted(report.remaining, 'pair')} with more to replay; run again to go on")
        if report.dashboards:
            say(f"debug_mode: {counted(len(report.dashboards), 'page')} in {Path(report.dashboards[0]).parent}")
        if slow := report.slowest.outstanding():
            say(f"slowest: {named(slow)} (all {told(report.slowest.seconds)})")
    rate = report.events_replayed / max(report.seconds, 1e-9)
    counts = f"{counted(report.pairs, 'pair')}, {counted(report.events_replayed, 'event')}"
    took = f"in {told(report.seconds)} ({rate:,.0f}/s)"
    shell.show(document, [f"run {report.run_id}: {counts} {took}, {len(parked):,} parked"])
