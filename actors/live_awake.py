"""Which twins are awake, and their states as of the last commit: what a question about a twin is answered from."""

import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any

from event_store.queries import asset_states
from event_store.store import Store

IDLE_S = 900.0


class AwakeTwins:
    """Twins stay awake for `idle_s` after their last event. It may be asked from other threads."""

    def __init__(self, store: Store, idle_s: float) -> None:
        self._store = store
        self._idle_s = idle_s
        self._since: OrderedDict[str, float] = OrderedDict()
        self._states: dict[str, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._since)

    def state(self, asset_id: str) -> dict[str, Any] | None:
        """The state of a twin that is awake, see `Fleet.state`; None of any other."""
        return self._states.get(asset_id)

    def refresh(self, assets: Collection[str]) -> None:
        """These twins have just been committed: take their states, and let them stay awake anew."""
        with self._store.catalog.session("live") as con:
            self._states |= asset_states(con, assets)
        now = time.monotonic()
        for asset in assets:
            self._since[asset] = now
            self._since.move_to_end(asset)

    def passivate(self) -> Sequence[str]:
        """Let go of the twins that have been idle for too long; gives them."""
        gone: list[str] = []
        limit = time.monotonic() - self._idle_s
        while self._since and (oldest := next(iter(self._since))) and self._since[oldest] <= limit:
            del self._since[oldest]
            self._states.pop(oldest, None)
            gone.append(oldest)
        return gone
