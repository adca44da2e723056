"""The application: twin actors, the fleet that plans and runs them, and the command line."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.fleet import Fleet

__all__ = ["Fleet"]


def __getattr__(name: str) -> Any:
    """The facade, imported when it is first asked for: help and completion of the command line need none of it."""
    if name != "Fleet":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from actors.fleet import Fleet

    return Fleet
