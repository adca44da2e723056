"""Durations, counts and sizes as people read them."""

import time
from pathlib import Path

_PARTS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def told(seconds: float) -> str:
    """The two largest parts of a duration: `2 d 3 h`, `4 min 5 s`; below a minute with a decimal: `7.2 s`."""
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 9.5 else f"{seconds:.0f} s"
    left = round(seconds)
    parts: list[str] = []
    for name, size in _PARTS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {name}" if count else "")
    return " ".join(part for part in parts[:2] if part)


def ago(path: Path) -> str:
    """How long ago a file was written."""
    return f"{told(max(0.0, time.time() - path.stat().st_mtime))} ago"


def counted(number: int, noun: str) -> str:
    """A count with its noun: `1 asset`, `12,345 assets`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def sized(size: int) -> str:
    """Bytes in the unit that leaves few digits: `888 kB`."""
    for unit, least in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= least:
            return f"{size / least:,.3g} {unit}" if size < 1000 * least else f"{size / least:,.0f} {unit}"
    return counted(size, "byte")
