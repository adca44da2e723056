"""Interruptions (Ctrl-C, SIGTERM) that wait until a step is through."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[Callable[[], bool]]:
    """Hold interruptions back until the block ends; yields a function that says whether one waits.

    An interruption is an exception between any two instructions: between taking a lock and noting that it is held,
    too. The process would then wait for itself. Only the main thread is interrupted, so only it is protected.
    """
    waiting: list[int] = []
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            before = {which: handler for which in _SIGNALS if (handler := signal.getsignal(which)) is not None}
            for which in before:
                signal.signal(which, lambda number, _: waiting.append(number))
        yield lambda: bool(waiting)
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
        for number in waiting[:1]:
            signal.raise_signal(number)
