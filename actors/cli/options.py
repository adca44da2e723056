"""Options and arguments that several commands share, with their completion."""

import re
from enum import StrEnum
from typing import Annotated

import typer

from actors.cli.completion import assets, selectors


class Isolation(StrEnum):
    """Where a twin actor lives during a run."""

    HOSTED = "hosted"
    PROCESS = "process"


class ComputeType(StrEnum):
    """What of the history to compute."""

    INCREMENTAL = "incremental"
    FULL = "full"
    MANUAL = "manual"


AssetArgument = Annotated[str, typer.Argument(metavar="ASSET", help="The asset's id.", autocompletion=assets)]
ComputeOption = Annotated[ComputeType | None, typer.Option(help="Default: the settings'.")]
SinceOption = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="With --compute-type manual: restate from here.")
]
UntilOption = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="With --compute-type manual: up to here.")
]
SelectOption = Annotated[
    str | None,
    typer.Option(
        metavar="SELECTOR", help="asset:GLOB, model:NAME, reason:NAME, status:NAME; commas.", autocompletion=selectors
    ),
]
PairsOption = Annotated[
    str | None, typer.Option(metavar="SELECTOR", help="asset:GLOB, model:NAME; commas.", autocompletion=selectors)
]
AddressOption = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="A Ray cluster, or auto (default: this machine).")
]
WorkersOption = Annotated[int | None, typer.Option(metavar="N", min=1, help="Hosts (default: one per CPU).")]
LocalOption = Annotated[bool, typer.Option("--local", help="In this process, without Ray.")]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def duration(text: str) -> float:
    """Seconds of a duration such as `90s`, `30m`, `1h` or `2d`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if found is None:
        raise typer.BadParameter(f"'{text}' is no duration, such as 90s, 30m, 1h or 2d")
    return float(found[1]) * _UNITS[found[2]]
