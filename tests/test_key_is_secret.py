"""The key is in the request and nowhere else: not after any failure, in no stream, log, file, error or pickle."""

import json
import logging
import sys
import threading
import traceback
import warnings

import numpy as np
import pandas as pd
import pytest
from fake_sdk import GIVEN, KEY, FakePlatform, HttpError

from actors import Fleet
from actors.platform_entry import main
from altergo_interface.gateway import GatewayError, Points
from altergo_interface.quiet import hushed, hushed_for_good, outcome
from altergo_interface.retrying import Retry
from altergo_interface.secret import HIDDEN, Secret

T0 = int(pd.Timestamp("2026-01-30T00:00Z").value // 1000)
ENCODED = "k3y-Zq7%2B%2F%C3%A4-9fT2mB0wX5"
SPELLINGS = (KEY, ENCODED, json.dumps(KEY)[1:-1], KEY[:12])


def leaks(text):
    return [spelling for spelling in (*SPELLINGS, KEY.encode().hex()) if spelling in text]


class Chatty(Exception):
    """An error that holds the key in its text, its arguments, its notes and its cause."""

    def __init__(self, key, status=None):
        super().__init__(f"GET https://u:{key}@acme/api?key={ENCODED}&x=1 failed", {"key": key})
        self.add_note(f"key {key}")
        self.response = HttpError(status).response if status else None
        self.__cause__ = ValueError(key)


def say(key):
    """All that a careless SDK does with a key."""
    sys.stdout.write(f"calling with {key}\n")
    sys.stderr.write(f"Authorization: {key[:7]}")
    sys.stderr.write(f"{key[7:]}\n")
    logging.getLogger("urllib3").warning("GET /?key=%s %s", key, ENCODED)
    warnings.warn(f"unsafe {key}", UserWarning, stacklevel=1)
    try:
        raise Chatty(key)
    except Chatty:
        logging.getLogger("sdk").exception("failed for %s", key)


def fail(error):
    def hook(key):
        say(key)
        raise error(key)

    return hook


def exit_loudly(key):
    say(key)
    raise SystemExit(f"bad key {key}")


FAILURES = {
    "none": say,
    "refused": fail(lambda key: Chatty(key, 401)),
    "busy": fail(lambda key: Chatty(key, 503)),
    "reset": fail(lambda key: ConnectionError(f"connection to {key} lost")),
    "bug": fail(lambda key: KeyError(key)),
    "unicode": fail(lambda key: UnicodeEncodeError("ascii", key, 0, 1, f"cannot encode {key}")),
    "exit": exit_loudly,
}


@pytest.fixture
def platform(monkeypatch):
    found = FakePlatform().install(monkeypatch)
    found.put("EV-1", "current", T0 + np.arange(5) * 1_000_000, np.arange(5.0))
    monkeypatch.setattr("altergo_interface.sdk_gateway.Retry", lambda: Retry(attempts=2, sleep=lambda s: None))
    monkeypatch.setattr("altergo_interface.sdk_gateway.FIRST_US", T0)
    return found


@pytest.mark.filterwarnings("always:unsafe")
@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("failure", FAILURES)
def test_entrypoint_tells_nobody(
    platform, workdir, settings, tmp_path_factory, capfd, caplog, snapshot, failure, verbose
):
    platform.hook = FAILURES[failure]
    caplog.set_level(logging.DEBUG if verbose else logging.WARNING)
    given = {"store": str(workdir / "store"), "settings": str(settings), "altergoUserApiKey": KEY, "assetId": "EV-1"}
    file = tmp_path_factory.mktemp("dev") / "dev-parameters.json"
    file.write_text(json.dumps(given | GIVEN))
    code = main([str(file)])
    assert code == (0 if failure == "none" else 3)
    assert platform.calls, "the platform was asked"
    out, err = capfd.readouterr()
    assert out == ""
    assert leaks(err + caplog.text) == []
    assert HIDDEN in err
    assert "Traceback" in caplog.text  # what the SDK logs is still told
    for name, content in snapshot(workdir).items():
        assert leaks(name + content.decode("latin-1") + content.decode("utf-8", "ignore")) == [], name


@pytest.mark.filterwarnings("always:unsafe")
@pytest.mark.parametrize("failure", [name for name in FAILURES if name != "none"])
def test_no_error_carries_it(platform, failure):
    gateway = platform.open("EV-1", retry=Retry(attempts=1))
    calls = (
        lambda: gateway.parameters("EV-1"),
        lambda: list(gateway.fetch("EV-1", {})),
        lambda: gateway.send("EV-1", [Points("x", "", np.array([T0]), np.array([1.0]), None, np.empty(0, np.int64))]),
    )
    platform.hook = FAILURES[failure]
    for call in calls:
        with pytest.raises(GatewayError) as caught:
            call()
        told = "".join(traceback.format_exception(caught.value))
        error = caught.value
        while error is not None:
            told += repr(error) + str(error) + repr(vars(error)) + repr(error.args)
            error = error.__cause__ or error.__context__
        assert leaks(told) == []


def test_a_call_that_speaks_after_it_was_given_up(platform, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # put back what is replaced for good
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    release, spoken = threading.Event(), threading.Event()

    def late(key):
        release.wait(60)
        sys.stdout.write(f"late {key}\n")
        sys.stderr.write(f"late {key}\n")
        spoken.set()

    platform.hook = late
    with pytest.raises(GatewayError):
        platform.open("EV-1", timeout_s=0.01, retry=Retry(attempts=1)).parameters("EV-1")
    release.set()
    assert spoken.wait(60)
    sys.stdout.write('{"document": 1}\n')  # standard output is still itself
    out, err = capsys.readouterr()
    assert leaks(out + err) == []
    assert "late ***" in out + err
    assert '{"document": 1}\n' in out


def test_the_store_of_a_fetch_has_the_platforms_name_only(platform, workdir, settings, snapshot):
    fleet = Fleet(workdir / "store", settings)
    assert fleet.fetch(platform.open("EV-1")).appended == 5
    assert fleet.batches()[-1]["file"] == "altergo:acme.altergo.io"
    assert leaks("".join(content.decode("latin-1") for content in snapshot(workdir).values())) == []


def test_a_secret_says_nothing_of_itself():
    secret = Secret(KEY)
    assert leaks(f"{secret} {secret!r} {[secret]} {vars(type(secret))}") == []
    assert secret.hide(f"a {KEY} b {ENCODED} c {KEY[:9]}") == "a *** b *** c ***"
    assert secret.hide("nothing of it") == "nothing of it"
    assert Secret("ab").hide("about") == "about"  # a placeholder is no key
    assert not Secret("")


def test_streams_and_logging_are_as_before_afterwards(capsys):
    before = sys.stdout, sys.stderr, logging.getLogRecordFactory()
    with hushed(Secret(KEY)):
        sys.stdout.write(f"{KEY}")
    assert (sys.stdout, sys.stderr, logging.getLogRecordFactory()) == before
    out, err = capsys.readouterr()
    assert (out, err) == ("", "***")


def test_for_good_is_done_once(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    secret = Secret(KEY)
    hushed_for_good(secret)
    once = sys.stdout, logging.getLogRecordFactory()
    hushed_for_good(secret)
    assert (sys.stdout, logging.getLogRecordFactory()) == once
    sys.stdout.write(f"{KEY}\n")
    assert capsys.readouterr().out == "***\n"


def test_an_outcome_lets_the_exception_go():
    def call():
        raise Chatty(KEY)

    found = outcome(call, Secret(KEY))
    assert found.value is None
    assert leaks(repr(found)) == []
    assert found.kind is Chatty
