"""Progress of a run: a bar on a terminal, log lines elsewhere, on stderr, with rate, time left, slowest asset."""

import sys
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from actors.running import Progress as RunProgress
from actors.slowest import named

LINE_EVERY_S = 10.0


class Meter(AbstractContextManager["Meter"]):
    """Shows how far a run is."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._said = 0.0
        self._bar: Progress | None = None
        if sys.stderr.isatty() and not quiet:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("replaying", total=None)

    def __enter__(self) -> "Meter":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: RunProgress) -> None:
        """Take over the newest figures."""
        rate = progress.done / max(progress.seconds, 1e-9)
        parked = f", {progress.parked} parked" if progress.parked else ""
        slowest = f", slowest: {named(progress.slowest[:1])}" if progress.slowest else ""
        text = f"{progress.pairs}/{progress.all_pairs} pairs, {rate / 1e6:.2f} M events/s{parked}{slowest}"
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=progress.done, total=progress.total or 1)
        elif not self._quiet and progress.seconds - self._said >= LINE_EVERY_S:
            self._said = progress.seconds
            left = (progress.total - progress.done) / max(rate, 1e-9)
            sys.stderr.write(f"{text}, about {left:.0f} s left\n")
