"""What `entrypoint.py` does: one argument in, an exit code out."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

from actors.cli.exits import exit_code_of, sigterm_interrupts
from actors.cli.shell import say
from actors.platform_arguments import is_inline, read_arguments, with_key
from actors.platform_run import run_for_platform
from altergo_interface import SettingsError
from altergo_interface.quiet import hushed_for_good

USAGE = "Usage: python entrypoint.py dev-parameters.json, or the path of another JSON file, or inline JSON"


def main(words: Sequence[str]) -> int:
    """Run with the arguments of a command line; gives its exit code: 0, 1, 2, 3 or 130, see the README."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    with sigterm_interrupts():
        return exit_code_of(lambda: _run(words), as_json=False)


def _run(words: Sequence[str]) -> int:
    if len(words) != 1 or words[0] in ("-h", "--help"):
        raise SettingsError(f"one argument is needed, not {len(words)}", USAGE)
    arguments = with_key(read_arguments(words[0]), os.environ)
    hushed_for_good(arguments.key)
    return run_for_platform(arguments, say).exit_code


def leave_the_command_line(words: Sequence[str]) -> None:
    """Start this process again with inline arguments in a file that has no name.

    They hold the key, and whoever has an account on the machine can list command lines; Ray keeps them as well.
    """
    if os.name != "posix" or len(words) != 1 or not is_inline(words[0]) or words[0] not in sys.orig_argv:
        return
    with TemporaryFile() as file:
        file.write(words[0].encode("utf-8", "surrogateescape"))
        file.seek(0)
        os.set_inheritable(file.fileno(), True)
        place = f"/dev/fd/{file.fileno()}"
        if Path(place).exists():
            started = [place if word == words[0] else word for word in sys.orig_argv]
            os.execv(sys.executable, [sys.executable, *started[1:]])
