"""What a dashboard shows, as plain values: whoever knows the store fills these in, and the pages only draw them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from altergo_interface.data import Times, Values

Span = tuple[int, int]
"""A range of event time: start and end, int µs UTC."""
Cells = Sequence[object]
"""The cells of a table's row."""


@dataclass(frozen=True, slots=True)
class InputView:
    """A sensor (or a group of cells, as its lowest and highest value) as the models that it feeds receive it.

    Attributes:
        name: the sensor's name, or the pattern of a group.
        feeds: `model.input`, each.
        unit: unit of the values, after conversion; None: not declared.
        lines: name to samples (stamps µs UTC, values); a group has two.
        invalid: readings that are no samples: stamps and values, converted.
        gaps: intervals longer than `longest_s`.
        longest_s: the longest interval that one sample may stand for, in s.
        cadence_s: the declared cadence in s; None: not declared.
        intervals: seconds between successive readings.
        sensors: how many there are.
        note: what else a reader must know.
    """

    name: str
    feeds: tuple[str, ...]
    unit: str | None
    lines: Mapping[str, tuple[Times, Values]]
    invalid: tuple[Times, Values]
    gaps: Sequence[Span]
    longest_s: float
    cadence_s: float | None
    intervals: Values
    sensors: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class OutputView:
    """One output of a model: samples, or the texts that its codes in `x` stand for."""

    name: str
    unit: str | None
    description: str
    t: Times
    x: Values
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model of an asset: what it is, how it stands, and where its results come from.

    `provenance` are (what, value) pairs; `problem` why it is parked, blocked or skipped; `stale` whether code,
    settings or tables have changed since; `silent` whether it declares no outputs at all.
    """

    name: str
    title: str
    status: str
    problem: str
    stale: bool
    provenance: Sequence[tuple[str, str]]
    outputs: Sequence[OutputView]
    silent: bool = False


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record: an alert, a rest, an imbalance, a day of bad data. Times are µs UTC; `ended_at` None: open."""

    model: str
    kind: str
    cell: str
    started_at: int
    ended_at: int | None
    severity: int | None
    value: float
    detail: str


@dataclass(frozen=True, slots=True)
class TableView:
    """A table: its columns, its rows, and what to say where there are none."""

    columns: Sequence[str]
    rows: Sequence[Cells]
    empty: str


@dataclass(frozen=True, slots=True)
class AssetView:
    """Everything that an asset's dashboard shows, of one moment of the store.

    `span` is the event time that it shows; None where there are no events. `whole` says whether all of its models are
    shown, `about` what it is, `command` how to ask for another range. `tiles` are (what, value, whether it stands
    out).
    """

    asset_id: str
    title: str
    span: Span | None
    whole: bool
    about: str
    command: str
    tiles: Sequence[tuple[str, str, bool]]
    models: Sequence[ModelView]
    inputs: Sequence[InputView]
    records: Sequence[RecordView]
    tables: Mapping[str, TableView]
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column of the fleet's table. `kind` is `asset`, `status`, `number` or `text`; `digits` stand behind the point
    of a number."""

    key: str
    title: str
    kind: str
    unit: str = ""
    description: str = ""
    digits: int = 0


@dataclass(frozen=True, slots=True)
class RunView:
    """A run: its label, how long it took in s (None: it has not ended), pairs, how many of them parked."""

    label: str
    seconds: float | None
    pairs: int
    parked: int


@dataclass(frozen=True, slots=True)
class FleetView:
    """Everything that the fleet's dashboard shows, of one moment of the store.

    `about` says of what moment, `tiles` are (what, value, whether it stands out). `assets` are the rows of the table
    in the order of `columns`, those that want attention first; None is unknown. `links` are the pages of the first
    ones, as addresses relative to the fleet's. `alert_days` are (day, warnings, criticals), `alert_spans` by asset
    (start, end, severity) of those that had most of them; `days` says over how many days alerts are shown.
    """

    about: str
    tiles: Sequence[tuple[str, str, bool]]
    columns: Sequence[ColumnView]
    assets: Sequence[Cells]
    links: Sequence[str]
    days: int
    parked: TableView
    alerts: TableView
    alert_days: Sequence[tuple[str, int, int]]
    alert_spans: Mapping[str, Sequence[tuple[int, int, int]]]
    runs: TableView
    history: Sequence[RunView]
    warnings: Sequence[str] = field(default=())

    def column(self, key: str) -> list[object]:
        """The values of a column."""
        at = [column.key for column in self.columns].index(key)
        return [row[at] for row in self.assets]
