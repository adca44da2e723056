"""Whom a run blames when a process dies, how suspects come again, and when no model can be to blame."""

from typing import Any

import pytest
from ray.exceptions import OutOfMemoryError, RayError

from actors.hosting import DEATHS_IN_A_ROW, Deaths, cause_of
from actors.suspicion import blamed, parted, with_fed
from actors.work import AssetWork, PairWork, WorkBatch
from altergo_interface import InfrastructureError

A1, A2, B1, B2, C1 = ("A", "one"), ("A", "two"), ("B", "one"), ("B", "two"), ("C", "one")
ALL = [A1, A2, B1, B2, C1]


def batch(*pairs: tuple[str, str], suspect: bool = True, feeds: tuple[tuple[str, str], ...] = ()) -> WorkBatch:
    works: dict[str, list[PairWork]] = {}
    for asset, model in (*feeds, *pairs):
        kept = (asset, model) in pairs
        works.setdefault(asset, []).append(PairWork(model, (), "", 0, None, None, kept=kept))
    assets = [AssetWork(asset, frozenset(), (), tuple(found)) for asset, found in works.items()]
    return WorkBatch(1, 0, 0, 0, (), assets, 0, suspect)


@pytest.mark.parametrize(
    ("pairs", "at", "expected"),
    [
        (ALL, B1, [B1]),
        (ALL, None, []),
        (ALL, ("B", "feeds others"), []),
        ([B1], None, [B1]),
        ([B1], ("B", "feeds it"), [B1]),
    ],
)
def test_who_is_blamed(pairs: list[tuple[str, str]], at: tuple[str, str] | None, expected: Any) -> None:
    assert blamed(batch(*pairs, feeds=(("B", "feeds it"),) if pairs == [B1] else ()), at) == expected


@pytest.mark.parametrize(
    ("pairs", "at", "alone", "together"),
    [
        (ALL, B1, [B1], [[A1, A2], [B2, C1]]),
        (ALL, A1, [A1], [[A2, B1, B2, C1]]),
        (ALL, C1, [C1], [[A1, A2, B1, B2]]),
        (ALL, ("B", "feeds others"), [B1, B2], [[A1, A2], [C1]]),
        (ALL, None, [], [[A1, A2], [B1, B2, C1]]),
        ([B1, B2], None, [B1, B2], []),
    ],
)
def test_how_suspects_come_again(
    pairs: list[tuple[str, str]], at: tuple[str, str] | None, alone: Any, together: Any
) -> None:
    assert parted(pairs, at) == (alone, together)


def test_what_a_suspect_feeds_waits_for_it() -> None:
    above = {A1: (), A2: ("one",), B1: (), B2: ("one",), C1: ()}
    assert with_fed([A1, C1], ALL, above) == {A1, A2, C1}


def test_hosts_that_die_of_work_nobody_suspected_end_no_run() -> None:
    deaths = Deaths()
    for _ in range(3 * DEATHS_IN_A_ROW):
        deaths.died([batch(A1, B1, suspect=False)], "it died")


@pytest.mark.parametrize("lost", [[], [batch(A1)]])
def test_hosts_that_keep_dying_end_the_run(lost: list[WorkBatch]) -> None:
    deaths = Deaths()
    deaths.died(lost, "it died")
    deaths.survived(batch(B1, suspect=False))
    for _ in range(DEATHS_IN_A_ROW):
        deaths.died(lost, "it died")
    with pytest.raises(InfrastructureError, match="hosts keep dying: it died"):
        deaths.died(lost, "it died")


def test_as_many_more_may_die_as_suspects_were_acquitted() -> None:
    deaths = Deaths()
    for _ in range(7):
        deaths.survived(batch(A1))
    for _ in range(DEATHS_IN_A_ROW + 7):
        deaths.died([batch(B1)], "it died")
    with pytest.raises(InfrastructureError):
        deaths.died([batch(B1)], "it died")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OutOfMemoryError("1 worker(s) were killed due to the node running low on memory."),
            "out of memory: Ray ended",
        ),
        (RayError("The actor died because its node has died."), "its node died"),
        (RayError("The actor is dead because its worker process has died."), ""),
    ],
)
def test_what_ray_knows_of_a_death_is_the_reason(error: Exception, said: str) -> None:
    assert cause_of(error).startswith(said)
    assert bool(cause_of(error)) == bool(said)
