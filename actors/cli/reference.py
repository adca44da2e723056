"""Writes the reference of the command line from the program itself: `python -m actors.cli.reference`."""

from collections.abc import Iterator
from typing import Any

import typer

from actors.cli.main import app

HEAD = """# Command line

Every command, option and example, as `twins … --help` shows them. Written by `make docs`: do not edit.

`twins --install-completion` teaches bash, zsh or fish to complete commands, options, models, selectors, and assets of
the store that the line names. `twins sql` completes views, columns and keywords.
"""


def commands() -> Iterator[tuple[list[str], Any]]:
    """(its words, the command) for every command that does something, in the order of the help."""
    yield from _below([], typer.main.get_command(app))


def _below(words: list[str], group: Any) -> Iterator[tuple[list[str], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below([*words, name], command)
        else:
            yield [*words, name], command


def example_lines(epilog: str | None) -> list[str]:
    """The command lines at the end of a help."""
    lines = (epilog or "").replace("\\[", "[").splitlines()
    return [line.removeprefix("$ ") for line in map(str.strip, lines) if line.startswith("$ ")]


def command_line() -> str:
    """The page."""
    parts = [HEAD, "## Global options\n", *_table(typer.main.get_command(app), ("help",))]
    panel = ""
    for words, command in sorted(commands(), key=lambda found: PANELS.index(_panel(found[0]))):
        if _panel(words) != panel:
            panel = _panel(words)
            parts.append(f"## {panel}\n")
        parts += _command(words, command)
    return "\n".join(parts)


def _panel(words: list[str]) -> str:
    top = typer.main.get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    return str(top.rich_help_panel)


def _command(words: list[str], command: Any) -> Iterator[str]:
    yield f"### `twins {' '.join(words)}`\n"
    yield f"{command.help}\n"
    yield from _table(command)
    examples = "\n".join(example_lines(command.epilog))
    yield f"```bash\n{examples}\n```\n"


def _table(command: Any, hidden: tuple[str, ...] = ("help",)) -> Iterator[str]:
    rows = [_row(param) for param in command.params if param.name not in hidden]
    if rows:
        yield "\n".join(["| argument or option | meaning |", "|---|---|", *rows]) + "\n"


def _row(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in param.opts)
    value = param.metavar or "|".join(map(str, param.type_descriptor.choices or ()))
    if param.param_type_name == "argument":
        names, value = f"`{param.metavar}{'…' if param.nargs != 1 else ''}`", ""
    said = f"{names}{f' `{value}`' if value else ''}".replace("|", "\\|")
    shown = param.default is not None and not isinstance(param.default, bool)
    return f"| {said} | {param.help}{f' Default: `{param.default}`.' if shown else ''} |"


PANELS = tuple(dict.fromkeys(_panel(words) for words, _ in commands()))
