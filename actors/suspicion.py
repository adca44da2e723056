"""Who killed a process: whom to blame when a batch is lost, and how its pairs come again."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from actors.work import Pair, WorkBatch


def blamed(batch: WorkBatch, at: Pair | None) -> list[Pair]:
    """The pairs that have lost an attempt with a batch: that which it had come to, or its only one. A batch of many
    whose end nobody saw makes them all suspects, and blames none."""
    pairs = batch.kept
    return pairs if len(pairs) == 1 else [pair for pair in pairs if pair == at]


def parted(pairs: Sequence[Pair], at: Pair | None) -> tuple[list[Pair], list[list[Pair]]]:
    """The pairs of a lost batch of suspects that must be tried one by one, and the groups that can stay together.

    What came before the pair `at` has survived once, what came after it was not tried. Where that pair is none of
    these, it only fed others of its asset. Where nobody knows it, the assets are halved.
    """
    chosen = [pair for pair in pairs if pair == at] or [pair for pair in pairs if at and pair[0] == at[0]]
    if not chosen:
        assets = list(dict.fromkeys(asset for asset, _ in pairs))
        if len(assets) < 2:
            return list(pairs), []
        first = set(assets[: len(assets) // 2])
        return [], [[p for p in pairs if p[0] in first], [p for p in pairs if p[0] not in first]]
    low, high = pairs.index(chosen[0]), pairs.index(chosen[-1]) + 1
    return chosen, [list(group) for group in (pairs[:low], pairs[high:]) if group]


def with_fed(chosen: Iterable[Pair], pairs: Collection[Pair], above: Mapping[Pair, Sequence[str]]) -> set[Pair]:
    """These and all that they feed, directly or not, among `pairs` in the order of the model graph: what a suspect
    feeds must wait until it was tried."""
    found = set(chosen)
    for pair in pairs:
        if any((pair[0], model) in found for model in above[pair]):
            found.add(pair)
    return found
