"""Times as users write and read them: ISO 8601, UTC."""

from datetime import UTC, datetime, timedelta

from altergo_interface import SelectionError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(t: int | None) -> str | None:
    """A stamp (µs UTC) as `2026-01-31T00:00:00Z`."""
    if t is None:
        return None
    return (_EPOCH + timedelta(microseconds=t)).isoformat().replace("+00:00", "Z")


def parse_time(text: str, option: str) -> int:
    """µs UTC of an ISO 8601 time; a naive one is UTC. Raises SelectionError naming the option."""
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        raise SelectionError(f"{option}: '{text}' is no time", "Use ISO 8601, e.g. 2026-01-31T00:00Z") from None
    stamp = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    return (stamp - _EPOCH) // timedelta(microseconds=1)
