"""How a command line is read: global options anywhere, examples in every help, the nearest name for a wrong one."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

DATA, TWINS, RESULTS, UPKEEP = "Data", "Twins", "Results", "Models and upkeep"
"""The panels of commands in `twins --help`, in this order."""

VALUED = ("--store", "--settings", "--models-dir")
FLAGS = ("--json", "-v", "--verbose")


class Misuse(TyperException):
    """A word that is no command or option; the hint names the nearest that is."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def examples(*lines: str) -> str:
    """The end of a command's help: each line is a command line without its first word."""
    return "\n".join(["[bold]Examples[/bold]", *(f"$ twins {line}".replace("[", "\\[") for line in lines)])


def hoist(arguments: Sequence[str]) -> list[str]:
    """Global options moved in front of the command, wherever they were given."""
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return [*front, *rest, word, *waiting]
        if word in FLAGS or word.startswith(tuple(f"{name}=" for name in VALUED)):
            front.append(word)
        elif word in VALUED and waiting:
            front += [word, waiting.pop(0)]
        else:
            rest.append(word)
    return [*front, *rest]


def suggestion(name: str, known: Iterable[str]) -> str:
    """The hint that names the nearest known word."""
    from altergo_interface.errors import did_you_mean

    return did_you_mean(name, known)


class Command(TyperCommand):
    """A command; on its line the global options are completed, too."""

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Its own options, and those of the whole program."""
        found = super().shell_complete(ctx, incomplete)
        return found + (_global_options(ctx, incomplete) if incomplete.startswith("-") else [])


class Group(TyperGroup):
    """A group of commands that names the nearest for one that it has not."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names. Raises Misuse where it has no such."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise Misuse(f"no command is called '{name}'", suggestion(name, self.commands))
        return super().resolve_command(ctx, args)


class Root(Group):
    """The whole program."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read a command line, whether to run it or to complete it."""
        words = hoist(args)
        if extra.get("resilient_parsing") and words and words[-1] in VALUED:
            words = []  # the value of a global option is asked for: its command has no say in it
        return super().make_context(info_name, words, parent, **extra)


def _global_options(ctx: Any, incomplete: str) -> list[Any]:
    root = ctx.find_root()
    wanted = {*VALUED, "--json", "--verbose"}
    return [item for item in root.command.shell_complete(root, incomplete) if item.value in wanted]


def misuse(error: TyperException) -> tuple[str, str]:
    """What is wrong with a command line, and the hint: the nearest option or value, where there is one."""
    if isinstance(error, Misuse):
        return error.message, error.hint
    context, name = getattr(error, "ctx", None), getattr(error, "option_name", None)
    if context is not None and name is not None:
        near = suggestion(name, _option_names(context)) if name.startswith("--") else ""
        return f"no such option: {name}", near if near.startswith("Did you mean") else "See --help"
    said = error.format_message().replace("Value error, ", "")
    what = said[:1].lower() + said[1:]
    choices = getattr(getattr(getattr(error, "param", None), "type_descriptor", None), "choices", None)
    given = re.search(r"'([^']*)' is not one of", what)
    if choices and given:
        return what, suggestion(given[1], map(str, choices))
    return what, "See --help"


def _option_names(context: Any) -> list[str]:
    """The long options that may stand on a command's line."""
    params = [*context.command.params, *context.find_root().command.params]
    return sorted({name for param in params for name in param.opts if name.startswith("--")})
