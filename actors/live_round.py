"""One round of long-lived twins: a run over what has just come, that tells at once what it has committed."""

from collections.abc import Callable, Sequence
from typing import Any

from actors.running import Run
from actors.work import BatchResult


class Round(Run):
    """A run that calls `on_commit` with the results of every commit."""

    def __init__(self, *given: Any, isolated: bool, on_commit: Callable[[Sequence[BatchResult]], None]) -> None:
        super().__init__(*given, isolated=isolated)
        self._on_commit = on_commit

    def _commit(self) -> None:
        results = self._pending
        super()._commit()
        if results:
            self._on_commit(results)
