"""What a run came to, for its operator."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from actors.slowest import Slowest
from actors.upload_report import UploadReport
from altergo_interface.display import SHOWN, Displayed, Rows, Summary, counted

NAMED = 3
"""So many assets are named in a line that concerns several."""


@dataclass(slots=True, repr=False)
class RunReport(Displayed):
    """What a run came to. `remaining` pairs have not reached their newest event: a budget or a range ended them.
    `broken` are model folders that could not be loaded, one line each; they are among the warnings. `upload`: with
    `upload_output` in the settings. `dashboards`: the pages of models in debug mode."""

    run_id: str
    seq: int
    pairs: int = 0
    events_replayed: int = 0
    remaining: int = 0
    parked: list[tuple[str, str, str]] = field(default_factory=list)
    blocked: list[tuple[str, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    broken: Sequence[str] = ()
    seconds: float = 0.0
    dashboards: list[str] = field(default_factory=list)
    slowest: Slowest = field(default_factory=Slowest)
    upload: UploadReport | None = None

    def _summary(self) -> Summary:
        """What was done, and the first pairs that were parked or wait for such a one."""
        stopped = [*((*pair, "parked") for pair in self.parked), *((*pair, "blocked") for pair in self.blocked)]
        others = (("remaining", self.remaining), ("blocked", len(self.blocked)))
        facts = [
            counted(self.pairs, "pair"),
            f"{len(self.parked):,} parked",
            *(f"{count:,} {name}" for name, count in others if count),
            *([counted(len(self.warnings), "warning")] if self.warnings else []),
            f"{counted(self.events_replayed, 'event')} replayed in {self.seconds:.1f} s",
            f"sequence {self.seq}",
        ]
        rows = [(asset, model, status, why) for asset, model, why, status in stopped[:SHOWN]]
        table = Rows(("asset_id", "model", "status", "why"), rows, len(stopped))
        return Summary(f"Run {self.run_id}", facts, table)


def told(notices: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[str]:
    """One line for each (model, text), with the assets that it concerns: a fleet mostly shares its faults."""
    for (model, text), assets in sorted(notices.items()):
        named = sorted(assets)
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        yield f"{', '.join(named[:NAMED])}{more}: {model}: {text}"
