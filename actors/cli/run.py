"""Commands that plan and run: plan, run, retry, replay."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from actors.cli.explain import show_explanation
from actors.cli.progress import Meter
from actors.cli.shell import EXIT_WITH_FINDINGS, SHOWN, Shell, cell, of, rest, say
from actors.cli.upload import show_upload
from actors.plan_file import plan_document
from actors.report import RunReport
from actors.slowest import named
from actors.times import iso
from actors.twin_view import TwinReplay
from altergo_interface import SettingsError
from twins import Plan


class Isolation(StrEnum):
    """Where a twin actor lives during a run."""

    HOSTED = "hosted"
    PROCESS = "process"


class ComputeType(StrEnum):
    """What of the history to compute."""

    INCREMENTAL = "incremental"
    FULL = "full"
    MANUAL = "manual"


ComputeOption = Annotated[ComputeType | None, typer.Option(help="Default: the settings'.")]
SinceOption = Annotated[str | None, typer.Option("--from", help="With --compute-type manual: restate from here.")]
UntilOption = Annotated[str | None, typer.Option("--to", help="With --compute-type manual: up to here.")]
SelectOption = Annotated[str | None, typer.Option(help="asset:GLOB, model:NAME, reason:NAME, status:NAME; commas.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(plan)
    app.command()(run)
    app.command()(retry)
    app.command()(replay)


def plan(
    context: typer.Context,
    select: SelectOption = None,
    compute_type: ComputeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    explain: Annotated[str | None, typer.Option(metavar="ASSET", help="All that differs, for one asset.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the plan as JSON, for run --plan.")] = None,
) -> None:
    """What would run, from where, why, and how many events."""
    shell = of(context)
    if explain is not None:
        show_explanation(shell, shell.fleet().explain(explain))
        return
    found = shell.fleet().plan(select, compute_type, since=since, until=until)
    # Of a large fleet's plan the document takes longer than the plan: it is made only where it is asked for.
    document = plan_document(found, None if shell.as_json or out is not None else SHOWN)
    if out is not None:
        out.write_text(json.dumps(document, indent=1) + "\n")
    pairs = len(found.items)
    if not shell.as_json and pairs:
        events = sum(item.events for item in found.items)
        say(f"settings {found.settings}, sequence {found.seq}: {pairs} pairs, about {events:,} events")
    columns = ("asset_id", "model", "reasons", "from", "to", "days", "events")
    shell.table(document, document["items"][:SHOWN], columns, "up to date")
    if not shell.as_json:
        rest(pairs)
        for warning in found.warnings:
            say(f"warning: {warning}")
        for skipped in document["skipped"][:SHOWN]:
            say(f"skipped {skipped['asset_id']} {skipped['model']}: no {skipped['missing']}")
        rest(len(document["skipped"]))
        for blocked in document["blocked"][:SHOWN]:
            say(f"blocked {blocked['asset_id']} {blocked['model']}: waits for {blocked['by']}, which is parked")
        rest(len(document["blocked"]))


def run(
    context: typer.Context,
    select: SelectOption = None,
    plan: Annotated[Path | None, typer.Option(help="Execute exactly this plan, written by plan --out.")] = None,
    compute_type: ComputeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    address: Annotated[str | None, typer.Option(help="A Ray cluster, or auto (default: this machine).")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Hosts (default: one per CPU).")] = None,
    isolation: Annotated[
        Isolation, typer.Option(help="process: one Ray actor process per asset.")
    ] = Isolation.HOSTED,
    local: Annotated[bool, typer.Option("--local", help="In this process, without Ray.")] = False,
) -> None:
    """Bring the twins up to date: execute the plan on Ray, or in-process with --local."""
    if plan is not None and (select or compute_type or since or until):
        raise SettingsError("--plan says what to run", "Drop --select, --compute-type, --from and --to")
    asked = {"compute_type": compute_type, "since": since, "until": until, "plan": plan, "isolation": isolation}
    _run(of(context), select, asked, address, workers, local)


def retry(
    context: typer.Context,
    select: SelectOption = None,
    address: Annotated[str | None, typer.Option(help="A Ray cluster, or auto (default: this machine).")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Hosts (default: one per CPU).")] = None,
    local: Annotated[bool, typer.Option("--local", help="In this process, without Ray.")] = False,
) -> None:
    """Run parked pairs again, from their last good head."""
    _run(of(context), select, {"compute_type": "retry"}, address, workers, local)


def _run(
    shell: Shell, select: str | None, asked: dict[str, Any], address: str | None, workers: int | None, local: bool
) -> None:
    skipped: list[dict[str, str]] = []

    def on_plan(found: Plan) -> None:
        skipped.extend(s._asdict() for s in found.skipped)
        if not shell.as_json:
            where = "in this process" if local else f"on Ray ({address or 'this machine'})"
            say(f"settings {found.settings}: {len(found.items)} pairs to run {where}, {len(skipped)} skipped")

    with Meter(quiet=shell.as_json) as meter:
        report = shell.fleet().run(
            select, **asked, local=local, address=address, workers=workers, on_plan=on_plan, on_progress=meter.show
        )
    _report(shell, report, skipped)
    found = EXIT_WITH_FINDINGS * bool(report.parked or report.broken)
    raise typer.Exit(max(found, show_upload(shell, report.upload)))


def _report(shell: Shell, report: RunReport, skipped: list[dict[str, str]]) -> None:
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
            say(f"{report.remaining} pairs have more to replay: run again to go on")
        if report.dashboards:
            say(f"debug_mode: {len(report.dashboards)} pages in {Path(report.dashboards[0]).parent}")
        if slow := report.slowest.outstanding():
            say(f"slowest: {named(slow)} (all {report.slowest.seconds:.1f} s)")
    rate = report.events_replayed / max(report.seconds, 1e-9)
    line = f"run {report.run_id}: {report.pairs} pairs, {report.events_replayed:,} events in {report.seconds:.1f} s"
    shell.show(document, [f"{line} ({rate:,.0f}/s), {len(parked)} parked"])


def replay(
    context: typer.Context,
    asset: Annotated[str, typer.Argument(help="The asset's id.")],
    since: Annotated[str | None, typer.Option("--from", help="Outputs from this time on.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Events before this time.")] = None,
    override: Annotated[list[str] | None, typer.Option("--set", help="model.key=value; repeatable.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Outputs as .parquet or .csv.")] = None,
) -> None:
    """Replay one asset in-process from its first event; writes nothing to the store."""
    shell = of(context)
    if out is not None and out.suffix.lower() not in (".parquet", ".csv"):
        raise SettingsError(f"--out {out}: neither .parquet nor .csv", "Name a file that ends in one of them")
    overrides = dict(_override(text) for text in override or ())
    result = shell.fleet().twin(asset).replay(since, until, overrides)
    if out is not None:
        _write(result, out)
    shell.show(_replay_document(result), _replay_lines(result, out))
    if result.errors:
        raise typer.Exit(EXIT_WITH_FINDINGS)


def _override(text: str) -> tuple[str, Any]:
    path, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"--set {text}: not model.key=value", "For example --set eq_cycles.deadband_a=0.02")
    try:
        return path, json.loads(value)
    except ValueError:
        return path, value


def _replay_document(result: TwinReplay) -> dict[str, Any]:
    models: dict[str, Any] = {}
    for name, state in result.state.items():
        frame = result.outputs[name]
        latest = {str(column): frame[column].dropna().iloc[-1] for column in frame if frame[column].notna().any()}
        models[name] = {
            "state": state,
            "outputs": {key: x if isinstance(x, str) else float(x) for key, x in latest.items()},
            "status": "ok",
            "rows": len(frame),
            "records": len(result.records[name]),
        }
    models |= {
        name: {"state": None, "outputs": {}, "status": "parked", "error": e} for name, e in result.errors.items()
    }
    models |= {
        n: {"state": None, "outputs": {}, "status": "skipped", "missing": m} for n, m in result.skipped.items()
    }
    return {
        "asset_id": result.asset_id,
        "as_of": iso(result.as_of),
        "seq": result.seq,
        "events": result.events,
        "models": models,
    }


def _replay_lines(result: TwinReplay, out: Path | None) -> list[str]:
    lines = [f"{result.asset_id} as of {iso(result.as_of)}: {result.events:,} events"]
    for name, entry in _replay_document(result)["models"].items():
        outputs = ", ".join(f"{key} {cell(value)}" for key, value in entry["outputs"].items())
        detail = entry.get("error") or entry.get("missing") or f"{outputs}; {entry.get('records', 0)} records"
        lines.append(f"  {name} [{entry['status']}]: {detail}")
    return [*lines, f"outputs written to {out}"] if out is not None else lines


def _write(result: TwinReplay, out: Path) -> None:
    import pandas as pd  # a second to import: only a replay with outputs does so

    frames = [
        frame.melt(ignore_index=False, var_name="output").dropna().assign(model=model).reset_index()
        for model, frame in result.outputs.items()
        if len(frame)
    ]
    columns = ["ts", "model", "output", "value"]
    rows = pd.concat(frames)[columns] if frames else pd.DataFrame(columns=columns)
    words = rows["value"].map(lambda x: x if isinstance(x, str) else None)
    if words.notna().any():
        rows["value"] = pd.to_numeric(rows["value"].where(words.isna()))
        rows["label"] = words
    if out.suffix.lower() == ".csv":
        rows.to_csv(out, index=False)
    else:
        rows.to_parquet(out, index=False)
