"""Publication and housekeeping between the rounds of long-lived twins: seldom, and when nothing has come."""

import time

from actors.running import PUBLISH_EVERY_S, PUBLISH_SHARE
from event_store.garbage import collect
from event_store.housekeeping import tidy
from event_store.publish import publish
from event_store.store import Store


class Publication:
    """Keeps the published copy young enough, for a small share of the time. The caller holds the run lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending = False
        self._last = time.monotonic()
        self._cost = 0.0

    def touch(self) -> None:
        """Something was committed that the copy does not show yet."""
        self._pending = True

    def if_due(self, busy: bool) -> None:
        """Tidy up and publish, if there is something to publish and the last time is long enough ago.

        While twins are `busy` it waits for a quiet moment, but not for ever.
        """
        wait_s = max(PUBLISH_EVERY_S, self._cost / PUBLISH_SHARE) * (2 if busy else 1)
        if self._pending and time.monotonic() - self._last > wait_s:
            self.now()

    def now(self) -> None:
        """Tidy up and publish."""
        began = time.monotonic()
        garbage = tidy(self._store)
        publish(self._store)
        collect(self._store, garbage)
        self._pending = False
        self._last = time.monotonic()
        self._cost = self._last - began
