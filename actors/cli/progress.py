"""Progress of a run or an upload: a bar on a terminal, log lines elsewhere, on stderr, with rate and time left."""

import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

from actors.slowest import named
from actors.wording import told

if TYPE_CHECKING:
    from rich.progress import Progress

    from actors.running import Progress as RunProgress
    from actors.uploading import UploadProgress

LINE_EVERY_S = 10.0


class _Meter(AbstractContextManager[Any]):
    """A bar, or lines."""

    doing = ""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._said = 0.0
        self._bar: Progress | None = None
        if sys.stderr.isatty() and not quiet:
            from rich import progress
            from rich.console import Console

            columns = (
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.TimeRemainingColumn(),
            )
            self._bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self.doing, total=None)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _tell(self, text: str, done: int, total: int, seconds: float) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=done, total=total or 1)
        elif not self._quiet and seconds - self._said >= LINE_EVERY_S:
            self._said = seconds
            left = (total - done) * seconds / max(done, 1e-9)
            sys.stderr.write(f"{text}, about {told(left)} left\n")


class Meter(_Meter):
    """Shows how far a run is."""

    doing = "replaying"

    def show(self, progress: "RunProgress") -> None:
        """Take over the newest figures."""
        rate = progress.done / max(progress.seconds, 1e-9)
        parked = f", {progress.parked:,} parked" if progress.parked else ""
        slowest = f", slowest: {named(progress.slowest[:1])}" if progress.slowest else ""
        text = f"{progress.pairs:,}/{progress.all_pairs:,} pairs, {rate / 1e6:.2f} M events/s{parked}{slowest}"
        self._tell(text, progress.done, progress.total, progress.seconds)


class UploadMeter(_Meter):
    """Shows how far an upload is."""

    doing = "comparing"

    def show(self, progress: "UploadProgress") -> None:
        """Take over the newest figures."""
        text = f"{progress.assets:,}/{progress.all_assets:,} assets, {progress.points:,} points sent"
        self._tell(text, progress.assets, progress.all_assets, progress.seconds)
