"""The command line `twins`: thin composition over the Fleet facade."""

from actors.cli.main import main

__all__ = ["main"]
