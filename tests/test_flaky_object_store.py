"""An object store that fails 5 % of its calls, before or after they took effect, or in the middle of a file."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from faults import trials
from stories import Tell

from altergo_interface import InfrastructureError
from event_store import object_store
from event_store.object_store import ATTEMPTS, patiently

SHARE = 0.05
FAILURE = "When sending a request: AWS Error SLOW_DOWN (HTTP status 503): try again"


class Flaky:
    """Calls `inner`, or fails: an object store, and the files that it opens. All draw from one generator."""

    def __init__(self, inner: Any, draw: Callable[[], float], failed: list[str]) -> None:
        self._inner = inner
        self._draw = draw
        self._failed = failed

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or name in ("readable", "writable", "seekable", "seek", "tell", "size"):
            return found

        def call(*given: Any, **named: Any) -> Any:
            luck = self._draw()
            opens = name.startswith("open")
            # An open stream is always closed, as a client would: whatever it has then is in the store.
            if name != "close" and luck < (SHARE if opens else SHARE / 2):
                self._fail(f"{name} before")
            result = found(*given, **named)
            if opens:
                return Flaky(result, self._draw, self._failed)
            if luck < SHARE:
                self._fail(f"{name} after")
            return result

        return call

    def _fail(self, how: str) -> None:
        self._failed.append(how)
        raise OSError(FAILURE)

    def __enter__(self) -> "Flaky":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch, s3: str, trial: int) -> list[str]:
    """What has failed so far."""
    failed: list[str] = []
    draw = random.Random(5 + trial).random
    connect = object_store.connect
    monkeypatch.setattr("event_store.remote_files.connect", lambda: Flaky(connect(), draw, failed))
    monkeypatch.setattr(object_store, "FIRST_WAIT_S", 0.0001)
    return failed


@trials(1)
def test_failing_calls_change_no_result(story: Tell, s3: str, failures: list[str], trial: int) -> None:
    local, flaky = story(None), story(f"{s3}/flaky")
    for one in (local, flaky):
        one.begin()
        one.go_on()
    assert flaky.told() == local.told()
    assert flaky.fleet.digest() == local.fleet.digest()
    for one in (local, flaky):
        one.tidy()
    assert flaky.fleet.digest() == local.fleet.digest()
    assert len(failures) > 50
    failed = {name.split()[0] for name in failures}
    assert failed >= {"open_output_stream", "open_input_file", "get_file_info"}
    assert failed & {"read", "read_at"}  # how much of a file is read at once is the reader's choice


def test_what_passes_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(object_store.time, "sleep", waits.append)
    errors = [OSError(FAILURE), OSError("AWS Error NETWORK_CONNECTION during GetObject"), TimeoutError()]

    def call() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert patiently("s3://bucket/x", call) == "done"
    assert waits == [0.1, 0.2, 0.4]


@pytest.mark.parametrize(
    ("error", "calls", "said"),
    [
        (OSError(FAILURE), ATTEMPTS, "the object store failed (AWS Error SLOW_DOWN (HTTP status 503))"),
        (OSError("AKIASECRET"), ATTEMPTS, "the object store failed (OSError)"),
        (OSError("AWS Error ACCESS_DENIED during GetObject operation: AKIASECRET"), 1, "access is denied"),
        (OSError("AWS Error UNKNOWN (HTTP status 403) during HeadObject: AKIASECRET"), 1, "access is denied"),
        (OSError("AWS Error SIGNATURE_DOES_NOT_MATCH: AKIASECRET"), 1, "the secret key is wrong"),
        (FileNotFoundError("AKIASECRET"), 1, "it is not there"),
    ],
)
def test_what_fails_for_good_is_said_without_its_text(
    error: OSError, calls: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "FIRST_WAIT_S", 0.0001)
    seen = 0

    def call() -> None:
        nonlocal seen
        seen += 1
        raise error

    with pytest.raises(InfrastructureError) as raised:
        patiently("s3://bucket/x", call)
    assert seen == calls
    assert raised.value.what == f"s3://bucket/x: {said}"
    assert raised.value.hint
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
