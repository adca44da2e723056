"""The time of each row: its stamp, localised where it has no zone, and plausible."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from event_store.ingest.faults import Fault
from event_store.ingest.options import ParseOptions
from event_store.ingest.stamps import stamps
from event_store.ingest.zones import Localised, localise


def times(
    column: pa.ChunkedArray, series: NDArray[np.int64], options: ParseOptions, bounds: tuple[int, int]
) -> Localised:
    """A column of stamps as UTC.

    Args:
        series: the series of each row, shape (rows,): the file's order within one tells repeated hours apart.
        bounds: the half-open range of plausible times, µs UTC.

    Raises:
        IngestError: as `stamps`.
    """
    us, faults, wall = stamps(column, options)
    wall &= faults == 0
    if wall.any():
        if options.tz is None:
            faults[wall] = Fault.NO_ZONE
        else:
            us = us.copy()  # a column of µs is not copied until here
            us[wall], faults[wall] = localise(us[wall], series[wall], options.tz, bounds)
    early, late = us < bounds[0], us >= bounds[1]
    faults[early & (faults == 0)] = Fault.TOO_EARLY
    faults[late & (faults == 0)] = Fault.TOO_LATE
    return Localised(us, faults)
