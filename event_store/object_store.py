"""Talking to an object store: the connection, patience with what passes, and errors that tell no secret."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import duckdb
from pyarrow import fs

from altergo_interface.errors import InfrastructureError, SettingsError

REQUEST_ATTEMPTS = 3
"""By the client, for each request of a call."""
ATTEMPTS = 6
FIRST_WAIT_S = 0.1
"""Of whole calls, doubled from one to the next: 3 s altogether, besides what the client waits."""

_T = TypeVar("_T")


def bucket_and_prefix(uri: str) -> str:
    """`bucket/prefix` of an `s3://` URI. Raises SettingsError, which repeats nothing that may be secret."""
    found = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[\w.=+-]+)*)/?", uri, re.ASCII)
    if found is None or re.search(r"/\.\.?(/|$)", uri):
        raise SettingsError(
            "the URI of the segments is not s3://bucket/prefix of letters, digits and . _ - + =",
            "Credentials and the endpoint come from the AWS_* environment variables, never from the URI",
        )
    return found[1]


def connect() -> fs.FileSystem:
    """A client of the store that the AWS_* environment variables describe; it asks for credentials only when used."""
    given = os.environ.get
    return fs.S3FileSystem(
        endpoint_override=given("AWS_ENDPOINT_URL_S3") or given("AWS_ENDPOINT_URL"),
        region=given("AWS_REGION") or given("AWS_DEFAULT_REGION"),
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=REQUEST_ATTEMPTS),
        allow_delayed_open=True,  # small files are one request
        connect_timeout=10,
        request_timeout=60,
    )


def patiently(where: str, call: Callable[[], _T]) -> _T:
    """What `call` gives, tried again after transient errors. Raises InfrastructureError once it has failed for good.

    The raw error goes nowhere: its text is the store's, and may repeat what it was sent.
    """
    for attempt in range(ATTEMPTS):
        try:
            return call()
        except OSError as error:
            reason, hint, again = _explained(error)
        if not again:
            break
        if attempt + 1 < ATTEMPTS:
            time.sleep(FIRST_WAIT_S * 2**attempt)
    raise InfrastructureError(f"{where}: {reason}", hint)


_RETRY = "What was committed stays; run again once the object store answers"
_DENIED = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and what they may do there"
_NOWHERE = "Check the bucket's name, AWS_REGION and AWS_ENDPOINT_URL"
_FOR_GOOD = {
    "NO_SUCH_BUCKET": ("there is no such bucket", _NOWHERE),
    "PERMANENT_REDIRECT": ("the bucket is in another region", _NOWHERE),
    "HTTP status 301": ("the bucket is in another region", _NOWHERE),
    "HTTP status 400": ("the object store does not accept the request", _NOWHERE),
    "ACCESS_DENIED": ("access is denied", _DENIED),
    "HTTP status 403": ("access is denied", _DENIED),
    "INVALID_ACCESS_KEY_ID": ("the access key is not known there", _DENIED),
    "INVALID_CLIENT_TOKEN_ID": ("the access key is not known there", _DENIED),
    "SIGNATURE_DOES_NOT_MATCH": ("the secret key is wrong", _DENIED),
    "EXPIRED_TOKEN": ("the session token has expired", _DENIED),
}


def _explained(error: OSError) -> tuple[str, str, bool]:
    """What happened, what to do, and whether it may pass."""
    if isinstance(error, FileNotFoundError):
        return "it is not there", "See: twins store verify", False
    text = str(error)
    for mark, (reason, hint) in _FOR_GOOD.items():
        if mark in text:
            return reason, hint, False
    found = re.search(r"AWS Error (\w+(?: \(HTTP status \d+\))?)", text)
    connection = re.search(r"curlCode: \d+, [\w' ]+", text)
    said = [match[0] for match in (found, connection) if match is not None]
    return f"the object store failed ({', '.join(said) or type(error).__name__})", _RETRY, True


@contextmanager
def own_errors() -> Iterator[None]:
    """DuckDB makes an error of its own, with a traceback in its text, of what reading raises: here it is ours."""
    try:
        yield
    except duckdb.Error as error:
        _, raised, text = str(error).partition(f"{InfrastructureError.__name__}: ")
        if not raised:
            raise
    else:
        return
    raise InfrastructureError(text.strip())
