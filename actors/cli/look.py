"""Commands that look: state, status, sql, digest."""

import sys
from typing import Annotated

import duckdb
import typer

from actors.cli.shell import Shell, cell, of
from altergo_interface import SelectionError
from event_store.object_store import own_errors


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(state)
    app.command()(status)
    app.command()(sql)
    app.command()(digest)


def state(
    context: typer.Context,
    asset: Annotated[str, typer.Argument(help="The asset's id.")],
    at: Annotated[str | None, typer.Option(help="From the events before this time.")] = None,
    known_at: Annotated[str | None, typer.Option(help="As known at a sequence, or at a time of ingest.")] = None,
) -> None:
    """The twin's state as the last run or live round left it; with --at or --known-at, by today's models."""
    shell = of(context)
    found = shell.fleet().state(asset, at, known_at)
    lines = [f"{asset} as of {cell(found['as_of'])}, sequence {found['seq']}"]
    for name, entry in found["models"].items():
        lines.append(f"  {name} [{entry['status']}] {entry.get('error') or entry.get('missing') or ''}".rstrip())
        lines += [f"    {output} = {cell(value)}" for output, value in entry["outputs"].items()]
        if entry["state"] is not None:
            lines.append(f"    state {cell(entry['state'])}")
    shell.show(found, lines)


def status(context: typer.Context) -> None:
    """Heads, lag, parked pairs, last run, age of the published copy."""
    shell = of(context)
    found = shell.fleet().status()
    lines = [f"{key:16} {cell(value)}" for key, value in found.items() if key not in ("last_run", "parked_pairs")]
    run = found["last_run"]
    if run is not None:
        lines.append(f"{'last_run':16} {run['run_id']} {run['status']} {cell(run['ended_at'])}, {run['pairs']} pairs")
    lines += [f"parked           {p['asset_id']} {p['model']}: {p['error']}" for p in found["parked_pairs"]]
    shell.show(found, lines)


def sql(
    context: typer.Context,
    query: Annotated[str | None, typer.Argument(help="SQL over the views; a prompt without it.")] = None,
) -> None:
    """Read-only SQL over the published copy: assets, events, outputs, latest_outputs, twin_state, records, ..."""
    shell = of(context)
    if query is not None:
        _query(shell, query)
        return
    if not sys.stdin.isatty():
        _query(shell, sys.stdin.read())
        return
    while True:
        try:
            line = input("twins> ").strip()
        except EOFError:
            return
        if line in ("exit", "quit", ".exit", ".quit"):
            return
        if line:
            try:
                _query(shell, line)
            except SelectionError as error:
                sys.stderr.write(f"error: {error}\n")


def _query(shell: Shell, query: str) -> None:
    try:
        with own_errors():
            found = shell.fleet().sql(query)
            columns = list(found.columns) if found is not None else []
            rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()] if found is not None else []
    except duckdb.Error as error:
        what = f"SQL: {' '.join(str(error).split())}".rstrip("!.")
        raise SelectionError(what, "The views are read-only; `show tables` lists them") from error
    shell.table(rows, rows, columns, "no rows")


def digest(
    context: typer.Context,
    select: Annotated[str | None, typer.Option(help="asset:GLOB, model:NAME; commas.")] = None,
) -> None:
    """One hash of all outputs, records and states: equal results have equal digests."""
    shell = of(context)
    found = shell.fleet().digest(select)
    shell.show({"digest": found}, [found])
