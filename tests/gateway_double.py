"""The contract double: a platform in memory, with faults on demand."""

from collections import defaultdict

import numpy as np

from altergo_interface.gateway import GatewayError, Page


class MemoryGateway:
    """The reference of what a gateway does. `fail_at` is the number of the page, over all fetches, that fails."""

    name = "memory"

    def __init__(self, page_samples=4):
        self.samples = {}
        self.given = defaultdict(dict)
        self.results = defaultdict(dict)
        self.page_samples = page_samples
        self.fail_at = None
        self.error = GatewayError("page refused")
        self.asked = []
        self._pages = 0

    def put(self, asset, sensor, t, x):
        """What the platform has of a sensor; the asset comes into being."""
        mine = self.samples.setdefault(asset, {})
        old_t, old_x = mine.get(sensor, (np.empty(0, np.int64), np.empty(0)))
        t, x = np.concatenate([old_t, np.asarray(t, np.int64)]), np.concatenate([old_x, np.asarray(x, np.float64)])
        order = np.argsort(t, kind="stable")
        mine[sensor] = t[order], x[order]

    def assets(self):
        return list(self.samples)

    def parameters(self, asset_id):
        self._known(asset_id)
        return dict(self.given[asset_id])

    def fetch(self, asset_id, since):
        self._known(asset_id)
        self.asked.append((asset_id, dict(since)))
        for sensor, (t, x) in self.samples[asset_id].items():
            start = np.searchsorted(t, since[sensor]) if sensor in since else 0
            for at in range(int(start), len(t), self.page_samples):
                self._pages += 1
                if self._pages == self.fail_at:
                    raise self.error
                yield Page(sensor, t[at : at + self.page_samples], x[at : at + self.page_samples])

    def send(self, asset_id, points):
        self._known(asset_id)
        for series in points:
            held = self.results[asset_id].setdefault(series.sensor, {})
            for t in series.withdrawn.tolist():
                held.pop(t, None)
            labels = series.labels if series.labels is not None else [None] * len(series.t)
            for t, x, label in zip(series.t.tolist(), series.x.tolist(), labels, strict=True):
                held[t] = (None if x != x else x, label)

    def _known(self, asset_id):
        if asset_id not in self.samples:
            raise GatewayError(f"memory: no asset '{asset_id}'")
