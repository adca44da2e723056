"""Commands that look: state, status, digest."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import typer

from actors.cli.grammar import RESULTS, Command, examples
from actors.cli.options import AssetArgument, PairsOption
from actors.cli.shell import cell, cut, of
from actors.wording import counted, told


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
            lines.append(cut(f"    state {cell(entry['state'])}"))
    shell.show(found, lines)


def status(context: typer.Context) -> None:
    """Heads, lag, parked pairs, last run, age of the published copy."""
    shell = of(context)
    found = shell.fleet().status()
    shell.show(found, _status_lines(found))


def _status_lines(found: dict[str, Any]) -> Iterator[str]:
    age = found["published_age_s"]
    said = {
        "assets": f"{found['assets']:,}",
        "events": f"{found['events']:,}",
        "head": cell(found["head"]) or "none yet",
        "lag": told(found["lag_s"]) if found["lag_s"] else "none",
        "parked": f"{found['parked']:,}",
        "blocked": f"{found['blocked']:,}",
        "published": "never" if age is None else f"{told(age)} ago",
        "last run": _last_run(found["last_run"]),
    }
    yield from (f"{name:10} {value}" for name, value in said.items())
    yield from (f"parked: {pair['asset_id']} {pair['model']}: {pair['error']}" for pair in found["parked_pairs"])


def _last_run(run: dict[str, Any] | None) -> str:
    if run is None:
        return "none yet"
    ended = run["ended_at"]
    took = (
        f" in {told((ended - run['started_at']).total_seconds())}, ended {cell(ended.replace(microsecond=0))}"
        if ended
        else ""
    )
    counts = f"{counted(run['pairs'], 'pair')}, {counted(run['events_replayed'], 'event')}"
    return f"{run['run_id']} {run['status']}: {counts}{took}"


def digest(
    context: typer.Context,
    select: PairsOption = None,
) -> None:
    """One hash of all outputs, records and states: equal results have equal digests."""
    shell = of(context)
    found = shell.fleet().digest(select)
    shell.show({"digest": found}, [found])
