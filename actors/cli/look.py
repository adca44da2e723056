"""Commands that look: state, status, digest."""

from functools import partial
from typing import Annotated

import typer

from actors.cli.grammar import RESULTS, Command, examples
from actors.cli.options import AssetArgument, PairsOption
from actors.cli.shell import cell, of


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add = partial(app.command, cls=Command, rich_help_panel=RESULTS)
    add(epilog=examples("status", "status --json"))(status)
    add(epilog=examples("state EV-07", "state EV-07 --at 2026-01-31 --known-at 12"))(state)
    add(epilog=examples("digest", "digest --select model:eq_cycles"))(digest)


def state(
    context: typer.Context,
    asset: AssetArgument,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="From the events before this time.")] = None,
    known_at: Annotated[
        str | None, typer.Option(metavar="SEQ|TIME", help="As known at a sequence, or at a time of ingest.")
    ] = None,
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


def digest(
    context: typer.Context,
    select: PairsOption = None,
) -> None:
    """One hash of all outputs, records and states: equal results have equal digests."""
    shell = of(context)
    found = shell.fleet().digest(select)
    shell.show({"digest": found}, [found])
