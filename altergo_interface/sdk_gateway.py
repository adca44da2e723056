"""The Altergo platform through its private SDK: the only file that imports it, and only when it is used.

What is known of the SDK is its public surface: `Client(functionArguments=…)` with `getAssetSensorData` and
`sendSensorDataToAssets`. All else is asked for before it is used. Nothing here has been tried against the live
platform; see documentation/how-to/deployment.md.
"""

import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from altergo_interface.errors import SettingsError
from altergo_interface.gateway import GatewayError, GatewayUnavailable, Page, Points
from altergo_interface.quiet import Outcome, hushed, hushed_for_good, outcome
from altergo_interface.retrying import Retry, within
from altergo_interface.sdk_shapes import arguments, frame_of, samples
from altergo_interface.secret import Secret
from altergo_interface.sensors import is_pattern, matching

T = TypeVar("T")

KEY = "altergoUserApiKey"
INSTALL = 'pip install "altergo-sdk @ git+https://ALTERGO_GIT_HOST/.../altergo-sdk.git"'
"""A direct reference to Altergo's own git host, which Altergo names: no index has a package of theirs."""

TIMEOUT_S = 300.0
WINDOW_US = 31 * 86_400_000_000
FIRST_US = 1_420_070_400_000_000
"""2015-01-01: a sensor that is not known yet is asked for from here on."""

_CLIENT_MODULES = ("altergo_sdk", "altergo_sdk.client", "altergo_sdk.altergo_client", "altergo_sdk.tools.client")
_ASSET_GETTERS = ("getAssetById", "getAsset", "getAssetByID", "get_asset_by_id", "get_asset")
_TRANSIENT = (ConnectionError, TimeoutError, GatewayUnavailable)
_TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504)
_TRANSIENT_WORDS = ("timeout", "timed out", "connection", "temporarily", "unavailable", "too many requests")


class SdkGateway:
    """A gateway to the platform.

    Args:
        given: what the platform passes to a function (URLs and the like), without the key.
        key: the user's API key.
        assets: the ids of the assets.
        sensors: the names of the sensors to fetch; patterns count where the SDK's asset lists what it has.
        retry, timeout_s: each call is repeated and given up as they say.
        now: the time, µs UTC.

    Raises SettingsError with the install line where the SDK is not there.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        key: Secret,
        assets: Sequence[str],
        sensors: Sequence[str],
        *,
        retry: Retry | None = None,
        timeout_s: float = TIMEOUT_S,
        first_us: int = FIRST_US,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._given, self._key = dict(given), key
        self._assets, self._sensors = tuple(assets), tuple(sensors)
        self._retry, self._timeout_s = retry or Retry(), timeout_s
        self._first_us, self._now = first_us, now
        self._make = _client_class(key)
        self._client: Any = None

    @property
    def name(self) -> str:
        """`altergo:` and the platform's host."""
        host = urlsplit(str(self._given.get("altergoFactoryApi", ""))).hostname
        return self._key.hide(f"altergo:{host or 'platform'}")

    def assets(self) -> Sequence[str]:
        """The assets that were named."""
        return self._assets

    def parameters(self, asset_id: str) -> Mapping[str, Any]:
        """What the SDK's asset has as `parameters`; nothing where it has no such thing."""
        found = getattr(self._asset(asset_id), "parameters", None)
        if isinstance(found, Mapping):
            return {str(name): _plain(value) for name, value in found.items()}
        entries = found if isinstance(found, list | tuple) else ()
        return {str(e["name"]): _plain(e.get("value")) for e in entries if isinstance(e, Mapping) and "name" in e}

    def fetch(self, asset_id: str, since: Mapping[str, int]) -> Iterator[Page]:
        """Sensor by sensor, a month to a page."""
        asset = self._asset(asset_id)
        end = self._now() + 86_400_000_000
        for sensor in self._wanted(asset):
            start = since.get(sensor, self._first_us)
            for low in range(start, end, WINDOW_US):
                t, x = self._page(asset, asset_id, sensor, low, min(low + WINDOW_US, end))
                if len(t):
                    yield Page(sensor, t, x)

    def _wanted(self, asset: Any) -> list[str]:
        listed = getattr(asset, "sensors", None)
        if not isinstance(listed, list | tuple):
            return [name for name in self._sensors if not is_pattern(name)]
        names = [entry.get("name") if isinstance(entry, Mapping) else entry for entry in listed]
        there = [name for name in names if isinstance(name, str)]
        return list(dict.fromkeys(found for name in self._sensors for found in matching(name, there)))

    def _page(self, asset: Any, asset_id: str, sensor: str, low: int, high: int) -> Any:
        span = {"start": _stamp(low), "end": _stamp(high)}

        def call() -> Any:
            get = self._client.getAssetSensorData
            answer = get(**arguments(get, {"asset": asset, "sensors": [sensor], **span}))
            return samples(answer if answer is not None else getattr(asset, "df", None), sensor)

        t, x = self._ask(f"asset '{asset_id}', sensor '{sensor}'", call)
        inside = (t >= low) & (t < high)  # nobody knows whether the SDK's ends are open or closed
        return t[inside], x[inside]

    def send(self, asset_id: str, points: Sequence[Points]) -> None:
        """One call for each series."""
        asset = self._asset(asset_id)
        for series in points:
            if len(series.t) or len(series.withdrawn):
                self._ask(f"asset '{asset_id}', series '{series.sensor}'", partial(self._put, asset, series))

    def _put(self, asset: Any, series: Points) -> None:
        put = self._client.sendSensorDataToAssets
        given = {"asset": asset, "assets": [asset], "data": frame_of(series), "sensors": [series.sensor]}
        put(**arguments(put, given))

    def _asset(self, asset_id: str) -> Any:
        """The SDK's object of an asset, where it has such, or else its id."""

        def call() -> Any:
            if self._client is None:
                self._client = self._make(functionArguments={**self._given, KEY: self._key.reveal()})
            getter = next((name for name in _ASSET_GETTERS if callable(getattr(self._client, name, None))), None)
            return asset_id if getter is None else getattr(self._client, getter)(asset_id)

        found = self._ask(f"asset '{asset_id}'", call)
        if found is None:
            raise GatewayError(f"{self.name}: no asset '{asset_id}'", "Check assetId")
        return found

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        def once() -> T:
            with hushed(self._key):
                found = outcome(partial(within, self._timeout_s, call), self._key)
            if found.kind is GatewayUnavailable:
                hushed_for_good(self._key)  # the call goes on, and may still speak
            if found.value is None:
                self._fail(what, found)
            return found.value[0]

        return self._retry(once)

    def _fail(self, what: str, found: Outcome[Any]) -> NoReturn:
        words = found.text.lower()
        transient = issubclass(found.kind, _TRANSIENT) or any(word in words for word in _TRANSIENT_WORDS)
        if found.status is not None:
            transient = found.status in _TRANSIENT_STATUS
        text = self._key.hide(f"{self.name}: {what}: {found.text}")
        raise GatewayUnavailable(text, "Try again later") if transient else GatewayError(text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a gateway is not pickled: it holds a key")


def _client_class(key: Secret) -> Any:
    """The SDK's Client, wherever it lies. Raises SettingsError."""
    with hushed(key):
        tried = [outcome(partial(importlib.import_module, name), key) for name in _CLIENT_MODULES]
    modules = [found.value[0] for found in tried if found.value is not None]
    client = next((module.Client for module in modules if hasattr(module, "Client")), None)
    if client is not None:
        return client
    broken = next((found for found in tried if not issubclass(found.kind, ImportError) and found.value is None), None)
    if broken is not None:
        raise SettingsError(f"the Altergo SDK cannot be imported ({broken.text})", f"Install it again: {INSTALL}")
    if modules:
        raise SettingsError("the installed 'altergo_sdk' has no Client: it is not Altergo's", f"Install: {INSTALL}")
    hint = f'Install it: {INSTALL}; or name a folder instead: "gateway": "file:DIR"'
    raise SettingsError("the Altergo SDK is not installed", hint)


def _stamp(t: int) -> datetime:
    return datetime.fromtimestamp(t // 1_000_000, UTC).replace(microsecond=t % 1_000_000)


def _plain(value: Any) -> Any:
    """A parameter's value; the platform wraps some as `{"value": …}`."""
    return value["value"] if isinstance(value, Mapping) and set(value) == {"value"} else value
