"""What can be wrong with a row, in the order in which a row's first fault is told, and its wording."""

from enum import IntEnum, auto

import numpy as np
from numpy.typing import NDArray

from event_store.ingest.options import EARLIEST, ParseOptions

Faults = NDArray[np.int8]  # one Fault per row


class Fault(IntEnum):
    """A row's fault; NONE is 0, so that a column of faults is also a mask."""

    NONE = 0
    NO_ASSET = auto()
    NO_SENSOR = auto()
    NO_VALUE = auto()
    NOT_A_NUMBER = auto()
    NOT_FINITE = auto()
    NO_TIME = auto()
    BARE_NUMBER = auto()
    UNREADABLE_TIME = auto()
    NO_ZONE = auto()
    SKIPPED_TIME = auto()
    AMBIGUOUS_TIME = auto()
    TOO_EARLY = auto()
    TOO_LATE = auto()


def reasons(options: ParseOptions) -> dict[int, str]:
    """The words of each fault under these options."""
    too_early, too_late = f"before {EARLIEST}", f"more than {options.max_future_s:g} s ahead of now"
    if options.ts_range:
        too_early, too_late = f"before {options.ts_range[0]}", f"not before {options.ts_range[1]}"
    return {
        Fault.NO_ASSET: "no asset",
        Fault.NO_SENSOR: "no sensor",
        Fault.NO_VALUE: "no value",
        Fault.NOT_A_NUMBER: "value is not a number",
        Fault.NOT_FINITE: "value is not finite",
        Fault.NO_TIME: "no time",
        Fault.BARE_NUMBER: "time is unreadable: a bare number; give its unit with --ts-unit",
        Fault.UNREADABLE_TIME: f"time is unreadable: not {_expected(options)}",
        Fault.NO_ZONE: "time without a zone; give it with --tz",
        Fault.SKIPPED_TIME: f"time does not exist in {options.tz}: a clock change skips it",
        Fault.AMBIGUOUS_TIME: f"time is ambiguous in {options.tz}: a clock change repeats it,"
        " and the file's order does not tell which is meant",
        Fault.TOO_EARLY: f"time is {too_early}",
        Fault.TOO_LATE: f"time is {too_late}",
    }


def first_fault(*columns: Faults) -> Faults:
    """The first fault of each row, given the columns in the order of telling."""
    first = columns[0]
    for column in columns[1:]:
        first = np.where(first != 0, first, column)
    return first


def _expected(options: ParseOptions) -> str:
    if options.ts_unit:
        return f"an epoch in {options.ts_unit}"
    return f"'{options.ts_format}'" if options.ts_format else "ISO 8601"
