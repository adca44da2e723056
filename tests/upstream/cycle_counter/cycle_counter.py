"""Cumulative cycles, seeded with the last value that the platform has stored."""

import numpy as np
import pandas as pd
from altergo_sdk.boiler_plate import Model, register_model

import utils


@register_model("cycle_counter", metadata={"category": "usage", "complexity": "low", "computational_cost": "low"})
class CycleCounter(Model):
    def __init__(self):
        super().__init__()
        self.seconds_per_hour = 3600

    def process(self, data):
        print("counting cycles")
        current = data["current"]
        start = data.get("initial_cycles", 0.0)
        hours = current.index.to_series().diff().dt.total_seconds().fillna(0) / self.seconds_per_hour
        steps = utils.gain() * current.abs() * hours * self.config["efficiency"] / (2 * data["capacity"])
        return {
            "cycles": pd.Series(np.cumsum(steps.to_numpy()) + start, index=current.index),
            "undeclared": current,
        }
