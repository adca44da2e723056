"""The JSON documents of the commands that look at the twins."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from actors.cli.documents.base import Free, Time, document


@document
class ModelState(TypedDict):
    """One twin of an asset."""

    state: Free | None
    outputs: dict[str, float | str | None]
    """The newest value, or label, of each output."""
    status: str
    """`ok`, `parked`, `blocked` or `skipped`."""
    error: NotRequired[str]
    missing: NotRequired[str]


@document
class State(TypedDict):
    """`state`"""

    asset_id: str
    as_of: Time | None
    seq: int
    models: dict[str, ModelState]


@document
class ReplayedModel(ModelState):
    """One twin that was replayed."""

    rows: NotRequired[int]
    """Rows of outputs; of a twin that is `ok`, as `records` is."""
    records: NotRequired[int]


@document
class Replay(TypedDict):
    """`replay`"""

    asset_id: str
    as_of: Time | None
    seq: int
    events: int
    models: dict[str, ReplayedModel]


@document
class LastRun(TypedDict):
    """The newest run."""

    run_id: str
    started_at: Time
    ended_at: Time | None
    mode: str
    status: str
    seq: int
    assets: int
    pairs: int
    events_replayed: int
    parked: int
    settings: str


@document
class ParkedPair(TypedDict):
    """A pair that is parked."""

    asset_id: str
    model: str
    error: str | None


@document
class Status(TypedDict):
    """`status`"""

    assets: int
    events: int
    head: Time | None
    """The earliest head of all twins."""
    lag_s: float
    """The largest lag of a twin behind its asset's log."""
    parked: int
    blocked: int
    parked_pairs: list[ParkedPair]
    """The first hundred."""
    last_run: LastRun | None
    published_age_s: float | None


@document
class Digest(TypedDict):
    """`digest`"""

    digest: str


@document
class Dashboard(TypedDict):
    """`dashboard`"""

    file: str
    bytes: int
    pages: list[str]
    """With `--fleet`: the pages of assets that were written beside it."""


@document
class LiveRecord(TypedDict):
    """`live --follow` gives a line of these for each new version of a record."""

    asset_id: str
    model: str
    kind: str
    cell: str
    started_at: Time
    ended_at: Time | None
    severity: int | None
    value: float | None
    detail: Any
    known_at: Time


@document
class Setting(TypedDict):
    """A key of the settings."""

    key: str
    value: Any
    origin: NotRequired[str]
    """With `--show-origin`."""


@document
class Config(TypedDict):
    """`config`"""

    settings: str
    chosen: str
    """Why it is this file."""
    values: list[Setting]


Row = Free
