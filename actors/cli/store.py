"""Commands that keep a store in order: check, compact, collect garbage, upgrade."""

from dataclasses import asdict
from typing import Annotated

import typer

from actors.cli.grammar import DATA, UPKEEP, Command, Group, examples
from actors.cli.options import duration
from actors.cli.shell import EXIT_WITH_FINDINGS, SHOWN, of, rest
from actors.wording import counted, sized

store_app = typer.Typer(cls=Group, help="Integrity and housekeeping.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    epilog = examples("init", "init --segments s3://bucket/fleet")
    app.command(cls=Command, rich_help_panel=DATA, epilog=epilog)(init)
    app.add_typer(store_app, name="store", rich_help_panel=UPKEEP)


def init(
    context: typer.Context,
    segments: Annotated[
        str | None, typer.Option(metavar="URI", help="Where its segments shall lie: s3://bucket/prefix.")
    ] = None,
) -> None:
    """Make a new store. The first ingest does so by itself, with the segments in the store's folder."""
    shell = of(context)
    place = shell.fleet().init(segments)
    shell.show({"store": str(shell.store), "segments": place}, [f"{shell.store}: a new store, segments in {place}"])


@store_app.command("compact", cls=Command, epilog=examples("store compact", "store compact --all"))
def compact(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Every place with more than one segment.")] = False,
) -> None:
    """Merge small segments. Runs do so by themselves where a bucket and month have many."""
    shell = of(context)
    report = shell.fleet().compact(every)
    lines = [f"{counted(report.before, 'segment')} in {counted(report.places, 'place')} merged into {report.after:,}"]
    if report.masks:
        lines.append(f"{counted(report.masks, 'mask')} dropped: nothing was hidden by them any more")
    shell.show(asdict(report), [*lines, *([report.note] if report.note else [])])


@store_app.command("gc", cls=Command, epilog=examples("store gc --dry-run", "store gc --grace 1d"))
def gc(
    context: typer.Context,
    grace: Annotated[
        float, typer.Option(metavar="DURATION", parser=duration, help="Spare what is younger: 90s, 30m, 1h.")
    ] = "1h",  # type: ignore[assignment]
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Delete files that nothing names any more: replaced ones, and what killed processes have left."""
    shell = of(context)
    report = shell.fleet().gc(grace, dry_run)
    would = "would be " if dry_run else ""
    replaced, orphans = counted(report.garbage, "replaced file"), counted(report.orphans, "orphan")
    counts = f"{replaced}, {orphans} and {counted(report.drafts, 'draft')}"
    shell.show(asdict(report), [f"{counts} {would}deleted: {sized(report.bytes)}"])


@store_app.command("verify", cls=Command, epilog=examples("store verify --sample 100", "store verify --json"))
def verify(
    context: typer.Context,
    sample: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Count and replay so many assets and pairs.")
    ] = None,
) -> None:
    """Check every file, head and figure, and replay a sample of pairs."""
    shell = of(context)
    found = shell.fleet().verify(sample)
    lines = [
        f"{counted(found.segments, 'segment')}, {sized(found.bytes)}; {counted(found.orphans, 'orphan')}",
        f"{counted(found.assets, 'asset')} counted, {counted(found.pairs_replayed, 'pair')} replayed, "
        f"{len(found.skipped):,} skipped",
        *(f"skipped: {entry.where}: {entry.what}" for entry in found.skipped[:SHOWN]),
        *(f"FOUND: {finding.where}: {finding.what}" for finding in found.findings[:SHOWN]),
    ]
    shell.show(asdict(found), [*lines, *([] if found.findings else ["no damage found"])])
    rest(len(found.findings))
    if found.findings:
        raise typer.Exit(EXIT_WITH_FINDINGS)


@store_app.command("restore", cls=Command, epilog=examples("store restore --segments s3://bucket/fleet"))
def restore(
    context: typer.Context,
    segments: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Where they lie (default: what fleet.duckdb says, if it is left)."),
    ] = None,
) -> None:
    """Bring back a store whose disk was lost, from the newest backup beside its segments."""
    shell = of(context)
    report = shell.fleet().restore(segments)
    lines = [
        f"restored from {report.backup}, which names {report.segments:,} segments",
        *(f"MISSING: {path}" for path in report.missing[:SHOWN]),
    ]
    shell.show(asdict(report), lines)
    rest(len(report.missing))
    if report.missing:
        raise typer.Exit(EXIT_WITH_FINDINGS)


@store_app.command("upgrade", cls=Command, epilog=examples("store upgrade"))
def upgrade(context: typer.Context) -> None:
    """Bring a store of an older version to this engine's; the old catalog is kept beside it."""
    shell = of(context)
    report = shell.fleet().upgrade()
    if report.backups:
        line = f"schema version {report.was} upgraded to {report.now}; the old catalog: {', '.join(report.backups)}"
    else:
        line = f"schema version {report.now} is current: nothing to do"
    shell.show(asdict(report), [line])
