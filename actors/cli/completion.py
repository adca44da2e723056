"""Completion of values at a shell's prompt: assets, models, selectors. Silent where it knows nothing."""

import io
import os
import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import typer

VARIABLE = "_TWINS_COMPLETE"
"""By this variable a shell asks for completions."""

MOST = 200
"""So many assets at most: nobody reads more, and a shell asks for confirmation before it shows them."""


def assets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Assets of the store that the line names, from its published copy."""
    from event_store.names import asset_names

    named = ctx.find_root().params.get("store") or os.environ.get("TWINS_STORE") or "fleet-store"
    return asset_names(Path(named), incomplete, MOST)


def models(ctx: typer.Context, incomplete: str) -> list[str]:
    """Folders of models by name: those that ship with the engine, and those of --models-dir."""
    folders = [Path(__file__).parents[2] / "models", *map(Path, ctx.find_root().params.get("models_dir") or ())]
    with suppress(OSError):
        found = {path.parent.name for folder in folders for path in folder.glob("*/model.json")}
        return sorted(name for name in found if name.startswith(incomplete) and not name.startswith(("_", ".")))
    return []


def selectors(ctx: typer.Context, incomplete: str) -> list[str]:
    """The last part of a selector: its kind, or a value of it."""
    before, comma, part = incomplete.rpartition(",")
    return [f"{before}{comma}{found}" for found in _parts(ctx, part)]


def _parts(ctx: typer.Context, part: str) -> Iterable[str]:
    from actors.selection import KINDS, WORDS

    kind, colon, value = part.partition(":")
    if not colon:
        kinds = [f"{known}:" for known in KINDS if known.startswith(part)]
        return [*kinds, *assets(ctx, part)] if part else kinds
    if kind in WORDS:
        found = [word for word in WORDS[kind] if word.startswith(value)]
    else:
        found = {"asset": assets, "model": models}.get(kind, _nothing)(ctx, value)
    return [f"{kind}:{name}" for name in found]


def _nothing(_ctx: typer.Context, _incomplete: str) -> list[str]:
    return []


def overrides(ctx: typer.Context, incomplete: str) -> list[str]:
    """The model of a `model.key=value`."""
    return [f"{name}." for name in models(ctx, incomplete.partition(".")[0])] if "=" not in incomplete else []


def complete(run: Callable[[], Any]) -> None:
    """Answer a shell. Bash takes a colon for the end of a word: it is given back what follows the last one only."""
    cut = _join_colons() if os.environ[VARIABLE] == "complete_bash" else 0
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            run()
    finally:
        sys.stdout.write("".join(line[cut:] for line in said.getvalue().splitlines(keepends=True)))


def _join_colons() -> int:
    """Undo bash's breaking of `kind:value`; the length of what it holds for an earlier word than the last."""
    with suppress(KeyError, ValueError):
        words, at = shlex.split(os.environ["COMP_WORDS"]), int(os.environ["COMP_CWORD"])
        whole = words[:at] + (words[at : at + 1] or [""])
        joined: list[str] = []
        for word in whole:
            glued = joined and (word == ":" or joined[-1].endswith(":"))
            joined[-1:] = [joined[-1] + word] if glued else [*joined[-1:], word]
        os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = shlex.join(joined), str(len(joined) - 1)
        return joined[-1].rfind(":") + 1
    return 0
