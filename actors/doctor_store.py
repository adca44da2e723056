"""The doctor's checks of the store: its version, who holds it, its published copy, its segments."""

from actors.doctor import FAILED, OK, WARNING, Check, Patient
from actors.wording import ago

LOOKED_AT = 1000
"""So many of the newest segments are looked for; elsewhere than on this disk a tenth of them."""


def _there(patient: Patient) -> bool:
    return (patient.root / "catalog.duckdb").is_file()


def check_store(patient: Patient) -> Check:
    """There is one, of this engine's version."""
    from event_store.schema import SCHEMA_VERSION
    from event_store.store import Store

    if not _there(patient) and Store.missing(patient.root):
        return Check("store", WARNING, f"{patient.root}: there is none yet", "Ingest a file, or check --store")
    version = Store.open(patient.root).catalog.version()
    detail = f"{patient.root.absolute()}, schema version {version}"
    if version != SCHEMA_VERSION:
        advice = "Run: twins store upgrade" if version < SCHEMA_VERSION else "Use the engine version that wrote it"
        return Check("store", FAILED, f"{detail}; this engine reads {SCHEMA_VERSION}", advice)
    return Check("store", OK, detail)


def check_locks(patient: Patient) -> Check | None:
    """Who works on the store."""
    from event_store.locks import held

    if not _there(patient):
        return None
    found = held(patient.root / "locks")
    return Check("locks", OK, "; ".join(found) or "nobody works on the store")


def check_published(patient: Patient) -> Check | None:
    """The copy that is queried can be read, and belongs to this place."""
    from event_store.paths import StorePaths
    from event_store.published import published_meta

    if not _there(patient):
        return None
    paths = StorePaths(patient.root)
    if not paths.published.is_file():
        return Check("published copy", WARNING, "there is none", "The next run, ingest or query makes it")
    try:
        meta = published_meta(paths)
    except Exception as error:
        advice = f"Delete {paths.published}: the next query makes it anew"
        return Check("published copy", FAILED, f"cannot be read ({str(error).splitlines()[0]})", advice)
    detail = f"made {ago(paths.published)}"
    if meta.get("root") != str(paths.root.absolute()):
        return Check("published copy", WARNING, f"{detail} for {meta.get('root')}", "`twins sql` makes it anew")
    return Check("published copy", OK, detail)


def check_segments(patient: Patient) -> Check | None:
    """The newest segments are there, in their size."""
    from event_store.listing import listed
    from event_store.store import Store

    if not _there(patient):
        return None
    store = Store.open(patient.root)
    with store.catalog.session("doctor") as con:
        newest = listed(con)[-LOOKED_AT if store.files.uri is None else -LOOKED_AT // 10 :]
    wrong = [segment.path for segment in newest if store.files.size(segment.path) != segment.bytes]
    if wrong:
        detail = f"{len(wrong)} of {len(newest)} are missing or have another size, {wrong[0]} among them"
        return Check("segments", FAILED, detail, "See what is left: twins store verify; restore from a backup")
    return Check("segments", OK, f"the newest {len(newest):,} are there, in {store.files}; see twins store verify")


CHECKS = {"store": check_store, "locks": check_locks, "published copy": check_published, "segments": check_segments}
