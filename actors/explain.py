"""Explaining a plan: for each pair of one asset its reasons, and every part that differs from its last good state."""

from dataclasses import asdict
from typing import Any

from actors.planning import Binder, Models
from actors.times import iso
from altergo_interface.config import Settings
from event_store.facts import Facts
from twins import AssetFacts, Binding, Head, Plan
from twins.fingerprint import differences


def explain(facts: Facts, models: Models, settings: Settings, plan: Plan, asset_id: str) -> dict[str, Any]:
    """The asset's pairs by model."""
    asset = facts.assets[asset_id]
    heads = facts.heads.get(asset_id, {})
    bindings = Binder(models, settings).bind(asset)
    items = {item.model: item for item in plan.items if item.asset_id == asset_id}
    found: dict[str, Any] = {}
    for name in models.specs:
        binding, head, item = bindings[name], heads.get(name), items.get(name)
        if not isinstance(binding, Binding):
            found[name] = {"status": "skipped", "missing": binding.what, "reasons": []}
            continue
        found[name] = {
            "status": "new" if head is None else head.status,
            "reasons": list(item.reasons) if item else [],
            "snapshot": iso(item.start) if item else None,
            "events": item.events if item else 0,
            "blocked_by": next((b.by for b in plan.blocked if b.asset_id == asset_id and b.model == name), None),
            "inputs": binding.choices,
            **(_against(asset, models, name, binding, head) if head is not None else {}),
        }
    return {"asset_id": asset_id, "seq": facts.seq, "settings": plan.settings, "models": found}


def _against(asset: AssetFacts, models: Models, name: str, binding: Binding, head: Head) -> dict[str, Any]:
    """What has changed since the state that the pair has, or since the attempt that parked it."""
    made, seq, choices = head.fingerprint, head.seq, head.choices
    if head.status == "parked" or made is None:
        made, seq, choices = head.tried, head.tried_seq, head.tried_choices
    arrivals = [a for a in asset.arrivals if a.seq > head.seq and a.changed]
    facts = [fact for fact in asset.parameters if fact.seq > seq and fact.name in set(binding.constants.values())]
    brought = [
        {"seq": a.seq, "events": a.changed, "from": iso(a.changed_from), "to": iso(a.changed_to)} for a in arrivals
    ]
    return {
        "head": iso(head.head),
        "as_of": iso(head.as_of),
        "seq": head.seq,
        "differences": [asdict(d) for d in differences(made, models.fingerprints[name])],
        "switched": {k: {"was": choices[k], "now": v} for k, v in binding.choices.items() if choices.get(k, v) != v},
        "arrivals": brought,
        "parameters": [{"name": f.name, "value": f.value, "valid_from": iso(f.valid_from)} for f in facts],
        "snapshots": [iso(rung.at) for rung in head.edges if rung.full],
    }
