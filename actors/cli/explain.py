"""Shows why the pairs of an asset would run: reasons, and everything that differs from their last good state."""

from collections.abc import Iterator
from typing import Any

from actors.cli.shell import Shell, cell
from actors.cli.skipping import lacking


def show_explanation(shell: Shell, found: dict[str, Any]) -> None:
    """The explanation as text, or as its JSON document."""
    shell.show(found, _lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['asset_id']} at sequence {found['seq']}, settings {found['settings']}"
    for name, entry in found["models"].items():
        yield f"  {name} [{entry['status']}]: {', '.join(entry['reasons']) or _quiet(entry)}"
        yield from (f"    {line}" for line in _details(entry))


def _quiet(entry: dict[str, Any]) -> str:
    if entry.get("missing"):
        return lacking(entry["missing"])
    if entry.get("blocked_by"):
        return f"waits for {entry['blocked_by']}, which is parked"
    return (
        "parked until it is retried or what it was tried with changes"
        if entry["status"] == "parked"
        else "up to date"
    )


def _details(entry: dict[str, Any]) -> Iterator[str]:
    if entry["reasons"]:
        since = entry["snapshot"] or "the first event"
        yield f"replays about {entry['events']:,} events from {since}"
    for part in entry.get("differences", ()):
        yield f"{part['part']} {part['key']}: {cell(part['was']) or '-'} → {cell(part['now']) or '-'}"
    for name, change in entry.get("switched", {}).items():
        yield f"input {name}: fed by {change['was']} → {change['now']}"
    for arrival in entry.get("arrivals", ()):
        yield f"batch {arrival['seq']}: {arrival['events']:,} events changed, {arrival['from']} to {arrival['to']}"
    for parameter in entry.get("parameters", ()):
        since = f" from {parameter['valid_from']} on" if parameter["valid_from"] else ""
        yield f"parameter {parameter['name']} = {cell(parameter['value'])}{since}"
