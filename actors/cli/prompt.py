"""The prompt of `twins sql`: statements that end with `;`, history, completion, and a few commands with a dot."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.cli.exits import Terminated, error_line
from actors.cli.grammar import suggestion
from actors.cli.shell import Shell
from actors.cli.sql import answer
from altergo_interface import SelectionError, TwinsError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import History

PROMPT, CONTINUED = "twins> ", "   ... "

HELP = """\
A statement ends with ; and may have several lines. Everything is read-only.
  .tables        the views
  .schema VIEW   its columns and their types
  .help          this
  .quit          leave; so does Ctrl-D
Tab completes views, columns and keywords. Ctrl-C drops what was typed, or stops a query.
"""


class _Dropped(Exception):
    """Ctrl-C at the prompt."""


def converse(shell: Shell) -> None:
    """Ask and answer until the user leaves."""
    session = _session(shell)
    sys.stdout.write(f"The views of {shell.store}, read-only; .help tells more\n")
    while True:
        try:
            line = session.prompt(PROMPT).strip()
        except _Dropped:
            continue
        except EOFError:
            return
        if line in ("quit", "exit", "quit;", "exit;") or _leaves(line):
            return
        if line:
            _respond(shell, line)


def _leaves(text: str) -> bool:
    """Whether the last line says so: also in a statement that was left unfinished, where no SQL begins with a dot."""
    return text.rpartition("\n")[2].strip() in (".quit", ".exit")


def _respond(shell: Shell, line: str) -> None:
    try:
        if line.startswith("."):
            _dotted(shell, line)
        else:
            answer(shell, line)
    except TwinsError as error:
        sys.stdout.write(error_line(error.what, error.hint))
    except Terminated:
        raise
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")


def _dotted(shell: Shell, line: str) -> None:
    """A command of the prompt's own. Raises SelectionError for an unknown one."""
    word, _, rest = line.rstrip(";").partition(" ")
    if word not in _COMMANDS:
        known = (*_COMMANDS, ".quit")
        raise SelectionError(f"no command is called '{word}'", suggestion(word, known))
    _COMMANDS[word](shell, rest.strip())


def _tables(shell: Shell, _: str) -> None:
    answer(shell, "select view_name as view from duckdb_views() where not internal order by all")


def _schema(shell: Shell, view: str) -> None:
    if not view:
        raise SelectionError(".schema names no view", "For example .schema latest_outputs")
    name = view.replace('"', '""')
    answer(shell, f'select column_name as "column", column_type as type from (describe "{name}")')


def _help(_: Shell, __: str) -> None:
    sys.stdout.write(HELP)


_COMMANDS: dict[str, Callable[[Shell, str], None]] = {".tables": _tables, ".schema": _schema, ".help": _help}


def _session(shell: Shell) -> "PromptSession[str]":
    from prompt_toolkit import PromptSession
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.sql import SqlLexer

    from actors.cli.prompt_words import Words

    return PromptSession(
        history=_history(),
        completer=Words(shell.fleet(), tuple(_COMMANDS)),
        complete_while_typing=False,
        lexer=PygmentsLexer(SqlLexer),
        multiline=True,
        key_bindings=_keys(),
        prompt_continuation=CONTINUED,
        interrupt_exception=_Dropped,
    )


def _keys() -> Any:
    """Enter ends a statement that is complete, and else begins another line."""
    from prompt_toolkit.filters import completion_is_selected
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter", filter=~completion_is_selected)
    def _(event: Any) -> None:
        text = event.current_buffer.text.strip()
        if not text or text.endswith(";") or text.startswith(".") or text in ("quit", "exit") or _leaves(text):
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.insert_text("\n")

    return keys


def _history() -> "History":
    """What was typed before; for this time alone where the file cannot be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = history_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def history_path() -> Path:
    """The file of the history, by the XDG convention."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "battery-twins" / "sql_history"
