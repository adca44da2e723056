"""Why a pair must run again: each change with its reason, and the event time that it concerns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from altergo_interface.parameters import SENSOR_OVERRIDES
from twins.binding import Binding, ParameterFact
from twins.facts import AssetFacts, Head
from twins.fingerprint import Fingerprint

GENESIS: int = -(2**63)
FOREVER: int = 2**63 - 1


class Change(NamedTuple):
    """A reason, and the event time [since, until] (µs UTC) in which what the pair would compute may differ."""

    reason: str
    since: int
    until: int = FOREVER


def changes(asset: AssetFacts, now: Fingerprint, binding: Binding, head: Head) -> list[Change]:
    """What differs from a pair's last good state, beside what happened to the models above it."""
    found = list(_arrived(asset, head))
    if head.fingerprint is not None:
        found += made_with(asset, now, binding, head.fingerprint, head.seq, head.choices)
    return found


def made_with(
    asset: AssetFacts,
    now: Fingerprint,
    binding: Binding,
    made: Fingerprint,
    seq: int,
    choices: Mapping[str, str],
) -> Iterator[Change]:
    """What differs from the code, settings and parameters that a pair was computed or tried with."""
    if made.value != now.value or choices != binding.choices:
        if made.code != now.code:
            yield Change("code_changed", GENESIS)
        if made.tables != now.tables:
            yield Change("table_changed", GENESIS)
        if made.config != now.config or _switched(binding.choices, choices):
            yield Change("config_changed", GENESIS)
        if made.upstream != now.upstream and binding.upstream:
            yield Change("upstream_changed", GENESIS)
    since = _parameters_differ(asset.parameters, binding, seq)
    if since is not None:
        yield Change("parameters_changed", since)


def _arrived(asset: AssetFacts, head: Head) -> Iterator[Change]:
    """Events that came or went since the pair's last good state; what is at or behind its head needs no rewind."""
    edge = head.head if head.head is not None else GENESIS
    fresh = False
    for seq, _, since, until in asset.arrivals:
        if seq <= head.seq or since is None or until is None:
            continue
        fresh = fresh or until >= edge
        if since < edge:
            yield Change("late_events", since, min(until, edge - 1))
    if head.head is not None and (asset.last_ts is None or asset.last_ts < edge):
        # What held the newest slots open is gone: the head itself moves back.
        yield Change("late_events", GENESIS if asset.last_ts is None else asset.last_ts)
        return
    behind = head.as_of is None or (asset.last_ts is not None and asset.last_ts > head.as_of)
    if fresh or (behind and asset.last_ts is not None):
        yield Change("new_events", FOREVER)


def _switched(now: Mapping[str, str], before: Mapping[str, str]) -> bool:
    """Whether an input that was fed by one name is now fed by another; a first feed is no switch."""
    return any(name in now and now[name] != source for name, source in before.items())


def _parameters_differ(facts: Sequence[ParameterFact], binding: Binding, seq: int) -> int | None:
    """The earliest event time at which a parameter that the pair takes has another value than it had at `seq`."""
    if not facts or facts[-1].seq <= seq:  # they come in the order of their sequence
        return None
    names = {*binding.constants.values(), *SENSOR_OVERRIDES}
    used = [fact for fact in facts if fact.name in names]
    before, now = _timeline(fact for fact in used if fact.seq <= seq), _timeline(iter(used))
    return min((key[1] for key, value in now.items() if before.get(key, ...) != value), default=None)


def _timeline(facts: Iterator[ParameterFact]) -> dict[tuple[str, int], Any]:
    """(name, from when on) to the value: of equal times the later import holds."""
    found: dict[tuple[str, int], tuple[int, Any]] = {}
    for fact in facts:
        key = (fact.name, GENESIS if fact.valid_from is None else fact.valid_from)
        if key not in found or fact.seq >= found[key][0]:
            found[key] = (fact.seq, fact.value)
    return {key: value for key, (_, value) in found.items()}
