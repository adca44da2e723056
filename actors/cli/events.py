"""Commands around the event log: ingest, batches, sensors."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actors.cli.grammar import DATA, Command, Group, examples
from actors.cli.shell import EXIT_WITH_FINDINGS, SHOWN, Shell, of, say
from actors.wording import counted

if TYPE_CHECKING:
    from event_store.ingest.batch import IngestReport

batches_app = typer.Typer(cls=Group, help="Ingest batches.", no_args_is_help=True)

INGEST_EXAMPLES = examples(
    "ingest events.parquet",
    "ingest export.csv --tz Europe/Berlin --wide --dry-run",
    "ingest bms.csv --mapping mapping.json",
)
SENSOR_EXAMPLES = examples("sensors", "sensors --suggest --out altergo-settings.json")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(cls=Command, rich_help_panel=DATA, epilog=INGEST_EXAMPLES)(ingest)
    app.command(cls=Command, rich_help_panel=DATA, epilog=SENSOR_EXAMPLES)(sensors)
    app.add_typer(batches_app, name="batches", rich_help_panel=DATA)


def ingest(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Parquet, CSV or CSV.gz files.")],
    wide: Annotated[bool | None, typer.Option("--wide", help="One column per sensor.")] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON file that says how to read the files.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="A column by another name, e.g. ts=Zeit; repeatable."),
    ] = None,
    tz: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Zone of stamps without one, e.g. Europe/Berlin.")
    ] = None,
    ts_format: Annotated[str | None, typer.Option(metavar="FORMAT", help="strptime format of the stamps.")] = None,
    ts_unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="Unit of epoch stamps: s, ms, us or ns.")
    ] = None,
    ts_range: Annotated[str | None, typer.Option(metavar="FROM..TO", help="Plausible times.")] = None,
    max_future: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How far ahead a stamp may be: 1d, 36h, 90s.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(metavar="TEXT", help="Of CSV cells.")] = None,
    decimal: Annotated[str | None, typer.Option(metavar="TEXT", help="Decimal mark of CSV cells.")] = None,
    asset: Annotated[str | None, typer.Option(metavar="ASSET", help="The asset of every row.")] = None,
    asset_from_name: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Regex on the file's name that gives the asset.")
    ] = None,
    retract: Annotated[
        bool, typer.Option("--retract", help="The rows name keys to delete; no values needed.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Ingest a known file once more.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
) -> None:
    """Append events to the log. Broken rows go to quarantine, known files are skipped.

    All about files, mappings and quarantine: documentation/how-to/ingest.md
    """
    from event_store.ingest import ParseOptions

    shell = of(context)
    options = ParseOptions.load(
        mapping,
        wide=wide,
        columns=dict(_pair(text) for text in column) if column else None,
        tz=tz,
        ts_format=ts_format,
        ts_unit=ts_unit,
        ts_range=tuple(ts_range.split("..", 1)) if ts_range else None,
        max_future_s=_seconds(max_future) if max_future else None,
        delimiter=delimiter,
        decimal=decimal,
        asset=asset,
        asset_from_name=asset_from_name,
        retract=retract or None,
    )
    fleet = shell.fleet()
    reports = []
    fleet.check_files(files, options)
    try:
        for path in files:
            reports.append(fleet.ingest(path, options, again=again, dry_run=dry_run))
            _describe(shell, reports[-1], dry_run, retract)
    finally:
        if reports and not dry_run:  # what came before an interruption is in the log
            fleet.publish()
    shell.show(_document(reports, dry_run))
    if any(report.quarantined for report in reports):
        raise typer.Exit(EXIT_WITH_FINDINGS)


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--column {text}: not OURS=THEIRS")
    return ours, theirs


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h|d)?", text)
    if not found:
        raise typer.BadParameter(f"--max-future {text}: not a duration such as 1d, 36h or 90s")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2] or "s"]


def _document(reports: "list[IngestReport]", dry_run: bool) -> dict[str, Any]:
    files = [
        {
            "file": r.file,
            "batch": r.batch,
            "appended": r.appended,
            "duplicates": r.duplicates,
            "late": r.late,
            "quarantined": r.quarantined,
            "retracted": r.retracted,
            "known": r.known,
            "reasons": dict(r.reasons),
        }
        for r in reports
    ]
    keys = ("appended", "duplicates", "late", "quarantined", "retracted")
    totals = {key: sum(getattr(r, key) for r in reports) for key in keys}
    return {"batch": reports[0].batch if len(reports) == 1 else None, **totals, "dry_run": dry_run, "files": files}


def _describe(shell: Shell, report: "IngestReport", dry_run: bool, retract: bool) -> None:
    if shell.as_json:
        return
    if report.known:
        say(f"{report.file}: known batch {report.batch}, skipped (--again ingests it once more)")
        return
    if retract:
        verb = "would delete" if dry_run else "deleted"
        say(f"{report.file}: {verb} {counted(report.retracted, 'event')}, {report.duplicates:,} not there")
        return
    verb = "would append" if dry_run else "appended"
    counts = f"{counted(report.duplicates, 'duplicate')}, {report.late:,} late, {report.quarantined:,} quarantined"
    say(f"{report.file}: {verb} {counted(report.appended, 'event')}, {counts}")
    for reason, count in report.reasons:
        say(f"  quarantine: {count:,} × {reason}")
    if report.reasons and not dry_run:
        say('  look at them: twins sql "select row, reason, raw from quarantine"')


@batches_app.command("list", cls=Command, epilog=examples("batches list"))
def list_batches(context: typer.Context) -> None:
    """Ingest batches in the order of their sequence."""
    shell = of(context)
    rows = shell.fleet().batches()
    columns = (
        *("seq", "batch", "kind", "file", "ingested_at", "appended", "duplicates", "late", "quarantined"),
        "retracted_by",
    )
    shell.table(rows, rows, columns, "no batches")


@batches_app.command("retract", cls=Command, epilog=examples("batches retract 3f2a91c0"))
def retract_batch(
    context: typer.Context,
    batch: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")],
) -> None:
    """Undo one batch: its rows stay in the log and count no more."""
    shell = of(context)
    fleet = shell.fleet()
    report = fleet.retract(batch)
    fleet.publish()
    counts = f"{counted(report.changed, 'key')} of {counted(report.assets, 'asset')} have another value, or none, now"
    shell.show(asdict(report), [f"{report.file} (batch {report.batch}) is retracted: {counts}"])


def sensors(
    context: typer.Context,
    suggest: Annotated[bool, typer.Option("--suggest", help="Draft settings from names and ranges.")] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write the draft to a file.")
    ] = None,
) -> None:
    """Each sensor's unit, range, cadence and gaps, and the inputs that it feeds."""
    shell = of(context)
    rows = shell.fleet().sensors()
    if suggest:
        from actors.suggest import doubts, suggest_settings

        draft = json.dumps(suggest_settings(rows), indent=2, ensure_ascii=False)
        say("drafted from names and ranges: check every unit and sign before you use it")
        signs, unknown = doubts(rows)
        if signs:
            say(f"check the sign of: {', '.join(signs)} (is discharge positive, as assumed?)")
        if unknown:
            shown = ", ".join(unknown[:SHOWN]) + (f" and {len(unknown) - SHOWN:,} more" if unknown[SHOWN:] else "")
            say(f"not recognised, declare their units yourself: {shown}")
        if out is None:
            typer.echo(draft)
        else:
            out.write_text(draft + "\n", encoding="utf-8")
        return
    columns = ("sensor", "unit", "assets", "events", "min_value", "max_value", "median_interval_s", "gaps", "feeds")
    shell.table(rows, rows, columns, "no sensors")
