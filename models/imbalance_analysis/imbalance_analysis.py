"""The imbalance analysis: the model class and its outputs."""

from collections.abc import Mapping

import numpy as np

from altergo_interface import Model, ModelError, ModelState, Outputs, StepData, hold, register_model
from models._ocv import OcvTable, table_for
from models.imbalance_analysis import breaches, hysteresis, trend
from models.imbalance_analysis.blocks import Floats, Ints, find_blocks, rest_rule
from models.imbalance_analysis.breaches import Ranges
from models.imbalance_analysis.extremes import Extremes, extremes
from models.imbalance_analysis.hysteresis import Branch, no_hysteresis
from models.imbalance_analysis.judgement import judge
from models.imbalance_analysis.readings import MV_PER_V, Reading, read, samples_since, voltage_range
from models.imbalance_analysis.spread import Conditions
from models.imbalance_analysis.state import Imbalance, OpenBlock, Rest

TEMPERATURE_AGE_S = 3600.0
"""A pack's temperature changes slowly: one sample stands for an hour."""

MANY_BLOCKS = 288
"""A day's worth by default."""


@register_model(
    "imbalance_analysis", metadata={"category": "health", "complexity": "medium", "computational_cost": "low"}
)
class ImbalanceAnalysis(Model):
    """Compares the highest with the lowest cell at rest, in mV and in state of charge."""

    State = Imbalance

    def advance(self, state: Imbalance, data: StepData) -> tuple[ModelState, Outputs]:
        """Fold the samples of the span, and the blocks and days that end in it."""
        capacity_ah, table = _constants(data)
        readings, current = read(data, self.config["max_gap_s"]), data.series("current")
        rule = rest_rule(current, capacity_ah, self.config)
        blocks = find_blocks(current, state.block, state.rest, data.span, rule)
        found = extremes(readings, blocks, state.block, rule.block_us)
        loop, branch = state.loop, no_hysteresis(len(found))
        if table.hysteretic:
            loop, branch = hysteresis.follow(current, loop, capacity_ah, rule, found.end)

        rest, moved_v = _moved(found, state.rest, blocks.rest)
        conditions = _conditions(data, found.end, branch, moved_v)
        judged = judge(found, table, conditions, self.config["cell_offset_mv"] / MV_PER_V)
        limits_mv = breaches.limits_mv(found, table, branch.place, self.config["voltage_range_limit_mv"])
        ranges = Ranges(found.start, found.end, MV_PER_V * found.range_v, limits_mv, judged.told(found))
        breach, records = breaches.follow(state.breach, ranges, data.span.end)
        days, slopes = trend.follow(state.days, found.end[judged.steady], judged.soc[judged.steady], data.span)

        after = Imbalance(
            block=_left_open(blocks.open, state.block, readings, rule.block_us),
            rest=rest,
            loop=loop,
            breach=breach,
            days=days,
            generic=table.chemistry if table.generic else "",
            blocks=state.blocks + len(found),
            estimates=state.estimates + int(np.count_nonzero(judged.level)),
            crossed=state.crossed + int(np.count_nonzero(found.crossed)),
        )
        outputs = {"voltage_range": voltage_range(readings), "imbalance_trend": slopes, **judged.outputs(found)}
        return after, {name: rows for name, rows in outputs.items() if len(rows)} | {"records": records}

    def notices(self, state: Imbalance) -> list[str]:
        """A guessed curve, rests that tell nothing, and extremes that are mixed up."""
        found = []
        if state.generic and state.estimates:
            found.append(f"soc_imbalance is by the generic {state.generic} curve: give the cells' own as ocv_table")
        if not state.estimates and state.blocks >= MANY_BLOCKS:
            found.append(
                f"soc_imbalance was never given: all {state.blocks} blocks at rest lie where the curve is too flat"
            )
        if state.crossed > state.blocks / 2:
            found.append("v_cell_max lies below v_cell_min in most rests: are they mixed up?")
        return found


def _constants(data: StepData) -> tuple[float, OcvTable]:
    """Capacity (Ah) and table. Raises ModelError for what is missing or senseless."""
    capacity_ah, chemistry, own = data.number("capacity"), data.get("chemistry"), data.get("ocv_table")
    if capacity_ah is None or not 0 < capacity_ah < float("inf"):
        raise ModelError(f"capacity must be above 0 Ah, not {capacity_ah}", "Give it as a parameter of the asset")
    if not isinstance(chemistry, str):
        raise ModelError("chemistry is missing", "Give it as a parameter of the asset")
    return capacity_ah, table_for(chemistry, own if isinstance(own, Mapping) and own else None)


def _moved(found: Extremes, before: Rest | None, rest: Rest | None) -> tuple[Rest | None, Floats]:
    """The rest that goes on, with its first range, and how far each block's range is from its rest's first (V)."""
    if not len(found):
        return rest, np.empty(0)
    first = np.flatnonzero(np.diff(found.since, prepend=-1))
    firsts = found.range_v[first]
    if before is not None and before.since == found.since[0] and not np.isnan(before.first_range_v):
        firsts[0] = before.first_range_v
    of_rest = np.repeat(firsts, np.diff(np.append(first, len(found))))
    if rest is not None and rest.since == found.since[-1]:
        rest = Rest(since=rest.since, first_range_v=float(of_rest[-1]))
    return rest, found.range_v - of_rest


def _conditions(data: StepData, ends: Ints, branch: Branch, moved_v: Floats) -> Conditions:
    def held(name: str, max_age_s: float | None) -> Floats:
        series = data.series(name)
        if series is None:
            return np.full(len(ends), np.nan)
        return hold(series, ends, max_age_s or series.declared.max_interval_s())

    return Conditions(branch, held("temperature", TEMPERATURE_AGE_S), held("soc", None), moved_v)


def _left_open(
    cut: OpenBlock | None, before: OpenBlock | None, readings: tuple[Reading, ...], block_us: int
) -> OpenBlock | None:
    """The block that the call's end cut, with its voltages so far, in the order of the series."""
    if cut is None or cut.loud:
        return cut
    earlier = before.samples if before is not None and before.number == cut.number else {}
    fresh = samples_since(readings, cut.number * block_us)
    both = {name: (*earlier.get(name, ()), *fresh.get(name, ())) for reading in readings for name in reading.columns}
    return cut.model_copy(update={"samples": {name: values for name, values in both.items() if values}})
