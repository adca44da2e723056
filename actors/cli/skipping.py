"""Why pairs cannot run, in words: what a model finds nothing for; assets that lack the same share a line."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from actors.cli.shell import SHOWN, rest, say
from actors.wording import counted

if TYPE_CHECKING:
    from twins.planned import Skipped


def lacking(missing: str) -> str:
    """The view's `missing` as a sentence: `current (current or Current)` names an input and what may feed it."""
    from altergo_interface.parameters import KNOWN  # the engine's half second: help and completion do without

    found = re.fullmatch(r"(\w+) \((.+)\)", missing)
    if found is not None and found[1] in KNOWN:
        return f"no parameter {found[1]} (twins assets import gives it)"
    if found is not None:
        return f"nothing feeds its input {found[1]} (looked for: {found[2]})"
    return f"needs {missing}" if missing.startswith("one of: ") else f"its input {missing}"


def say_skipped(skipped: "Iterable[Skipped]") -> None:
    """A line for each model and each thing that it lacks."""
    assets = defaultdict[tuple[str, str], list[str]](list)
    for pair in skipped:
        assets[pair.model, pair.missing].append(pair.asset_id)
    for line in _lines(list(assets.items())[:SHOWN]):
        say(line)
    rest(len(assets))


def _lines(grouped: Iterable[tuple[tuple[str, str], list[str]]]) -> Iterator[str]:
    for (model, missing), assets in grouped:
        who = assets[0] if len(assets) == 1 else f"{counted(len(assets), 'asset')} ({assets[0]}, …)"
        yield f"skipped: {who} {model}: {lacking(missing)}"
