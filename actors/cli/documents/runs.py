"""The JSON documents of the commands that plan, run and send."""

from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from actors.cli.documents.base import Begin, End, Free, Time, document
from actors.cli.documents.log import Refusal


@document
class Missing(TypedDict):
    """A pair that an asset has no input for."""

    asset_id: str
    model: str
    missing: str


@document
class Waiting(TypedDict):
    """A pair that waits for another of its asset."""

    asset_id: str
    model: str
    by: str
    """The model that is parked."""


@document
class PlanRequest(TypedDict):
    """What was asked for."""

    compute_type: str
    since: Annotated[Time | None, Begin]
    until: Annotated[Time | None, End]
    max_days: float | None
    named: bool
    """The compute type was given on the command line."""


@document
class PlanItem(TypedDict):
    """A pair that would run."""

    asset_id: str
    model: str
    reasons: list[str]
    first: Annotated[Time, Begin]
    last: Annotated[Time, End]
    days: float
    events: int
    """About so many to be replayed."""
    snapshot: Time | None
    """Null: from the first event on."""
    version: int
    fingerprint: str


@document
class Plan(TypedDict):
    """`plan`, and the file of `plan --out`"""

    seq: int
    """The newest batch that it knows of."""
    settings: str
    request: PlanRequest
    items: list[PlanItem]
    skipped: list[Missing]
    blocked: list[Waiting]
    warnings: list[str]


@document
class Arrival(TypedDict):
    """A batch since the last good state."""

    seq: int
    events: int
    first: Annotated[Time, Begin]
    last: Annotated[Time, End]


@document
class ExplainedPair(TypedDict):
    """Why a pair would run, or would not."""

    status: str
    reasons: list[str]
    missing: NotRequired[str]
    """With status `skipped`; only `status` and `reasons` stand beside it."""
    snapshot: NotRequired[Time | None]
    events: NotRequired[int]
    blocked_by: NotRequired[str | None]
    inputs: NotRequired[dict[str, Any]]
    """What each input is fed by."""
    head: NotRequired[Time | None]
    """This and what follows: only of a pair that has run."""
    as_of: NotRequired[Time | None]
    seq: NotRequired[int]
    differences: NotRequired[list[Free]]
    """`part`, `key`, `was`, `now`."""
    switched: NotRequired[dict[str, Any]]
    arrivals: NotRequired[list[Arrival]]
    parameters: NotRequired[list[Free]]
    """`name`, `value`, `valid_from`."""
    snapshots: NotRequired[list[Time]]


@document
class Explanation(TypedDict):
    """`plan --explain`"""

    asset_id: str
    seq: int
    settings: str
    models: dict[str, ExplainedPair]


@document
class PairError(TypedDict):
    """A pair with its error."""

    asset_id: str
    model: str
    error: str


@document
class Slow(TypedDict):
    """An asset, and the time that its pairs took."""

    asset_id: str
    seconds: float


@document
class SeriesChange(TypedDict):
    """What one series of an asset would be sent; the range is closed."""

    asset_id: str
    series: str
    new: int
    restated: int
    withdrawn: int
    first_ts: Time
    last_ts: Time


@document
class Upload(TypedDict):
    """`upload`"""

    gateway: str
    dry_run: bool
    assets: int
    series: int
    points: int
    restated: int
    withdrawn: int
    failed: list[Refusal]
    error: str | None
    unreachable: bool
    warnings: list[str]
    seconds: float
    changes: NotRequired[list[SeriesChange]]
    """With `--dry-run`."""


@document
class Run(TypedDict):
    """`run` and `retry`"""

    run_id: str
    seq: int
    pairs: int
    events_replayed: int
    remaining: int
    """Pairs that a budget or a range has ended before their newest event."""
    parked: list[PairError]
    blocked: list[PairError]
    skipped: list[Missing]
    warnings: list[str]
    broken: list[str]
    """Model folders that could not be loaded."""
    dashboards: list[str]
    """Pages of pairs whose model is in debug mode."""
    seconds: float
    slowest: list[Slow]
    upload: NotRequired[Upload]
    """With `upload_output` in the settings."""
