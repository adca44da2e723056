"""The calls of a history, one by one: what a check looks into between two of them."""

from collections.abc import Iterator

from altergo_interface.data import Samples, Span, StepData, Table
from altergo_interface.manifest import Continuity
from twins.carry import Carry
from twins.checks.histories import Events
from twins.grid import DAY_US
from twins.inputs import Cursor, Prepared
from twins.twin import Twin


def steps(twin: Twin, events: Events) -> Iterator[StepData]:
    """Calls of one slot each, as the replay makes them, except that no output is given back as a seed."""
    leads = twin.continuity is not Continuity.WINDOWED
    yield from _cut(twin, events, DAY_US, leads=leads)


def chunks(twin: Twin, events: Events, length_us: int) -> Iterator[StepData]:
    """Calls of equal length that know nothing of each other: no lead-ins, no seeds."""
    yield from _cut(twin, events, length_us, leads=False)


def _cut(twin: Twin, events: Events, length_us: int, *, leads: bool) -> Iterator[StepData]:
    cursor = Cursor(Prepared.of(twin.binding, events, Carry(state={})))
    end = max(int(t[-1]) + 1 for t, _ in events.values() if len(t))
    through: int | None = None
    while (extent := cursor.extent(end)) is not None:
        low = extent[0] - extent[0] % length_us
        span = Span(low if through is None or not leads else through, min(low + length_us, end))
        data = cursor.take(span, span.end, twin.constants(low, {}), leads)
        through = span.end
        if not twin.plain or _callable(twin, data):
            yield data


def _callable(twin: Twin, data: StepData) -> bool:
    """Whether a plain model is called: every required series has a sample."""
    required = [name for name, spec in twin.manifest.inputs.items() if spec.required and spec.is_series]
    series = [data.inputs.get(name) for name in required]
    return all(len(found) > 0 for found in series if isinstance(found, Samples | Table))
