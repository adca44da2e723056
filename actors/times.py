"""Times as users write and read them: ISO 8601, UTC."""

from altergo_interface import SelectionError, utils
from altergo_interface.utils import iso

__all__ = ["iso", "parse_range", "parse_time"]


def parse_range(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """µs UTC of --from and --to, half-open. Raises SelectionError for a range that holds no time."""
    first = None if since is None else parse_time(since, "--from")
    end = None if until is None else parse_time(until, "--to")
    if first is not None and end is not None and first >= end:
        raise SelectionError(f"--from {since} is not before --to {until}", "Ranges are half-open")
    return first, end


def parse_time(text: str, option: str) -> int:
    """µs UTC of an ISO 8601 time; a naive one is UTC. Raises SelectionError naming the option."""
    try:
        return utils.parse_time(text)
    except (ValueError, OverflowError):
        raise SelectionError(f"{option}: '{text}' is no time", "Use ISO 8601, e.g. 2026-01-31T00:00Z") from None
