"""Keeping a secret out of what other code says: its prints, log records and warnings, and the errors it raises."""

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any, Generic, TextIO, TypeVar

from altergo_interface.secret import Secret

T = TypeVar("T")
_ONE_AT_A_TIME = threading.RLock()
_SHOWN = 500


@contextmanager
def hushed(secret: Secret) -> Iterator[None]:
    """While it lasts, whatever is printed goes to stderr without the secret, and log records and warnings lose it.

    Standard output is the caller's own: a library that prints must not spoil a document there.
    """
    with _ONE_AT_A_TIME, ExitStack() as stack:
        stream: Any = _HidingStream(sys.stderr, secret)
        stack.callback(stream.flush)
        stack.callback(logging.setLogRecordFactory, logging.getLogRecordFactory())
        logging.setLogRecordFactory(_without(secret, logging.getLogRecordFactory()))
        stack.enter_context(warnings.catch_warnings())
        warnings.showwarning = lambda message, *_, **__: stream.write(f"warning: {message}\n")
        stack.enter_context(redirect_stdout(stream))
        stack.enter_context(redirect_stderr(stream))
        yield


_LOG_HIDES: list[Secret] = []


def hushed_for_good(secret: Secret) -> None:
    """The same from now on, each stream in its place: for what ends with the process, or with nobody knows what."""
    with _ONE_AT_A_TIME:
        for name in ("stdout", "stderr"):
            stream: Any = getattr(sys, name)
            if secret and getattr(stream, "secret", None) is not secret:
                setattr(sys, name, _HidingStream(stream, secret))
        if secret and not any(known is secret for known in _LOG_HIDES):
            _LOG_HIDES.append(secret)
            logging.setLogRecordFactory(_without(secret, logging.getLogRecordFactory()))


class _HidingStream:
    """A stream that passes on whole lines, or what it has when it is flushed, without the secret."""

    def __init__(self, to: TextIO, secret: Secret) -> None:
        self._to, self.secret, self._rest = to, secret, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._to.write(self.secret.hide(line) + "\n")
        return len(text)

    def flush(self) -> None:
        self._to.write(self.secret.hide(self._rest))
        self._rest = ""
        self._to.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._to, name)


def _without(secret: Secret, make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.msg, record.args = secret.hide(record.getMessage()), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = secret.hide("".join(traceback.format_exception(*record.exc_info)).rstrip())
            record.exc_info = None
        return record

    return factory


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a call has returned (a tuple of one), or what is known of its error: class, text, HTTP status."""

    value: tuple[T] | None = None
    kind: type[BaseException] = Exception
    text: str = ""
    status: int | None = None


def outcome(call: Callable[[], T], secret: Secret) -> Outcome[T]:
    """Call, and tell how it went.

    The exception itself is let go, because its text, arguments and frames may hold the secret: what is raised instead
    must be raised outside of any handler of it.
    """
    try:
        return Outcome((call(),))
    except (Exception, SystemExit) as error:
        text = secret.hide(" ".join(str(error).split())) or type(error).__name__
        status = getattr(getattr(error, "response", None), "status_code", None)
        return Outcome(None, type(error), text[:_SHOWN], status if isinstance(status, int) else None)
