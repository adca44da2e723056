"""The command that replays one asset."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actors.cli.completion import overrides
from actors.cli.grammar import TWINS, Command, examples
from actors.cli.options import AssetArgument
from actors.cli.shell import EXIT_WITH_FINDINGS, cell, of, settings_error
from actors.cli.skipping import lacking
from actors.wording import counted

if TYPE_CHECKING:
    from actors.twin_view import TwinReplay

EXAMPLES = examples(
    "replay EV-07",
    "replay EV-07 --set eq_cycles.deadband_a=0.5 --to 2026-02-01",
    "replay EV-07 --out outputs.parquet",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, rich_help_panel=TWINS, epilog=EXAMPLES)(replay)


def replay(
    context: typer.Context,
    asset: AssetArgument,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Outputs from this time on.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Events before this time.")] = None,
    override: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="MODEL.KEY=VALUE",
            help="A setting for this replay; repeatable.",
            autocompletion=overrides,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Outputs as .parquet or .csv.")
    ] = None,
) -> None:
    """Replay one asset in-process from its first event; writes nothing to the store."""
    shell = of(context)
    if out is not None and out.suffix.lower() not in (".parquet", ".csv"):
        raise settings_error(f"--out {out}: neither .parquet nor .csv", "Name a file that ends in one of them")
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
        raise settings_error(f"--set {text}: not model.key=value", "For example --set eq_cycles.deadband_a=0.02")
    try:
        return path, json.loads(value)
    except ValueError:
        return path, value


def _replay_document(result: "TwinReplay") -> dict[str, Any]:
    from actors.times import iso

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


def _replay_lines(result: "TwinReplay", out: Path | None) -> list[str]:
    document = _replay_document(result)
    lines = [f"{result.asset_id} as of {document['as_of']}: {counted(result.events, 'event')}"]
    for name, entry in document["models"].items():
        done = f"{counted(entry.get('rows', 0), 'row')} of outputs, {counted(entry.get('records', 0), 'record')}"
        told = lacking(entry["missing"]) if "missing" in entry else entry.get("error") or done
        lines.append(f"  {name} [{entry['status']}] {told}")
        lines += [f"    {output} = {cell(value)}" for output, value in entry["outputs"].items()]
    return [*lines, f"outputs written to {out}"] if out is not None else lines


def _write(result: "TwinReplay", out: Path) -> None:
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
