"""Entry point: global options, exit codes, and how errors look."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from actors.cli import (
    assets,
    config,
    dashboard,
    demo,
    doctor,
    events,
    fetch,
    live,
    look,
    models,
    replay,
    run,
    sql,
    store,
    upload,
)
from actors.cli.completion import VARIABLE, complete
from actors.cli.exits import exit_code_of, sigterm_interrupts
from actors.cli.grammar import Root, examples
from actors.cli.shell import Shell

EPILOG = f"""Global options may stand before or after the command. Completion: twins --install-completion

{examples("--store demo-store demo", "--store demo-store status", "run --help")}"""

app = typer.Typer(
    name="twins",
    help="Battery digital twins: ingest sensor events, replay them through models, query the result with SQL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    cls=Root,
    epilog=EPILOG,
)
for group in (
    demo,
    store,
    events,
    fetch,
    assets,
    run,
    replay,
    live,
    look,
    dashboard,
    sql,
    upload,
    models,
    config,
    doctor,
):
    group.register(app)


@app.callback()
def options(
    context: typer.Context,
    store: Annotated[Path, typer.Option(metavar="DIR", envvar="TWINS_STORE", help="The store's folder.")] = Path(
        "fleet-store"
    ),
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings file (default: ./altergo-settings.json).")
    ] = None,
    models_dir: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A further folder of models; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log more to stderr.")] = False,
) -> None:
    """Global options."""
    logging.basicConfig(level=logging.DEBUG if verbose else logging.WARNING, format="%(levelname)s %(message)s")
    context.obj = Shell(store, settings, tuple(models_dir or ()), as_json)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code: 0, 1, 2, 3 or 130, see the README."""
    words = sys.argv[1:] if arguments is None else list(arguments)

    def run() -> Any:
        return app(words, prog_name="twins", standalone_mode=False)

    if VARIABLE in os.environ:
        complete(run)
    with sigterm_interrupts():
        code = exit_code_of(run, "--json" in words)
    sys.exit(code)
