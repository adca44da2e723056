"""Names as file names: asset ids and sensor names are data, and never lead anywhere else than to their own file."""

from urllib.parse import quote, unquote

from altergo_interface.gateway import GatewayError

_PLAIN = " +,=@()[]"
"""Kept beside letters, digits, `_`, `-`, `~` and `.`: frequent in names, and harmless in every file system."""


def to_file_name(name: str) -> str:
    """A name as one component of a path: percent-encoded, never empty, hidden, `.` or `..`.

    Raises GatewayError for a name that is empty or no text.
    """
    try:
        safe = quote(name, safe=_PLAIN)
    except UnicodeEncodeError as error:
        raise GatewayError(f"{name!r} is no name: it holds half a character") from error
    if not safe:
        raise GatewayError("an asset or sensor has an empty name")
    first, last = safe[0], safe[-1]
    head = _escaped(first) if first in ". " else first
    if len(safe) == 1:
        return head
    # Some file systems drop a dot or a space at the end, and two names would be one.
    return head + safe[1:-1] + (_escaped(last) if last in ". " else last)


def _escaped(character: str) -> str:
    return f"%{ord(character):02X}"


def from_file_name(file_name: str) -> str:
    """The name that a component of a path stands for; also of one that was written by hand, without any escapes."""
    return unquote(file_name, errors="replace")
