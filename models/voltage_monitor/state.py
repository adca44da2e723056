"""What the voltage monitor carries from one call to the next: one `Side` per limit, readable as it is."""

from altergo_interface import ModelState

STATUS_OK, STATUS_LOW, STATUS_HIGH, STATUS_STALE = 0, 1, 2, 3
WARNING, CRITICAL = 1, 2


class Excursion(ModelState):
    """Voltage beyond a limit, not yet long enough to be an alert.

    `started_at` is its first breaching sample and `extreme_at` that of the extreme (µs UTC); `value` is the extreme
    (V), that is the value furthest beyond its limit; `cell` names the cell that showed it, empty where only a minimum
    or maximum is known; `shift` (V) is how far the limits were shifted then.
    """

    started_at: int
    value: float
    extreme_at: int
    cell: str = ""
    shift: float = 0.0


class OpenAlert(Excursion):
    """An alert that is not cleared yet; `limit` (V) is its severity's, as it was in force at the extreme."""

    severity: int
    limit: float


class Spikes(Excursion):
    """The breaches of one UTC day (`day`, days since 1970) that did not last: their `count`, and the worst of them.

    `started_at` is the first one's first sample.
    """

    day: int
    count: int


class Side(ModelState):
    """One side, low or high. `last_at` is its newest sample's stamp (µs UTC), None before the first, and `last_shift`
    the shift of its limits there (V).

    `critical_since` and `clearing_since` are the first samples of the unbroken runs, up to the newest sample,
    beyond the critical limit and back inside by the hysteresis. `spikes` are those of the last day that had any.
    """

    last_at: int | None = None
    last_shift: float = 0.0
    pending: Excursion | None = None
    alert: OpenAlert | None = None
    critical_since: int | None = None
    clearing_since: int | None = None
    spikes: Spikes | None = None


class Watch(ModelState):
    """Both sides, with status and severity as of the end of the last call; stale before the first sample."""

    status: int = STATUS_STALE
    severity: int = 0
    low: Side = Side()
    high: Side = Side()
