"""What an upload came to, for its operator."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from actors.times import iso
from altergo_interface.output import Change

EXIT_REFUSED = 1
EXIT_UNREACHABLE = 3
NAMED = 40


class SeriesChange(NamedTuple):
    """What one series would be sent: points that are new, restated and withdrawn, and the range of their stamps."""

    asset_id: str
    series: str
    new: int
    restated: int
    withdrawn: int
    first_ts: int
    last_ts: int

    @classmethod
    def of(cls, asset_id: str, change: Change) -> "SeriesChange":
        """That of a change."""
        counts = (change.new, change.restated, len(change.withdrawn))
        return cls(asset_id, change.series.sensor, *counts, *change.extent())

    def document(self) -> dict[str, Any]:
        """As JSON; the range is closed."""
        return self._asdict() | {"first_ts": iso(self.first_ts), "last_ts": iso(self.last_ts)}


@dataclass(slots=True)
class UploadReport:
    """What an upload has sent, or with `dry_run` would send.

    Attributes:
        gateway: what the platform is called.
        assets, series: how many were sent something.
        points: points sent; `restated` of them replace others. `withdrawn`: stamps at which there is none any more.
        failed: assets that the platform refused, with its error; the next upload tries them again.
        error: why it ended early; empty where it did not. `unreachable`: because the platform could not be reached.
        changes: with `dry_run`, by asset and series.
    """

    gateway: str
    dry_run: bool = False
    assets: int = 0
    series: int = 0
    points: int = 0
    restated: int = 0
    withdrawn: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""
    unreachable: bool = False
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    changes: list[SeriesChange] = field(default_factory=list)

    def add(self, asset_id: str, changes: list[Change]) -> None:
        """Count what one asset was sent."""
        self.assets += 1
        self.series += len({change.series.sensor for change in changes})
        self.points += sum(change.new + change.restated for change in changes)
        self.restated += sum(change.restated for change in changes)
        self.withdrawn += sum(len(change.withdrawn) for change in changes)
        if self.dry_run:
            self.changes += [SeriesChange.of(asset_id, change) for change in changes]

    @property
    def counts(self) -> dict[str, int]:
        """The figures that the store keeps of an upload."""
        figures = {name: getattr(self, name) for name in ("assets", "series", "points", "withdrawn")}
        return figures | {"failed": len(self.failed)}

    @property
    def exit_code(self) -> int:
        """0; 1 where assets were refused or the rest was left for later; 3 where the platform was out of reach."""
        if self.unreachable:
            return EXIT_UNREACHABLE
        return EXIT_REFUSED if self.failed or self.error else 0

    def messages(self) -> Iterator[str]:
        """What an operator should know besides the figures, a line each."""
        yield from (f"warning: {warning}" for warning in self.warnings)
        yield from (f"refused: {asset}: {error}" for asset, error in self.failed[:NAMED])
        if len(self.failed) > NAMED:
            yield f"... and {len(self.failed) - NAMED} more"
        if self.error:
            yield f"error: {self.error}. What was sent is noted; upload again to go on"

    @property
    def line(self) -> str:
        """The upload in one line."""
        if not (self.points or self.withdrawn or self.failed or self.error):
            return f"{self.gateway}: up to date"
        would = " would be" if self.dry_run else ""
        sent = f"{self.points:,} points ({self.restated:,} restated){would} sent, {self.withdrawn:,} withdrawn"
        failed = f", {len(self.failed)} assets refused" if self.failed else ""
        return f"{self.gateway}: {sent}, in {self.series:,} series of {self.assets:,} assets{failed}"

    def document(self) -> dict[str, Any]:
        """As JSON: `{"gateway", "dry_run", "assets", "series", "points", "restated", "withdrawn", "failed":
        [{"asset_id", "error"}], "error", "unreachable", "warnings", "seconds"}`, and with `dry_run` `"changes":
        [{"asset_id", "series", "new", "restated", "withdrawn", "first_ts", "last_ts"}]`."""
        plain = ("gateway", "dry_run", "assets", "series", "points", "restated", "withdrawn")
        document = {
            **{name: getattr(self, name) for name in plain},
            "failed": [{"asset_id": asset, "error": error} for asset, error in self.failed],
            "error": self.error or None,
            "unreachable": self.unreachable,
            "warnings": self.warnings,
            "seconds": round(self.seconds, 3),
        }
        return document | ({"changes": [c.document() for c in self.changes]} if self.dry_run else {})
