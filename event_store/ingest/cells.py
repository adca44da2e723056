"""Turns columns of raw cells into numbers and name codes, in bulk, and cell by cell only where that fails."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from altergo_interface.errors import IngestError
from event_store.ingest.faults import Fault, Faults

T = TypeVar("T")
_PIECE = 256  # cells; below this size a failing piece is read one by one
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf|infinity)", re.IGNORECASE | re.ASCII)


class Names(NamedTuple):
    """Codes into distinct names, shape (rows,); −1 where the cell holds no name."""

    codes: NDArray[np.int32]
    names: list[str]


class Numbers(NamedTuple):
    """Values and their faults, shape (rows,) each; a faulty row's value means nothing."""

    values: NDArray[np.float64]
    faults: Faults


def is_text(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type are strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column without dictionary encoding, strings in a type that all kernels know."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def in_pieces(
    cells: pa.ChunkedArray,
    fast: Callable[[pa.ChunkedArray], T | None],
    slow: Callable[[list[str | None]], T],
) -> Iterator[T]:
    """Results for consecutive pieces of a column: `fast` where it can read the whole piece, halving the
    pieces that it cannot, down to a few cells for `slow`. Both must agree on cells that both can read."""
    todo = [(0, len(cells))]
    while todo:
        start, end = todo.pop()
        piece = cells.slice(start, end - start)
        result = fast(piece)
        if result is not None:
            yield result
        elif end - start <= _PIECE:
            yield slow(piece.to_pylist())
        else:
            middle = (start + end) // 2
            todo += [(middle, end), (start, middle)]


def numbers(column: pa.ChunkedArray, decimal: str) -> Numbers:
    """A value column as float64. Booleans count as 0 and 1; integers beyond 2**53 are rounded.

    Raises:
        IngestError: the column's type holds no numbers (times, lists, …).
    """
    column = plain(column)
    if pa.types.is_null(column.type):
        return Numbers(np.zeros(len(column)), np.full(len(column), Fault.NO_VALUE, np.int8))
    if is_text(column.type):
        pieces = list(in_pieces(_empty_as_null(with_point(column, decimal)), _fast_numbers, _slow_numbers))
        values, faults = (np.concatenate(part) for part in zip(*pieces, strict=True))
        return Numbers(values, faults)
    if not _is_numeric(column.type):
        raise IngestError(f"holds {column.type}, not numbers", "Convert it, or leave it out of the file")
    return _checked(column.cast(pa.float64(), safe=False))


def with_point(cells: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """Cells with a decimal point, whatever they had. Then a point can only be a thousands separator:
    it must not be read as decimal, and '~' makes the cell unreadable."""
    if decimal == ".":
        return cells
    return pc.replace_substring(pc.replace_substring(cells, ".", "~"), decimal, ".")


def names(column: pa.ChunkedArray) -> Names:
    """A column of names (strings or integers) as codes; null, empty and blank cells are no names.

    Raises:
        IngestError: the column's type holds no names.
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (is_text(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise IngestError(f"holds {kind}, not names", "Convert it to strings")
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string() if not is_text(kind) else kind).dictionary_encode()
    known: dict[str, int] = {}
    codes = [_chunk_codes(chunk, known) for chunk in column.chunks]
    return Names(np.concatenate([np.zeros(0, np.int32), *codes]), list(known))


def sorted_names(found: Names) -> Names:
    """The same with the names that occur only, in sorted order, whatever the file's dictionaries held."""
    used = np.flatnonzero(np.bincount(found.codes, minlength=len(found.names)))
    order = sorted(used.tolist(), key=found.names.__getitem__)
    place = np.zeros(len(found.names), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return Names(place[found.codes], [found.names[code] for code in order])


def _chunk_codes(chunk: pa.DictionaryArray, known: dict[str, int]) -> NDArray[np.int32]:
    own = chunk.dictionary.cast(pa.string()).to_pylist()
    place = [known.setdefault(name, len(known)) if name and name.strip() else -1 for name in own]
    indices = chunk.indices.cast(pa.int64()).fill_null(len(own)).to_numpy(zero_copy_only=False)
    codes: NDArray[np.int32] = np.array([*place, -1], np.int32)[indices]  # the last place is that of null
    return codes


def _empty_as_null(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Empty cells, which wide files are full of, must not send their neighbours down the slow path."""
    empty = pc.equal(pc.binary_length(cells), 0)
    return pc.if_else(empty, None, cells) if pc.any(empty).as_py() else cells


def _is_numeric(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return any(test(kind) for test in tests)


def _fast_numbers(cells: pa.ChunkedArray) -> Numbers | None:
    try:
        return _checked(cells.cast(pa.float64()))
    except pa.ArrowInvalid:
        return None


def _slow_numbers(cells: list[str | None]) -> Numbers:
    found = [_slow_number(cell) for cell in cells]
    return Numbers(np.array([value for value, _ in found]), np.array([fault for _, fault in found], np.int8))


def _slow_number(cell: str | None) -> tuple[float, Fault]:
    text = (cell or "").strip()
    if not text:
        return 0.0, Fault.NO_VALUE
    if not _NUMBER.fullmatch(text):
        return 0.0, Fault.NOT_A_NUMBER
    value = float(text)
    return value, Fault.NONE if np.isfinite(value) else Fault.NOT_FINITE


def _checked(column: pa.ChunkedArray) -> Numbers:
    values: NDArray[np.float64] = column.fill_null(0.0).to_numpy()
    faults = np.where(np.isfinite(values), np.int8(0), np.int8(Fault.NOT_FINITE))
    if column.null_count:
        faults[column.is_null().to_numpy()] = Fault.NO_VALUE
    return Numbers(values, faults)
