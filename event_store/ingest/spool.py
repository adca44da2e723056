"""A spool for events that come in pieces: a narrow Parquet file, so that they take the one way into the log."""

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from event_store.segments import TS

_NAME = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema([("asset_id", _NAME), ("sensor", _NAME), ("ts", TS), ("value", pa.float64())])


class EventSpool(AbstractContextManager["EventSpool"]):
    """An event file that is being written; `rows` is how many events are in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._writer = pq.ParquetWriter(path, _SCHEMA)

    def add(self, asset: str, sensor: str, t: NDArray[np.int64], x: NDArray[np.float64]) -> None:
        """Append samples of one sensor: stamps (n,) µs UTC, values (n,)."""
        same = pa.array(np.zeros(len(t), np.int32))
        names = [pa.DictionaryArray.from_arrays(same, pa.array([name])) for name in (asset, sensor)]
        values = pa.array(x.astype(np.float64, copy=False), from_pandas=False)
        self._writer.write_table(pa.table([*names, pa.array(t).view(TS), values], schema=_SCHEMA))
        self.rows += len(t)

    def __exit__(self, *exc: object) -> None:
        self._writer.close()
