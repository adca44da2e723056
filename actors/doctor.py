"""What could be wrong on this machine, with this store and these settings: checks that never raise."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

OK, WARNING, FAILED = "ok", "warning", "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and found; `advice` says what to do, where there is something."""

    name: str
    outcome: str
    detail: str
    advice: str = ""

    def document(self) -> dict[str, str]:
        """As JSON."""
        plain = {"name": self.name, "outcome": self.outcome, "detail": self.detail}
        return plain | ({"advice": self.advice} if self.advice else {})


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined: the global options of the command line. `ray`: start it and run a task."""

    root: Path
    settings: Path | None = None
    models_dirs: Sequence[Path] = ()
    ray: bool = False


def examine(patient: Patient) -> Iterator[Check]:
    """All checks, one after the other. None of the engine is imported but by the check that needs it."""
    from actors import doctor_engine, doctor_machine, doctor_store

    for module in (doctor_machine, doctor_engine, doctor_store):
        for name, check in module.CHECKS.items():
            yield from _guarded(name, check, patient)


def _guarded(name: str, check: Callable[[Patient], Check | None], patient: Patient) -> Iterator[Check]:
    """One check; whatever it raises is what it has found."""
    try:
        found = check(patient)
    except Exception as error:
        what, hint = getattr(error, "what", ""), getattr(error, "hint", "")
        said = what or f"{type(error).__name__}: {error}"
        yield Check(name, FAILED, " ".join(said.split()), hint or "Mend that first; what needs it cannot be checked")
    else:
        if found is not None:
            yield found


def usable(path: Path) -> Path:
    """The folder itself, or the nearest above it that exists: where it would come to lie."""
    path = path.absolute()
    while not os.path.isdir(path) and path != path.parent:
        path = path.parent
    return path
