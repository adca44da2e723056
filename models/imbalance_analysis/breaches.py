"""Records of kind `imbalance`: the resting range beyond its limit, debounced, with hysteresis, in few versions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from altergo_interface import Record
from models._ocv import OcvTable
from models.imbalance_analysis.blocks import Flags, Floats, Ints
from models.imbalance_analysis.extremes import Extremes
from models.imbalance_analysis.readings import MV_PER_V
from models.imbalance_analysis.state import BlockRange, Breach, OpenImbalance

DAY_US = 86_400_000_000

BACK_SHARE = 0.8
"""A range is back inside at or below this share of the limit."""

CLEAR_US = DAY_US
"""How long it must stay there: a weak cell may show at every deep discharge only."""

RANGE_LIMIT_MV: Mapping[str, float] = {"NMC": 50.0, "NCA": 50.0, "LCO": 50.0, "LMO": 50.0, "LFP": 30.0, "LTO": 30.0}
"""About what 5 % of charge make in the middle of the curve, and not below what cells differ by anyway: on the plateau
of LFP, 5 % are 3 mV."""

LIMIT_SOC = 0.05
"""Near the ends of the curve the limit is what this difference of charge makes there."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """m blocks: `start` and `end`, their first and last microsecond (µs UTC), the range and its limit (mV), and what
    a record tells of them, name to (m,), NaN for unknown."""

    start: Ints
    end: Ints
    mv: Floats
    limit_mv: Floats
    detail: Mapping[str, Floats]

    def block(self, i: int) -> BlockRange:
        """What a state keeps of block i."""
        told = {name: float(x[i]) for name, x in self.detail.items() if not np.isnan(x[i])}
        limit = float(self.limit_mv[i])
        return BlockRange(
            start=int(self.start[i]), end=int(self.end[i]), mv=float(self.mv[i]), limit_mv=limit, detail=told
        )


def limits_mv(found: Extremes, table: OcvTable, place: Floats, given: float | None) -> Floats:
    """The limit of each block, mV (m,): the configured one, else by chemistry and by the place on the curve."""
    if given is not None:
        return np.full(len(found), given)
    base = RANGE_LIMIT_MV[table.chemistry]
    limits = np.full(len(found), base)
    near = np.flatnonzero(MV_PER_V * found.range_v > BACK_SHARE * base)
    soc = table.invert((found.low.v + found.high.v)[near] / 2, place[near])
    rise_v = table.ocv(np.minimum(soc + LIMIT_SOC / 2, 1.0)) - table.ocv(np.maximum(soc - LIMIT_SOC / 2, 0.0))
    limits[near] = np.maximum(base, MV_PER_V * rise_v)
    return limits


def follow(before: Breach, ranges: Ranges, span_end: int) -> tuple[Breach, list[Record]]:
    """Breach and record versions, in time order, after the blocks of a call that ends at `span_end`.

    Two blocks in a row beyond the limit open a record; a day of blocks that are all back inside closes it.
    """
    n = len(ranges.mv)
    last = ranges.block(n - 1) if n else before.last
    opens = _second(ranges.mv > ranges.limit_mv, before.last is not None and before.last.mv > before.last.limit_mv)
    if before.record is None and not len(opens):
        return Breach(last=last), []
    since = _back_since(ranges, before.back_since)
    closes = np.flatnonzero((since >= 0) & (ranges.end + 1 - since >= CLEAR_US))
    record, at, written = before.record, -1, list[Record]()
    while True:
        if record is None:
            at = _after(opens, at, n)
            if at == n:
                return Breach(last=last), written
            first = ranges.block(at - 1) if at or before.last is None else before.last
            record = _opened(first, ranges.block(at))
            written.append(_version(record, int(ranges.end[at])))
        stop = _after(closes, at, n)
        until = int(ranges.end[stop]) if stop < n else span_end
        versions, record = _grown(record, ranges, (at + 1, stop), until)
        written += versions
        if stop == n:
            back_since = before.back_since if n == 0 else int(since[-1]) if since[-1] >= 0 else None
            return Breach(last=last, back_since=back_since, record=record), written
        written.append(_version(record, until, int(since[stop])))
        record, at = None, stop


def _back_since(ranges: Ranges, before: int | None) -> Ints:
    """The start of the run of blocks back inside that each block belongs to (m,), −1 for those that are not.

    `before` is the start of the run that the first block carries on.
    """
    back = ranges.mv <= BACK_SHARE * ranges.limit_mv
    first = np.maximum.accumulate(np.where(back, 0, np.arange(1, len(back) + 1)))
    begun = np.append(ranges.start, 0)[first]
    if before is not None:
        begun = np.where(first == 0, before, begun)
    return np.where(back, begun, -1)


def _second(flag: Flags, before: bool) -> Ints:
    """The places at which `flag` holds for the second time in a row; `before` is what precedes the first."""
    return np.flatnonzero(flag & np.concatenate(([before], flag))[:-1])


def _after(places: Ints, at: int, n: int) -> int:
    """The first place behind `at`, or n."""
    k = int(np.searchsorted(places, at, side="right"))
    return int(places[k]) if k < len(places) else n


def _opened(first: BlockRange, second: BlockRange) -> OpenImbalance:
    peak = second if second.mv > first.mv else first
    return OpenImbalance(started_at=first.start, peak=peak, written_mv=peak.mv)


def _grown(
    record: OpenImbalance, ranges: Ranges, part: tuple[int, int], until: int
) -> tuple[list[Record], OpenImbalance]:
    """A record after the blocks `part` [first, stop), and a version at the end of each UTC day that brought a new
    extreme, as far as that lies before `until`."""
    mv = ranges.mv[part[0] : part[1]]
    highest = np.maximum.accumulate(np.concatenate(([record.peak.mv], mv)))
    peaks = [record.peak, *(ranges.block(part[0] + i) for i in np.flatnonzero(mv > highest[:-1]).tolist())]
    written = []
    for i, peak in enumerate(peaks):
        record = record.model_copy(update={"peak": peak})
        day_end = (peak.end // DAY_US + 1) * DAY_US - 1
        same_day = i + 1 < len(peaks) and peaks[i + 1].end <= day_end
        if peak.mv > record.written_mv and day_end < until and not same_day:
            written.append(_version(record, day_end))
            record = record.model_copy(update={"written_mv": peak.mv})
    return written, record


def _version(record: OpenImbalance, at: int, ended_at: int | None = None) -> Record:
    detail = {"limit_mv": record.peak.limit_mv, "extreme_at": record.peak.end, **record.peak.detail}
    return Record("imbalance", record.started_at, at, ended_at, value=record.peak.mv, detail=detail)
