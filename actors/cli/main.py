"""Entry point: global options, exit codes, and how errors look."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from actors.cli import assets, config, dashboard, demo, events, fetch, live, look, models, run, store, upload
from actors.cli.exits import exit_code_of, sigterm_interrupts
from actors.cli.shell import Shell

app = typer.Typer(
    name="twins",
    help="Battery digital twins: ingest sensor events, replay them through models, query the result with SQL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Global options may stand before or after the command.",
)
for group in (events, fetch, assets, run, live, look, dashboard, models, upload, store, config, demo):
    group.register(app)


@app.callback()
def options(
    context: typer.Context,
    store: Annotated[Path, typer.Option(envvar="TWINS_STORE", help="The store's folder.")] = Path("fleet-store"),
    settings: Annotated[Path | None, typer.Option(help="Settings file (default: ./altergo-settings.json).")] = None,
    models_dir: Annotated[list[Path] | None, typer.Option(help="A further folder of models; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log more to stderr.")] = False,
) -> None:
    """Global options."""
    logging.basicConfig(level=logging.DEBUG if verbose else logging.WARNING, format="%(levelname)s %(message)s")
    context.obj = Shell(store, settings, tuple(models_dir or ()), as_json)


_VALUED = ("--store", "--settings", "--models-dir")
_FLAGS = ("--json", "-v", "--verbose")


def hoist(arguments: Sequence[str]) -> list[str]:
    """Global options moved in front of the command, wherever they were given."""
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return [*front, *rest, word, *waiting]
        if word in _FLAGS or word.startswith(tuple(f"{name}=" for name in _VALUED)):
            front.append(word)
        elif word in _VALUED and waiting:
            front += [word, waiting.pop(0)]
        else:
            rest.append(word)
    return [*front, *rest]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code: 0, 1, 2, 3 or 130, see the README."""
    words = hoist(sys.argv[1:] if arguments is None else arguments)
    with sigterm_interrupts():
        code = exit_code_of(lambda: app(words, standalone_mode=False), "--json" in words)
    sys.exit(code)
