"""State of charge from charge counting and open-circuit voltage: the model class, and the steps of one call."""

import math

import numpy as np

from altergo_interface import Model, ModelState, Outputs, Samples, StepData, register_model
from models.soc_ocv_estimation.branch import FULL_TURN, follow
from models.soc_ocv_estimation.counting import Count, Floats, count
from models.soc_ocv_estimation.full_charge import FullCharges, find
from models.soc_ocv_estimation.gaps import after_gaps
from models.soc_ocv_estimation.grid import Grid, lay_grid
from models.soc_ocv_estimation.moments import Moments, on_grid
from models.soc_ocv_estimation.outputs import outputs
from models.soc_ocv_estimation.readings import IMPLAUSIBLE_LIMIT, Reading, at_current, plausibility, read
from models.soc_ocv_estimation.rests import Spell, find_spells
from models.soc_ocv_estimation.rules import Rules, rules_for
from models.soc_ocv_estimation.state import Branch, Estimate, Finding, Rest, Waiting
from models.soc_ocv_estimation.track import Track, walk
from models.soc_ocv_estimation.voltages import soc_of


@register_model(
    "soc_ocv_estimation", metadata={"category": "state", "complexity": "medium", "computational_cost": "low"}
)
class SocOcvEstimation(Model):
    """Counts charge between rests, and corrects the count at rests by the open-circuit voltage."""

    State = Estimate

    def advance(self, state: Estimate, data: StepData) -> tuple[ModelState, Outputs]:
        """Fold the samples and the timers of the span into the estimate."""
        current, voltage = data.series("current"), data.series("voltage")
        if current is None and voltage is None:
            return state, {}
        rules = rules_for(data, self.config, current, voltage)
        implausible, plausible = plausibility(voltage, state, rules)
        state = state.model_copy(
            update={
                "implausible": implausible,
                "plausible": plausible,
                "generic": rules.table.chemistry if rules.table.generic else "",
            }
        )
        if current is None:
            return state, {}
        return _step(state, data, current, voltage, rules)

    def notices(self, state: Estimate) -> list[str]:
        """Warnings where no voltage can be a cell's, and where a packaged table stands in for the cell's own."""
        if not state.plausible and state.implausible >= IMPLAUSIBLE_LIMIT:
            return [
                f"no SOC: none of {state.implausible} values of input 'voltage' over its cells in series can be a "
                "cell's. Set the asset's parameter `cells_in_series` (a pack's voltage needs it), or correct "
                "`chemistry`"
            ]
        if not state.generic or state.anchor is None:
            return []
        return [
            f"the SOC rests on the packaged OCV table for '{state.generic}', not on this cell's own: cells of one "
            "chemistry differ by 5 to 13 % SOC. Give the asset its `ocv_table`"
        ]


def _step(
    state: Estimate, data: StepData, current: Samples, voltage: Samples | None, rules: Rules
) -> tuple[ModelState, Outputs]:
    counted = count(current, data.series("soh"), state, rules)
    reading = read(voltage, counted, state, rules)
    spells = find_spells(counted, state.rest, rules)
    grid = lay_grid(spells, reading, data.span, rules)
    temperature = data.series("temperature")
    awake, waiting = after_gaps(grid, spells, reading, counted, temperature, rules)
    moments = on_grid(grid, spells, counted, temperature, rules).with_more(awake)
    branch, positions = _branch(state.branch, counted, moments, rules)
    told = soc_of(moments, positions, rules)
    full = find(counted, None if voltage is None else at_current(voltage, reading, counted, rules), state, rules)
    track = walk(state, spells, moments, told, positions, full, counted, rules)
    rest = _rest_in_progress(spells, grid, waiting, track)
    return _after(state, counted, reading, rest, branch, full, track), outputs(state, counted, track, rules)


def _branch(branch: Branch, counted: Count, moments: Moments, rules: Rules) -> tuple[Branch, Floats]:
    """The hysteresis after the call, and its position at each moment; 0 where the table knows no branches."""
    if not rules.table.hysteretic:
        return branch, np.zeros(len(moments.at))
    hidden = np.diff(counted.lost)
    lost_sight = np.flatnonzero(counted.gap & (hidden >= (FULL_TURN / 2) ** 2)) + 1
    return follow(branch, counted.counted, lost_sight, moments.sum_at)


def _rest_in_progress(spells: list[Spell], grid: Grid, waiting: Waiting | None, track: Track) -> Rest | None:
    if not spells or spells[-1].stop is not None:
        return None
    return Rest(
        since=spells[-1].since,
        over_since=spells[-1].over_since,
        grid_v=(float(grid.v[-3]), float(grid.v[-2]), float(grid.v[-1])),
        level=track.level,
        waiting=waiting,
        finding=None if track.finding is None else Finding(**track.finding),
    )


def _after(
    state: Estimate,
    counted: Count,
    reading: Reading,
    rest: Rest | None,
    branch: Branch,
    full: FullCharges,
    track: Track,
) -> Estimate:
    """The state at the end of the call."""
    return Estimate(
        counted=float(counted.counted[-1]),
        lost=float(counted.lost[-1]),
        soh=float(counted.soh[-1]) if len(counted.soh) else state.soh,
        voltage_at=int(reading.rest_t[-1]) if len(reading.rest_t) else None,
        voltage=float(reading.rest_v[-1]) if len(reading.rest_v) else math.nan,
        rest=rest,
        before=track.before.stored() if track.before else None,
        anchor=track.anchor.stored() if track.anchor else None,
        branch=branch,
        full_since=full.since,
        full_used=full.used,
        implausible=state.implausible,
        plausible=state.plausible,
        generic=state.generic,
    )
