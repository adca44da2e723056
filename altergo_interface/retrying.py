"""Asking again: with growing pauses that no two clients share, and only for what may pass."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from altergo_interface.gateway import GatewayUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """So many attempts, with pauses up to `first_s` × 2^n, at most `longest_s`; `sleep` and `jitter` are injected."""

    attempts: int = 5
    first_s: float = 1.0
    longest_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def __call__(self, call: Callable[[], T]) -> T:
        """What the call returns. Raises its last GatewayUnavailable, or any other error at once."""
        for attempt in range(1, self.attempts):
            try:
                return call()
            except GatewayUnavailable:
                limit = min(self.longest_s, self.first_s * 2.0 ** (attempt - 1))
            self.sleep(limit * (0.5 + 0.5 * self.jitter()))
        return call()


def within(seconds: float, call: Callable[[], T]) -> T:
    """What the call returns. Raises GatewayUnavailable where that takes longer.

    The call goes on in a thread that nobody waits for: Python cannot end it, and a client that has no time-out of its
    own could hold a fleet up for ever.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="gateway-call")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise GatewayUnavailable(f"no answer within {seconds:g} s", "Try again later")
    return done[0]
