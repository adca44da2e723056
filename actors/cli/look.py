"""Commands that look: state, status, digest."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import typer

from actors.cli.grammar import RESULTS, Command, examples
from actors.cli.options import AssetArgument, PairsOption
from actors.cli.shell import Shell, cell, cut, of, plain
from actors.cli.skipping import lacking
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
    full: Annotated[bool, typer.Option("--full", help="Print what the models carry, too.")] = False,
) -> None:
    """The twin's state as the last run or live round left it; with --at or --known-at, by today's models."""
    shell = of(context)
    found = shell.fleet().state(asset, at, known_at)
    shell.show(found, () if shell.as_json else _state_lines(shell, found, full))


def _state_lines(shell: Shell, found: dict[str, Any], full: bool) -> Iterator[str]:
    registry = shell.fleet().registry(tell=False)
    yield f"{found['asset_id']} as of {cell(found['as_of'])}, sequence {found['seq']}"
    for name, entry in found["models"].items():
        told = lacking(entry["missing"]) if "missing" in entry else entry.get("error") or ""
        yield f"  {name} [{entry['status']}] {told}".rstrip()
        declared = registry[name].manifest.outputs if name in registry else {}
        for output, value in entry["outputs"].items():
            unit = declared[output].unit if output in declared else None
            said = "unknown" if plain(value) is None else f"{cell(value)} {unit or ''}".rstrip()
            yield f"    {output} = {said}"
        if full and entry["state"] is not None:
            yield cut(f"    state {cell(entry['state'])}")
    if not full and any(entry["state"] is not None for entry in found["models"].values()):
        yield "--full prints what the models carry, too"


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
