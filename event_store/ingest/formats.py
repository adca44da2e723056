"""Rewrites stamps of a strptime format to ISO 8601, so that they are read in bulk."""

import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

# The directives that fixed-width ISO has too; a format with others is read stamp by stamp.
_WIDTHS = {
    "%Y": r"(\d{4})",
    "%m": r"(\d{2})",
    "%d": r"(\d{2})",
    "%H": r"(\d{2})",
    "%M": r"(\d{2})",
    "%S": r"(\d{2})",
    "%f": r"(\d{1,6})",
    "%z": r"(Z|[+-]\d{2}:?\d{2})",
}
_SHAPES = (
    {"%Y", "%m", "%d", "%H", "%M"},
    {"%Y", "%m", "%d", "%H", "%M", "%S"},
    {"%Y", "%m", "%d", "%H", "%M", "%S", "%f"},
)

Rewrite = Callable[[pa.ChunkedArray], pa.ChunkedArray | None]


def iso_rewriter(ts_format: str) -> Rewrite | None:
    """A function from cells of the format to ISO 8601 cells, or to None where a cell has another form.
    None where the format cannot be rewritten."""
    parts = re.split(r"(%.)", ts_format)
    directives = parts[1::2]
    if set(directives) - {"%z"} not in _SHAPES:
        return None
    pattern = "".join(_WIDTHS[part] if part in _WIDTHS else re.escape(part) for part in parts)
    place = {directive: rf"\{number}" for number, directive in enumerate(directives, 1)}
    replacement = _iso_template(place, separator=" " if "T%H" in ts_format else "T")

    def rewrite(cells: pa.ChunkedArray) -> pa.ChunkedArray | None:
        written = pc.replace_substring_regex(cells, f"^{pattern}$", replacement)
        # A cell of another form stays as it is; it must not pass for ISO.
        return None if pc.any(pc.equal(written, cells)).as_py() else written

    return rewrite


def _iso_template(place: dict[str, str], separator: str) -> str:
    """The replacement string; `separator` is not that of the format, so every match changes its cell."""
    date = "-".join(place[part] for part in ("%Y", "%m", "%d"))
    time = ":".join(place[part] for part in ("%H", "%M", "%S") if part in place)
    fraction = f".{place['%f']}" if "%f" in place else ""
    return f"{date}{separator}{time}{fraction}{place.get('%z', '')}"
