"""Reads a column of stamps, in whatever form it came, as µs: instants, or wall times of a zone unnamed."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from altergo_interface.errors import IngestError
from event_store.ingest.cells import in_pieces, is_text, plain, with_point
from event_store.ingest.faults import Fault, Faults
from event_store.ingest.formats import Rewrite, iso_rewriter
from event_store.ingest.options import ParseOptions

_FACTORS = {"s": 10**6, "ms": 10**3, "us": 1}  # µs per unit; ns are divided
_DECIMALS = {"s": 6, "ms": 3, "us": 0, "ns": 0}  # of a unit, down to µs
_BARE = re.compile(r"[+-]?\d+([.,]\d*)?(e[+-]?\d{1,2})?", re.IGNORECASE | re.ASCII)
# Python takes any character between date and time, so that an offset after a date would pass for a time.
_ISO = re.compile(r"\d{4}-\d\d-\d\d([Tt ].*)?|\d{8}T.*", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stamps(NamedTuple):
    """Shape (rows,) each; a faulty row's stamp means nothing.

    Attributes:
        us: µs since 1970; of wall times as if they were UTC. What does not fit is clipped.
        faults: NO_TIME, BARE_NUMBER, UNREADABLE_TIME or NONE.
        wall: whether the stamp is a wall time, without a zone.
    """

    us: NDArray[np.int64]
    faults: Faults
    wall: NDArray[np.bool_]


def stamps(column: pa.ChunkedArray, options: ParseOptions) -> Stamps:
    """Reads the column by its type and the options.

    Raises:
        IngestError: the column's type holds no times, or the options contradict it.
    """
    column = plain(column)
    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("ms"))
        kind = column.type
    if pa.types.is_timestamp(kind):
        _refuse(options, "ts_format", kind)
        _refuse(options, "ts_unit", kind)
        return _whole(column, scaled(_integers(column), kind.unit), wall=kind.tz is None)
    if is_text(kind):
        return _read_text(column, options)
    if pa.types.is_null(kind):
        return _failed(len(column), Fault.NO_TIME)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise IngestError(f"holds {kind}, not times", "Convert it to timestamps with a zone")
    _refuse(options, "ts_format", kind)
    return _read_epochs(column, options.ts_unit)


def scaled(values: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """Integers of a unit as µs: ns are floored, what does not fit is clipped."""
    if unit == "ns":
        return values // 1000
    limit = np.iinfo(np.int64).max // _FACTORS[unit]
    return np.clip(values, -limit, limit) * _FACTORS[unit]


def _refuse(options: ParseOptions, option: str, kind: pa.DataType) -> None:
    if getattr(options, option):
        raise IngestError(f"holds {kind}", f"Drop --{option.replace('_', '-')}")


def _whole(column: pa.ChunkedArray, us: NDArray[np.int64], wall: bool) -> Stamps:
    """Stamps of a column without other faults than nulls."""
    faults = np.zeros(len(us), np.int8)
    if column.null_count:
        faults[column.is_null().to_numpy()] = Fault.NO_TIME
    return Stamps(us, faults, np.full(len(us), wall))


def _failed(rows: int, fault: Fault) -> Stamps:
    return Stamps(np.zeros(rows, np.int64), np.full(rows, fault, np.int8), np.zeros(rows, bool))


def _integers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    values: NDArray[np.int64] = column.cast(pa.int64()).fill_null(0).to_numpy()
    return values


def _read_epochs(column: pa.ChunkedArray, unit: str | None) -> Stamps:
    """A numeric column."""
    if unit is None:
        bare = _failed(len(column), Fault.BARE_NUMBER)
        bare.faults[column.is_null().to_numpy()] = Fault.NO_TIME
        return bare
    if pa.types.is_uint64(column.type):  # half of its range is beyond int64, and beyond any time
        column = pc.min_element_wise(column, pa.scalar(np.iinfo(np.int64).max, pa.uint64()), skip_nulls=False)
    if pa.types.is_integer(column.type):
        return _whole(column, scaled(_integers(column), unit), wall=False)
    epochs = column.cast(pa.float64()).fill_null(0.0).to_numpy()
    # A double holds epoch seconds to 0.2 µs only: the nearest µs is what was meant.
    us = np.floor(epochs / 1000) if unit == "ns" else np.rint(epochs * _FACTORS[unit])
    read = _whole(column, np.clip(np.nan_to_num(us), -9e18, 9e18).astype(np.int64), wall=False)
    read.faults[np.isnan(epochs)] = Fault.NO_TIME
    read.faults[np.isinf(epochs)] = Fault.UNREADABLE_TIME
    return read


def _read_text(cells: pa.ChunkedArray, options: ParseOptions) -> Stamps:
    if options.ts_unit:
        unit = options.ts_unit
        cells = with_point(cells, options.decimal)
        pieces = in_pieces(cells, partial(_fast_epochs, unit=unit), partial(_slow, unit=unit))
    elif options.ts_format:
        fast = partial(_fast_format, rewrite=iso_rewriter(options.ts_format))
        pieces = in_pieces(cells, fast, partial(_slow, ts_format=options.ts_format))
    else:
        pieces = in_pieces(cells, _fast_iso, _slow)
    return Stamps(*(np.concatenate(part) for part in zip(*pieces, strict=True)))


def _fast_iso(cells: pa.ChunkedArray) -> Stamps | None:
    for unit in ("us", "ns"):
        for zone in ("UTC", None):
            try:
                read = cells.cast(pa.timestamp(unit, zone))
            except pa.ArrowInvalid:
                continue
            return _whole(read, scaled(_integers(read), unit), wall=zone is None)
    return None


def _fast_format(cells: pa.ChunkedArray, rewrite: Rewrite | None) -> Stamps | None:
    written = rewrite(cells) if rewrite else None
    return None if written is None else _fast_iso(written)


def _fast_epochs(cells: pa.ChunkedArray, unit: str) -> Stamps | None:
    try:
        return _whole(cells, scaled(_integers(cells), unit), wall=False)
    except pa.ArrowInvalid:
        pass
    decimals = _DECIMALS[unit]
    try:
        exact = cells.cast(pa.decimal128(18, decimals))
        us = pc.multiply(exact, pa.scalar(Decimal(10**decimals)))
        return _whole(cells, scaled(_integers(us), "ns" if unit == "ns" else "us"), wall=False)
    except pa.ArrowInvalid:
        return None


def _slow(cells: list[str | None], ts_format: str | None = None, unit: str | None = None) -> Stamps:
    read = [_one((cell or "").strip(), ts_format, unit) for cell in cells]
    us, faults, wall = zip(*read, strict=True)
    return Stamps(np.array(us, np.int64), np.array(faults, np.int8), np.array(wall, bool))


@lru_cache(maxsize=4096)  # the sensors of one moment share their stamp
def _one(text: str, ts_format: str | None, unit: str | None) -> tuple[int, Fault, bool]:
    """One stamp as (µs, fault, whether it is a wall time)."""
    if not text:
        return 0, Fault.NO_TIME, False
    if unit:
        return _one_epoch(text, unit)
    if not ts_format and _BARE.fullmatch(text):
        return 0, Fault.BARE_NUMBER, False
    if not ts_format and not _ISO.fullmatch(text):
        return 0, Fault.UNREADABLE_TIME, False
    try:
        time = datetime.strptime(text, ts_format) if ts_format else datetime.fromisoformat(text)
    except ValueError:
        return 0, Fault.UNREADABLE_TIME, False
    wall = time.tzinfo is None
    us = ((time.replace(tzinfo=UTC) if wall else time) - _EPOCH) // timedelta(microseconds=1)
    return us, Fault.NONE, wall


def _one_epoch(text: str, unit: str) -> tuple[int, Fault, bool]:
    if not _BARE.fullmatch(text) or "," in text:
        return 0, Fault.UNREADABLE_TIME, False
    us = Decimal(text) / 1000 if unit == "ns" else Decimal(text) * _FACTORS[unit]
    whole = int(us.to_integral_value("ROUND_FLOOR"))
    limit = int(np.iinfo(np.int64).max)
    return max(-limit, min(whole, limit)), Fault.NONE, False
