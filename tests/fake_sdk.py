"""A stand-in for the platform's SDK with what is publicly known of it, a platform behind it, and faults on demand."""

import sys
import types
from collections import defaultdict

import pandas as pd

from altergo_interface.retrying import Retry
from altergo_interface.sdk_gateway import SdkGateway
from altergo_interface.secret import Secret

KEY = "k3y-Zq7+/ä-9fT2mB0wX5"
GIVEN = {"altergoFactoryApi": "https://acme.altergo.io", "altergoIotApi": "https://iot.acme.altergo.io"}


class HttpError(Exception):
    """An error with a response, as HTTP libraries raise it."""

    def __init__(self, status):
        super().__init__(f"{status} for url")
        self.response = types.SimpleNamespace(status_code=status)


class Asset:
    """The SDK's object of an asset."""

    def __init__(self, asset_id, parameters, sensors):
        self.id, self.parameters, self.sensors, self.df = asset_id, parameters, sensors, None


class FakePlatform:
    """What the SDK talks to. `faults` is a list: each call takes the first, an exception to raise or None."""

    def __init__(self):
        self.samples, self.given, self.faults = defaultdict(dict), {}, []
        self.results = defaultdict(lambda: defaultdict(dict))
        self.calls, self.pauses = [], []
        self.hook = lambda key: None
        self.listed = lambda asset: list(self.samples[asset])

    def install(self, monkeypatch):
        """Put `altergo_sdk` into the interpreter for the length of a test."""
        module = types.ModuleType("altergo_sdk")
        module.Client = lambda functionArguments: Client(self, functionArguments)  # noqa: N803  the SDK's own name
        monkeypatch.setitem(sys.modules, "altergo_sdk", module)
        return self

    def put(self, asset, sensor, t, x):
        self.given.setdefault(asset, {})
        index = pd.DatetimeIndex(pd.to_datetime(list(t), unit="us", utc=True))
        self.samples[asset][sensor] = pd.Series(list(x), index=index, dtype=float)

    def step(self, name, key):
        self.calls.append(name)
        self.hook(key)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault

    def open(self, *assets, key=KEY, sensors=None, **more):
        sensors = sensors or sorted({sensor for asset in self.samples.values() for sensor in asset})
        retry = Retry(attempts=3, sleep=self.pauses.append, jitter=lambda: 1.0)
        options = {"retry": retry, "now": lambda: 1_769_731_200_000_000 + 30 * 86_400_000_000} | more
        return SdkGateway(GIVEN, Secret(key), assets, sensors, **options)


class Client:
    """The two functions that are known, with parameters of the fake's own naming, and a getter."""

    def __init__(self, platform, given):
        self._platform, self.key = platform, given["altergoUserApiKey"]

    def getAssetById(self, assetId):  # noqa: N802, N803
        self._platform.step("asset", self.key)
        known = self._platform.given.get(assetId)
        return None if known is None else Asset(assetId, known, self._platform.listed(assetId))

    def getAssetSensorData(self, asset, sensorNames, startDate, endDate):  # noqa: N802, N803
        self._platform.step("fetch", self.key)
        series = self._platform.samples[asset.id]
        found = {s: series[s][(series[s].index >= startDate) & (series[s].index <= endDate)] for s in sensorNames}
        asset.df = pd.DataFrame(found)

    def sendSensorDataToAssets(self, assets, dataFrame):  # noqa: N802, N803
        self._platform.step("send", self.key)
        for asset in assets:
            for sensor in dataFrame:
                for ts, value in dataFrame[sensor].items():
                    self._platform.results[asset.id][sensor][ts.value // 1000] = value
