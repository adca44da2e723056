"""A plan as a file: what was asked for, and which pairs it listed, pinned to a sequence and to their heads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from actors.times import iso, parse_time
from altergo_interface import PlanStale, SettingsError
from altergo_interface.config import Settings
from event_store.facts import Facts
from twins import Plan, PlanItem, Request

DAY_US = 86_400_000_000


def request_of(
    settings: Settings, compute_type: str | None, since: str | None = None, until: str | None = None
) -> Request:
    """What is asked for: the flags, else the settings. Raises SettingsError for a range without `manual`, and for
    `manual` without a range."""
    execution = settings.execution
    mode = compute_type or execution.compute_type
    if mode != "manual" and (since or until):
        raise SettingsError(
            f"--from and --to go with compute type 'manual', not '{mode}'", "Add --compute-type manual"
        )
    start = since or (execution.manual_start_date if mode == "manual" else "")
    end = until or (execution.manual_end_date if mode == "manual" else "")
    if mode == "manual" and not (start or end):
        raise SettingsError("compute type 'manual' has no range", "Give --from or --to, or manual_start_date")
    low = parse_time(start, "--from") if start else None
    high = parse_time(end, "--to") if end else None
    if low is not None and high is not None and low >= high:
        raise SettingsError(f"the manual range is empty: {start} is not before {end}", "Ranges are half-open")
    return Request(mode, low, high, execution.max_days_period_compute, named=compute_type is not None)


def plan_document(found: Plan, shown: int | None = None) -> dict[str, Any]:
    """A plan as JSON; of its pairs to run only the first `shown`, None: all."""
    request = found.request
    asked = {
        "compute_type": request.mode,
        "from": iso(request.since),
        "to": iso(request.until),
        "max_days": request.days,
        "named": request.named,
    }
    return {
        "seq": found.seq,
        "settings": found.settings,
        "request": asked,
        "items": [_item(item) for item in found.items[:shown]],
        "skipped": [s._asdict() for s in found.skipped],
        "blocked": [b._asdict() for b in found.blocked],
        "warnings": list(found.warnings),
    }


def _item(item: PlanItem) -> dict[str, Any]:
    return {
        "asset_id": item.asset_id,
        "model": item.model,
        "reasons": list(item.reasons),
        "from": iso(item.first_ts),
        "to": iso(item.last_ts),
        "days": round((item.last_ts - item.first_ts) / DAY_US, 3),
        "events": item.events,
        "snapshot": iso(item.start),
        "version": item.version,
        "fingerprint": item.fingerprint.value,
    }


@dataclass(frozen=True, slots=True)
class PlanFile:
    """What a plan file says: the request, the sequence, and each listed pair's version and fingerprint."""

    path: Path
    seq: int
    request: Request
    pairs: Mapping[tuple[str, str], tuple[int, str]]

    @classmethod
    def read(cls, path: Path) -> "PlanFile":
        """Read a file that `plan --out` has written. Raises SettingsError for anything else."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            asked = document["request"]
            low, high = (None if asked[k] is None else parse_time(asked[k], k) for k in ("from", "to"))
            request = Request(asked["compute_type"], low, high, asked["max_days"], asked["named"])
            items = document["items"]
            pairs = {(i["asset_id"], i["model"]): (int(i["version"]), str(i["fingerprint"])) for i in items}
            return cls(path, int(document["seq"]), request, pairs)
        except OSError as error:
            raise SettingsError(f"--plan {path}: {error.strerror}", "Check the path") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                f"--plan {path}: not a plan ({error!r})", "Write one with: twins plan --out"
            ) from error

    def chosen(self, now: Plan, facts: Facts) -> Plan:
        """The listed pairs of the plan as it is made now. Raises PlanStale naming the pairs that have moved."""
        items = {(item.asset_id, item.model): item for item in now.items}
        moved = [pair for pair in self.pairs if not self._stands(pair, items.get(pair), facts)]
        if moved:
            listed = ", ".join(f"{asset} {model}" for asset, model in moved[:5])
            more = f" and {len(moved) - 5} more" if len(moved) > 5 else ""
            what = f"--plan {self.path}: the head or fingerprint of {listed}{more} has moved since it was made"
            raise PlanStale(what, "Plan again")
        kept = tuple(item for pair, item in items.items() if pair in self.pairs)
        return replace(now, items=kept, skipped=(), blocked=())

    def _stands(self, pair: tuple[str, str], item: PlanItem | None, facts: Facts) -> bool:
        version, fingerprint = self.pairs[pair]
        head = facts.heads.get(pair[0], {}).get(pair[1])
        known = 0 if head is None else head.version
        return item is not None and known == version and item.fingerprint.value == fingerprint
