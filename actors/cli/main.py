"""Entry point: global options, exit codes, and how errors look."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from actors.cli import assets, demo, events, live, look, models, run, store, upload
from actors.cli.shell import Shell
from altergo_interface import TwinsError

EXIT_INTERRUPTED = 130
EXIT_INFRASTRUCTURE = 3

app = typer.Typer(
    name="twins",
    help="Battery digital twins: ingest sensor events, replay them through models, query the result with SQL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Global options may stand before or after the command.",
)
for group in (events, assets, run, live, look, models, upload, store, demo):
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
    with _sigterm_interrupts():
        code = _code_of(words)
    sys.exit(code)


def _code_of(words: list[str]) -> int:
    """Run a command, and show its error if it has one."""
    as_json = "--json" in words
    try:
        code = app(words, standalone_mode=False)
        if code == EXIT_INTERRUPTED:  # typer has met the KeyboardInterrupt already
            raise KeyboardInterrupt
    except TyperException as error:
        _show(getattr(error, "format_message", error.__str__)(), "UsageError", "See --help", as_json)
        code = 2
    except TwinsError as error:
        _show(error.what, error.code, error.hint, as_json)
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _show("interrupted", "Interrupted", "What was committed stays; run again to go on", as_json)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        _show(str(error), type(error).__name__, "Check the path", as_json)
        code = 2
    except OSError as error:
        _show(str(error), type(error).__name__, "What was committed stays", as_json)
        code = EXIT_INFRASTRUCTURE
    return code if isinstance(code, int) else 0


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does: what is in is committed, locks are released."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)  # a caller in the same process has its own


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _show(what: str, code: str, hint: str, as_json: bool) -> None:
    """One error line on stderr."""
    if as_json:
        line = json.dumps({"error": what, "code": code, "hint": hint})
    else:
        line = f"error: {what.rstrip('.')}" + (f". {hint}" if hint else "")
    sys.stderr.write(line.replace("\n", " ") + "\n")
