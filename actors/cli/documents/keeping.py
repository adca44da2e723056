"""The JSON documents of the commands around models and the store, and that of an error."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from actors.cli.documents.base import document


@document
class Model(TypedDict):
    """`models list` gives a list of these; of a folder that cannot be loaded BrokenFolder instead."""

    model: str
    version: str
    continuity: str
    inputs: list[str]
    outputs: list[str]
    configuration: dict[str, Any]
    """Each key with its default."""
    description: str
    code: str
    """A hash of its files."""


@document
class BrokenFolder(TypedDict):
    """A folder of a model that cannot be loaded."""

    folder: str
    models: list[str]
    error: str


@document
class Checked(TypedDict):
    """One conformance check."""

    name: str
    outcome: str
    """`passed`, `failed` or `skipped`."""
    detail: str


@document
class ModelCheck(TypedDict):
    """`models check`"""

    model: str
    continuity: str
    checks: list[Checked]
    passed: int
    failed: int
    skipped: int


@document
class NewModel(TypedDict):
    """`models new`"""

    model: str
    folder: str
    files: list[str]


@document
class Finding(TypedDict):
    """Something that is wrong, or was skipped, and where."""

    what: str
    where: str


@document
class Verification(TypedDict):
    """`store verify`"""

    segments: int
    bytes: int
    orphans: int
    assets: int
    pairs_replayed: int
    skipped: list[Finding]
    findings: list[Finding]


@document
class Compaction(TypedDict):
    """`store compact`"""

    places: int
    before: int
    after: int
    masks: int
    note: str


@document
class Collected(TypedDict):
    """`store gc`"""

    garbage: int
    orphans: int
    drafts: int
    bytes: int


@document
class Upgrade(TypedDict):
    """`store upgrade`"""

    was: int
    now: int
    backups: list[str]


@document
class Restored(TypedDict):
    """`store restore`"""

    backup: str
    segments: int
    missing: list[str]


@document
class DoctorCheck(TypedDict):
    """One check of the doctor's."""

    name: str
    outcome: str
    """`ok`, `warning` or `failed`."""
    detail: str
    advice: NotRequired[str]
    """What to do; not with `ok`."""


@document
class Doctor(TypedDict):
    """`doctor`"""

    ok: bool
    """No check has failed."""
    checks: list[DoctorCheck]


@document
class Error(TypedDict):
    """The document of every error, on stderr."""

    error: str
    code: str
    """The stable name of its kind."""
    hint: str
