"""A plan as value types: what is asked for, the pairs to run, and those that are skipped or wait."""

from dataclasses import dataclass
from typing import NamedTuple

from altergo_interface.display import SHOWN, Displayed, Rows, Summary, counted
from altergo_interface.utils import iso
from twins.fingerprint import Fingerprint

REASONS = (
    *("retry", "full", "manual", "new_asset", "new_events", "late_events"),
    *("code_changed", "table_changed", "config_changed", "parameters_changed", "upstream_changed"),
)
"""In the order in which a plan names them."""

EVENTS = frozenset({"new_asset", "new_events", "late_events"})
"""Reasons that all pairs of an asset share."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    `mode` is `incremental`, `full` (from genesis), `retry` (parked pairs alone) or `manual` (the slots of
    [since, until), µs UTC); `named`: it was asked for by name, and no model's own setting overrides it. `days` is how
    much event time a pair may replay; what is left waits.
    """

    mode: str = "incremental"
    since: int | None = None
    until: int | None = None
    days: float | None = None
    named: bool = False


class PlanItem(NamedTuple):
    """One pair to run.

    Attributes:
        start: the edge of the snapshot to begin at (µs UTC); None: from genesis.
        head: the pair's head as planned (µs UTC); None: it has none.
        checks: edges and hashes of stored carries: meeting one of them ends the replay before `head`.
        stop: the edge at which a manual range ends; None: no end.
        events: how many events will be replayed, estimated where the replay may end early.
        first_ts, last_ts: the event time from `start` to the newest event.
        version: the head's version that this was planned from.
        through: where the last visited slot before `start` ended (µs UTC): new rows may be stamped from there on.
        above: the models whose outputs it takes.
    """

    asset_id: str
    model: str
    bucket: int
    reasons: tuple[str, ...]
    start: int | None
    first_ts: int
    last_ts: int
    events: int
    version: int
    fingerprint: Fingerprint
    head: int | None = None
    checks: tuple[tuple[int, str], ...] = ()
    stop: int | None = None
    through: int | None = None
    above: tuple[str, ...] = ()


class Skipped(NamedTuple):
    """A pair that cannot run because the asset lacks what the model needs: no error."""

    asset_id: str
    model: str
    missing: str


class Blocked(NamedTuple):
    """A pair that waits for a parked one whose output it takes."""

    asset_id: str
    model: str
    by: str


@dataclass(frozen=True, slots=True, repr=False)
class Plan(Displayed):
    """Everything that would run at log sequence `seq` under the settings of `source`."""

    seq: int
    settings: str
    items: tuple[PlanItem, ...]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    request: Request = Request()

    def _summary(self) -> Summary:
        """Its extent, and the first pairs with their reasons."""
        pairs = [f"{counted(len(self.items), 'pair')} to run"] if self.items else ["up to date"]
        if self.items:
            pairs.append(f"about {counted(sum(item.events for item in self.items), 'event')}")
        others = (("skipped", len(self.skipped)), ("blocked", len(self.blocked)))
        facts = [*pairs, *(f"{count:,} {name}" for name, count in others if count)]
        facts += [counted(len(self.warnings), "warning")] if self.warnings else []
        columns = ("asset_id", "model", "reasons", "from", "to", "events")
        rows = Rows(columns, [*map(_row, self.items[:SHOWN])], len(self.items))
        return Summary("Plan", [*facts, f"sequence {self.seq}"], rows)


def _row(item: PlanItem) -> tuple[object, ...]:
    reasons = ", ".join(item.reasons)
    return item.asset_id, item.model, reasons, iso(item.first_ts), iso(item.last_ts), item.events


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model under the settings in force, and what is asked of it. `whole`: it is always replayed from genesis."""

    name: str
    fingerprint: Fingerprint
    request: Request = Request()
    whole: bool = False
