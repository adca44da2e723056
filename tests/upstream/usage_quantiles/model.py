"""Quantiles of the whole window, and labels for what happens in it."""

import numpy as np
import pandas as pd
from altergo_sdk.boiler_plate import Model, register_model
from altergo_sdk.tools.utils import extract_altergo_parameters

PARAMETERS = extract_altergo_parameters


@register_model("usage_quantiles")
class UsageQuantiles(Model):
    def process(self, data):
        current = data["current"]
        low, high = current.quantile([0.1, 0.9])
        last = current.index[-1:]
        names = np.select([current < low, current > high], ["low", "high"], "middle")
        band = pd.Series(pd.Categorical(names, categories=["low", "middle", "high"]), index=current.index)
        regime = pd.Series(np.where(current > 0, "discharge", "charge"), index=current.index)
        regime[current == 0] = None
        naive = pd.Series([high], index=last.tz_localize(None))
        return {
            "band": band,
            "regime": regime,
            "peak": naive,
            "dominant": str(regime.mode().get(0, "idle")),
            "share_charging": float((current < 0).mean()),
        }
