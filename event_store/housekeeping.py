"""What every run does for its store beside its work, so that any number of runs leave a bounded number of files."""

from event_store.compact import COMPACT_ABOVE, CompactReport, compact, crowded
from event_store.garbage import due, retire_open
from event_store.publish import publish
from event_store.store import Store


def tidy(store: Store) -> list[str]:
    """Before a run publishes: retire what no pair shows any more, and merge what has become many.

    Gives the files that can be deleted after the publication. The caller holds the run lock.
    """
    with store.catalog.transaction("run") as con:
        retire_open(con)
        full = crowded(con, COMPACT_ABOVE)
        garbage = due(con)
    if full:
        compact(store, COMPACT_ABOVE, wait_s=0, newest=True)
    return garbage


def compact_store(store: Store, every: bool = False) -> CompactReport:
    """Merge crowded places, or with `every` all that have more than one segment, and publish.

    Raises StoreBusy during a run.
    """
    with store.running():
        with store.catalog.transaction("compact") as con:
            retire_open(con)
        report = compact(store, 1 if every else COMPACT_ABOVE)
        publish(store)
    return report
