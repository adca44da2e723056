"""Planning at fleet size: a catalog of 100,000 assets × 4 models, made by SQL, and planned in four situations."""

import json
from collections.abc import Iterator
from pathlib import Path

from actors import Fleet
from actors.planning import enabled_models
from actors.settings_file import packaged_settings
from benchmarks.fleet import Clock
from event_store.parameters import read_parameters
from event_store.store import Store
from twins import Binding, bind

ASSETS = 100_000
SENSORS = ("current", "pack_voltage", "cell_voltage_min", "cell_voltage_max", "soc", "temperature")
TINY = '''
"""One of two further models."""

from altergo_interface import Model, register_model


@register_model("NAME")
class Tiny(Model):
    def process(self, data):
        return {"y": data["current"]}
'''

_FILL = """
create temp table ids as select 'EV-' || lpad(i::varchar, 6, '0') as asset_id, i from range({assets}) r(i);
insert into store.batches values (1, 'b', 'events', 'f', '', now(), 1, 1, 0, 0, 0, null, null, null),
    (2, 'p', 'parameters', 'f', '', now(), 1, 1, 0, 0, 0, null, null, null);
insert into store.assets
    select asset_id, i % 32, timestamptz '2025-01-01 00:00Z', timestamptz '2026-01-01 12:00Z', 3153600 from ids;
insert into store.sensors select asset_id, sensor, 1, 525600, null, null, 0, 1 from ids, unnest({sensors}) s(sensor);
insert into store.parameters select asset_id, name, value, null, 2 from ids,
    (values ('capacity', '50.0'), ('chemistry', '"NMC"'), ('cells_in_series', '96')) p(name, value);
insert into store.arrivals
    select asset_id, 1, 3153600, timestamptz '2025-01-01 00:00Z', timestamptz '2026-01-01 12:00Z' from ids;
"""
_HEADS = """
insert into store.heads by name
select asset_id, $model as model, 1 as version, 'ok' as status, $value as fingerprint, $value as tried,
       2 as tried_seq, $choices as choices, $choices as tried_choices, timestamptz '2026-01-01 00:00Z' as head,
       timestamptz '2026-01-01 00:00Z' as through, timestamptz '2026-01-01 12:00Z' as as_of, 2 as seq, 1 as run,
       'r' as run_id, 4320 as open_events from ids
"""
_TODAY = """
insert into store.batches values (3, 'c', 'events', 'f', '', now(), 1, 1, 0, 0, 0, null, null, null);
insert into store.arrivals select asset_id, 3, 8640, timestamptz '2026-01-01 12:01Z', timestamptz '2026-01-02 11:59Z'
    from store.assets;
update store.assets set last_ts = timestamptz '2026-01-02 11:59Z', events = events + 8640;
"""


def measure_planning(root: Path) -> Iterator[tuple[str, int, float]]:
    """(situation, pairs to run, wall seconds of the whole plan: reading the facts, deciding)."""
    folder = root / "models"
    for name in ("tiny_one", "tiny_two"):
        home = folder / name
        home.mkdir(parents=True)
        (home / "__init__.py").write_text(TINY.replace("NAME", name))
        manifest = {"inputs": {"current": {"unit": "A"}}, "outputs": {"y": {}}, "continuity": "pointwise"}
        (home / "model.json").write_text(json.dumps(manifest))
    fleet = Fleet(root / "planned", packaged_settings(), [folder])
    store = Store.create(root / "planned")
    with store.catalog.transaction("benchmark") as con:
        for statement in _FILL.format(assets=ASSETS, sensors=list(SENSORS)).split(";"):
            if statement.strip():
                con.execute(statement)
    yield _timed(fleet, "all new assets")
    _settle(fleet, store)
    yield _timed(fleet, "nothing new")
    (folder / "tiny_one" / "__init__.py").write_text(TINY.replace("NAME", "tiny_one") + "\n\nX = 1\n")
    yield _timed(fleet, "one model changed")
    with store.catalog.transaction("benchmark") as con:
        for statement in _TODAY.split(";"):
            if statement.strip():
                con.execute(statement)
    yield _timed(fleet, "a day for all")


def _settle(fleet: Fleet, store: Store) -> None:
    """Give every pair the head that a run would have left."""
    models = enabled_models(fleet.registry(), fleet.settings())
    with store.catalog.transaction("benchmark") as con:
        con.execute("create temp table ids as select asset_id from store.assets")
        facts = next(iter(read_parameters(con).values()))
        for name, fingerprint in models.fingerprints.items():
            found = bind(name, models.specs[name].manifest, fleet.settings(), SENSORS, facts)
            assert isinstance(found, Binding)
            choices = json.dumps(found.choices, sort_keys=True)
            con.execute("insert into store.fingerprints values (?, ?)", [fingerprint.value, fingerprint.to_json()])
            con.execute(_HEADS, {"model": name, "value": fingerprint.value, "choices": choices})


def _timed(fleet: Fleet, what: str) -> tuple[str, int, float]:
    clock = Clock()
    plan = fleet.plan()
    return what, len(plan.items), clock.wall
