"""The JSON documents of the commands around the event log."""

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from actors.cli.documents.base import Free, Time, document


@document
class Counts(TypedDict):
    """What became of the rows of an ingest."""

    appended: Annotated[int, Field(description="Events that are new or differ from what the log had.")]
    duplicates: Annotated[int, Field(description="Rows that the log had.")]
    late: Annotated[int, Field(description="Of the appended ones: older than the newest of their sensor.")]
    quarantined: Annotated[int, Field(description="Rows that could not be taken; see the view `quarantine`.")]
    retracted: Annotated[int, Field(description="Events that were deleted.")]


@document
class IngestedFile(Counts):
    """One file of an ingest."""

    file: str
    batch: str
    known: bool
    """It had been ingested before, and was skipped."""
    reasons: dict[str, int]
    """Why rows went to quarantine, and how many."""


@document
class Ingest(Counts):
    """`ingest`"""

    batch: str | None
    """Null where several files were given."""
    dry_run: bool
    files: list[IngestedFile]


@document
class Refusal(TypedDict):
    """An asset that a platform refused."""

    asset_id: str
    error: str


@document
class Fetch(TypedDict):
    """`fetch`"""

    gateway: str
    assets: int
    appended: int
    duplicates: int
    late: int
    quarantined: int
    parameters: int
    """Parameters that are new or have changed."""
    batches: list[str]
    reasons: dict[str, int]
    failed: list[Refusal]
    """Assets whose events could not be fetched."""
    refused: list[Refusal]
    """Assets whose parameters were refused."""


@document
class Batch(TypedDict):
    """`batches list` gives a list of these."""

    seq: int
    batch: str
    kind: str
    file: str | None
    ingested_at: Time
    rows: int | None
    appended: int | None
    duplicates: int | None
    late: int | None
    quarantined: int | None
    first_ts: Time | None
    last_ts: Time | None
    retracted_by: int | None
    """The sequence of the batch that undid it."""


@document
class Retracted(TypedDict):
    """`batches retract`"""

    batch: str
    file: str
    assets: int
    changed: int
    """Keys that have another value now, or none."""


@document
class Sensor(TypedDict):
    """`sensors` gives a list of these."""

    sensor: str
    assets: int
    events: int
    min_value: float | None
    max_value: float | None
    first_ts: Time
    last_ts: Time
    median_interval_s: float | None
    gaps: int
    unit: str | None
    """As declared in the settings."""
    valid_range: list[float] | None
    feeds: list[str]
    """Inputs, as model.input."""


@document
class Asset(TypedDict):
    """`assets list` gives a list of these."""

    asset_id: str
    first_ts: Time | None
    last_ts: Time | None
    events: int
    parameters: dict[str, Any]


@document
class Imported(TypedDict):
    """`assets import`"""

    changed: int
    """Parameters that are new or have changed."""


@document
class Purged(TypedDict):
    """`assets purge`"""

    asset_id: str
    events: int
    results: int
    segments: int


@document
class Init(TypedDict):
    """`init`"""

    store: str
    segments: str
    """Where they lie."""


@document
class Demo(TypedDict):
    """`demo`"""

    store: str
    assets: int
    appended: int
    run_id: str
    pairs: int
    parked: int
    worst_throughput_error: float
    """The largest relative error against the simulated truth, over assets without faults."""
    voltage_faults: dict[str, int]
    """`injected`, `found`, `false`."""
    digest: str


SuggestedSettings = Free
