"""Times: between ISO 8601, datetimes, and the engine's stamps (int µs since 1970 UTC)."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(t: int | None) -> str | None:
    """A stamp (µs UTC) as `2026-01-31T00:00:00Z`."""
    if t is None:
        return None
    return (_EPOCH + timedelta(microseconds=t)).isoformat().replace("+00:00", "Z")


def micros(stamp: datetime) -> int:
    """µs UTC of a datetime. Raises ValueError for one without a zone."""
    if stamp.tzinfo is None:
        raise ValueError(f"{stamp.isoformat()} has no zone")
    return (stamp.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def parse_time(text: str) -> int:
    """µs UTC of an ISO 8601 time; a naive one is UTC. Raises ValueError."""
    stamp = datetime.fromisoformat(text)
    return micros(stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp)
