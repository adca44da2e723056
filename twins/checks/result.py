"""What a check says: passed, failed or skipped, and why."""

from dataclasses import dataclass
from typing import Literal

from altergo_interface.errors import TwinsError

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's verdict. `detail` says what was tried, what is broken and how to mend it, or why it was skipped."""

    name: str
    outcome: Outcome
    detail: str


class Broken(Exception):
    """Raised by a check: the model breaks a promise."""


class NotApplicable(Exception):
    """Raised by a check: it has nothing to say about this model."""


def describe(error: Exception) -> str:
    """What was raised; for an error of the model's own code also where."""
    if isinstance(error, TwinsError):
        return f"{type(error).__name__}: {error}"
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = "" if at is None else f" ({at.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{at.tb_lineno})"
    return f"{type(error).__name__}: {error}{where}".replace("\n", " ")
