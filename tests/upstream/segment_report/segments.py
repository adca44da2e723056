"""Segments of charge and discharge as tables, and numbers of every kind."""

import pandas as pd
from altergo_sdk.boiler_plate import Model, register_model


@register_model("segment_report")
class SegmentReport(Model):
    def process(self, data):
        current = data["current"]
        sign = (current > 0).map({True: "discharge", False: "charge"})
        stamps = current.index.to_series()
        rows = []
        for _, part in current.groupby((sign != sign.shift()).cumsum()):
            if len(part) >= self.config["shortest"]:
                rows.append(
                    {
                        "start": part.index[0],
                        "end": part.index[-1],
                        "direction": sign[part.index[0]],
                        "samples": len(part),
                        "duration": part.index[-1] - part.index[0],
                        "value": part.mean(),
                    }
                )
        hourly = current.resample("6h").agg(["mean", "count"]).dropna()
        by_direction = current.groupby(sign).agg(["mean", "count"])
        gap = stamps.diff().max()
        return {
            "segment_summary": pd.DataFrame(rows),
            "quarters": hourly.assign(busy=(hourly["count"] > 200).map({True: "busy", False: "idle"})),
            "by_direction": by_direction,
            "totals": {"samples": current.count(), "longest_gap": gap},
            "samples": (current * 0 + 1).astype(int).cumsum(),
            "high": current > 100,
            "steps": (current > 0).astype("Int64").diff(),
            "nothing": None,
            "empty": pd.Series(dtype=float),
        }
