"""How a command ends: its exit code, and the one line by which an error is told."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.exceptions import TyperException

from actors.cli.grammar import misuse

EXIT_INTERRUPTED = 130
EXIT_INFRASTRUCTURE = 3


def exit_code_of(command: Callable[[], Any], as_json: bool) -> int:
    """Run a command, and show its error if it has one."""
    try:
        code = command()
        if code == EXIT_INTERRUPTED:  # typer has met the KeyboardInterrupt already
            raise KeyboardInterrupt
    except TyperException as error:
        what, hint = misuse(error)
        if what:  # a group without a command has shown its help, and has nothing to add
            _show(what, "UsageError", hint, as_json)
        code = 2
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
    except Exception as error:
        code = _engines(error, as_json)
    return code if isinstance(code, int) else 0


def _engines(error: Exception, as_json: bool) -> int:
    """Show an error of the engine's own tree; any other is a bug, and its traceback is what helps."""
    from altergo_interface import TwinsError

    if not isinstance(error, TwinsError):
        raise error
    _show(error.what, error.code, error.hint, as_json)
    return error.exit_code


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does: what is in is committed, locks are released."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)  # a caller in the same process has its own


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends also what a Ctrl-C would only interrupt."""


def _interrupt(*_: object) -> None:
    raise Terminated


def _show(what: str, code: str, hint: str, as_json: bool) -> None:
    """One error line on stderr."""
    if as_json:
        sys.stderr.write(json.dumps({"error": what, "code": code, "hint": hint}) + "\n")
    else:
        sys.stderr.write(error_line(what, hint))


def error_line(what: str, hint: str) -> str:
    """How an error is told, wherever it is."""
    return " ".join((f"error: {what.rstrip('.')}" + (f". {hint}" if hint else "")).split()) + "\n"
