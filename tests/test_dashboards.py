"""What the dashboards hold: the same bytes for the same publication, few of them, and what the views say."""

import json
import re
import time
from pathlib import Path

import faulty_fleet as given
import numpy as np
import pandas as pd
import pytest

from actors import Fleet
from actors.asset_view import Range
from actors.fleet_view import fleet_view
from altergo_interface import SelectionError, StoreError
from altergo_interface.dashboards import bundle
from event_store.ingest import ParseOptions

LARGEST = 5_000_000


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, make_events) -> Fleet:
    """The fleet with every kind of fault, after a run."""
    return given.build(tmp_path_factory.mktemp("faulty"), make_events)


def asset_view(fleet: Fleet, asset: str, since: int | None = None, until: int | None = None):
    """What the asset's page is drawn from."""
    with fleet._pinned() as pin:
        return fleet._look(pin)(asset, Range(since, until)).view()


def test_the_same_publication_gives_the_same_bytes_at_any_time(faulty, tmp_path, monkeypatch):
    page = faulty.dashboard(given.FAULTY, tmp_path / "page.html").read_bytes()
    fleet = faulty.fleet_dashboard(tmp_path / "fleet.html", pages=0).read_bytes()
    faulty.publish()
    bundle._packed.cache_clear()
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert faulty.dashboard(given.FAULTY, tmp_path / "later.html").read_bytes() == page
    assert faulty.fleet_dashboard(tmp_path / "later-fleet.html", pages=0).read_bytes() == fleet


def test_a_page_holds_no_address_but_those_of_its_libraries(faulty, tmp_path):
    text = faulty.dashboard(given.SOUND, tmp_path / "page.html").read_text()
    without_payloads = re.sub(r'<script type="text/plain"[^>]*>.*?</script>', "", text, flags=re.DOTALL)
    assert "http" not in without_payloads.replace("http-equiv", "")
    assert "default-src &#39;none&#39;" in text


def test_inputs_are_what_the_models_receive_and_their_faults_what_the_quality_view_counts(faulty):
    inputs = {view.name: view for view in asset_view(faulty, given.FAULTY).inputs}
    high = inputs["cell_voltage_max"]
    t, x = high.lines["cell_voltage_max"]
    assert high.unit == "V"
    assert (x.min(), x.max()) == (pytest.approx(3.606, abs=0.01), 4.3)
    assert high.invalid[1].tolist() == [6.0] * given.SENTINELS
    assert not set(high.invalid[0].tolist()) & set(t.tolist())
    with faulty._pinned() as pin:
        counted = pin.rows(
            "select sensor, sum(gaps)::int as gaps, sum(gap_s) as gap_s, sum(out_of_range)::int as outside "
            "from quality where asset_id = $asset group by sensor",
            asset=given.FAULTY,
        )
    looked = [(inputs[row["sensor"]], row) for row in counted if row["sensor"] != given.HOSTILE_SENSOR]
    assert [row["gaps"] for _, row in looked].count(2) == 1
    assert len(looked) == 6
    for view, row in looked:
        assert len(view.gaps) == row["gaps"]
        assert sum(end - start for start, end in view.gaps) / 1e6 == row["gap_s"]
        assert len(view.invalid[0]) == row["outside"]


def test_every_model_tells_where_it_comes_from(faulty):
    models = {model.name: model for model in asset_view(faulty, given.FAULTY).models}
    assert set(models) == {*given.PACKAGED, *given.MODELS}
    assert {name: model.status for name, model in models.items() if model.status != "ok"} == {
        "breaks": "parked",
        "waits": "blocked",
        "lacks": "skipped",
    }
    [(as_of, fingerprint, run)] = faulty.sql(
        "select epoch_us(as_of), fingerprint, run_id from twin_state where model = 'eq_cycles' and asset_id = 'EV-1'"
    ).fetchall()
    told = dict({m.name: m for m in asset_view(faulty, given.SOUND).models}["eq_cycles"].provenance)
    assert told["fingerprint"] == fingerprint
    assert told["run"].startswith(run)
    assert told["results up to"] == str(np.datetime64(as_of, "us").astype("M8[s]")).replace("T", " ") + " UTC"
    assert told["events up to sequence"] == "3"
    assert told["snapshots"].endswith("the newest of 2026-02-02 00:00:00 UTC")


def test_outputs_are_those_of_the_view_in_the_order_of_the_manifest(faulty):
    models = {model.name: model for model in asset_view(faulty, given.SOUND).models}
    outputs = {output.name: output for output in models["voltage_monitor"].outputs}
    rows = faulty.sql(
        "select epoch_us(ts), value from outputs where asset_id = 'EV-1' and output = 'voltage_margin' order by ts"
    ).fetchall()
    known = dict(zip(outputs["voltage_margin"].t.tolist(), outputs["voltage_margin"].x.tolist(), strict=True))
    assert {t: known[t] for t, _ in rows} == dict(rows)
    assert outputs["voltage_margin"].unit == "V"
    assert list(outputs) == ["voltage_status", "voltage_severity", "min_voltage", "max_voltage", "voltage_margin"]
    assert models["data_quality"].silent


def test_a_figure_has_no_more_digits_than_its_uncertainty(faulty):
    view = asset_view(faulty, given.SOUND)
    told = {what: value for what, value, _ in view.tiles}
    assert re.fullmatch(r"\d+\.\d ± \d\.\d %", told["state of charge"])
    assert re.fullmatch(r"\d+ ± \d\d %", told["imbalance, last rest"])
    assert told["equivalent cycles"] == "12.01"
    assert told["open"] == "1 alert, 1 imbalance"
    assert {what for what, _, stands_out in view.tiles if stands_out} == {"models", "open", "voltage margin"}
    assert view.about == "NMC · 50 Ah · 96 cells in series · events up to sequence 3"


def test_the_tables_say_where_values_come_from(faulty):
    tables = asset_view(faulty, given.FAULTY).tables
    parameters = {row[0]: row[1:] for row in tables["parameters"].rows}
    assert parameters["capacity"][0] == "50"
    assert parameters["capacity"][2].endswith("assets.csv (sequence 3)")
    mapping = {tuple(row[:2]): tuple(row[2:]) for row in tables["mapping"].rows}
    assert mapping["voltage_monitor", "v_cell_min"] == ("cell_voltage_min", "mV → V", "manifest default")
    assert mapping["eq_cycles", "capacity"] == ("parameter capacity = 50.0", "Ah", "manifest default")
    assert mapping["lacks", "nowhere"][0] == "nothing: the model needs nowhere (nowhere)"
    configuration = {row[0]: tuple(row[1:]) for row in tables["configuration"].rows}
    assert configuration["models.eq_cycles.configuration.charge_efficiency"] == (0.98, "manifest default")
    assert configuration["execution.enabled_models"][1] == "file"
    sensors = {row[0]: row for row in tables["sensors"].rows}
    assert sensors["cell_voltage_min"][7] == "cell_voltage_* (file)"


def test_a_range_shows_its_own_events_and_outputs_alone(faulty, tmp_path):
    since, until = (int(pd.Timestamp(day, tz="UTC").value // 1000) for day in ("2026-02-01", "2026-02-02"))
    view = asset_view(faulty, given.SOUND, since, until)
    stamps = [t for sensor in view.inputs for t, _ in sensor.lines.values()]
    stamps += [output.t for model in view.models for output in model.outputs]
    assert all(since <= t.min() and t.max() < until for t in stamps if len(t))
    assert view.span == (since, until - given.STEP_S * 1_000_000)
    day = faulty.dashboard(given.SOUND, since="2026-02-01", until="2026-02-02T12:30Z")
    assert day.name == "EV-1.2026-02-01T0000_2026-02-02T1230.html"
    assert day.parent == faulty.dashboard(given.SOUND).parent
    with pytest.raises(SelectionError, match=r"no events of 'EV-1' in this range. It has 2026-01-30 00:00:00 UTC to"):
        faulty.dashboard(given.SOUND, tmp_path / "later.html", since="2027-01-01")
    with pytest.raises(SelectionError, match=r"in this range. It has none"):
        faulty.dashboard(given.EMPTY, tmp_path / "later.html", since="2027-01-01")
    assert not (tmp_path / "later.html").exists()


def test_changed_settings_make_a_page_say_that_it_is_out_of_date(faulty, tmp_path):
    changed = json.loads(json.dumps(given.SETTINGS))
    changed["parameters"]["models"] = {"eq_cycles": {"charge_efficiency": 0.9}}
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(changed))
    models = asset_view(Fleet(faulty.root, path, faulty._models_dirs), given.SOUND).models
    assert [model.name for model in models if model.stale] == ["eq_cycles"]


def test_a_year_at_a_minute_stays_below_five_megabytes(workdir, tmp_path):
    minutes = 365 * 1440
    rng = np.random.default_rng(0)
    ts = pd.date_range("2025-01-01", periods=minutes, freq="min", tz="UTC")
    current = np.round(40 * np.sin(np.arange(minutes) / 200) + rng.normal(0, 5, minutes), 1)
    noise = rng.normal(0, 0.01, (minutes, 6))
    frame = pd.DataFrame({f"cell_voltage_{i}": np.round(3.7 - current / 400 + noise[:, i], 3) for i in range(6)})
    frame = frame.assign(asset_id="A", ts=ts, current=current, pack_voltage=np.round(355 - current / 4, 1))
    frame.to_parquet(tmp_path / "year.parquet")
    (tmp_path / "assets.csv").write_text("asset_id,capacity,chemistry,cells_in_series,cadence_s\nA,50,NMC,96,60\n")
    (tmp_path / "settings.json").write_text(json.dumps({"parameters": {"sensors": {"current": {"unit": "A"}}}}))
    fleet = Fleet(tmp_path / "store", tmp_path / "settings.json")
    fleet.ingest(tmp_path / "year.parquet", ParseOptions(wide=True))
    fleet.import_assets(tmp_path / "assets.csv")
    assert not fleet.run(local=True).parked
    assert 2_000_000 < fleet.dashboard("A").stat().st_size < LARGEST


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a dashboard is of one asset or of the fleet"),
        (["EV-1", "--fleet"], "a dashboard is of one asset or of the fleet"),
        (["EV-11"], "no asset is called 'EV-11'. Did you mean 'EV-1'?"),
        (["EV-1", "--from", "noon"], "--from: 'noon' is no time"),
        (["EV-1", "--from", "2026-02-01", "--to", "2026-02-01"], "--from 2026-02-01 is not before --to 2026-02-01"),
        (["--fleet", "--from", "2026-02-01"], "--from and --to are of an asset's dashboard"),
        (["EV-1", "--pages", "3"], "--pages is of the fleet's dashboard"),
        (["EV-1", "--out", "settings.json/x.html"], "settings.json/x.html: cannot be written"),
    ],
)
def test_bad_input_gets_a_clear_error_and_writes_nothing(ran, twins, store, words, said):
    code, out, err = twins("dashboard", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert not (store / "dashboards").exists()


def test_the_commands_write_where_the_links_lead(ran, ask, store):
    fleet = ask("dashboard", "--fleet", "--pages", "1")
    assert fleet["file"] == str(store / "dashboards" / "fleet.html")
    assert len(fleet["pages"]) == 1
    asset = ask("dashboard", "EV-2")
    assert asset["bytes"] == Path(asset["file"]).stat().st_size
    with ran._pinned() as pin:
        one, both = fleet_view(pin, 1).links, fleet_view(pin, 2).links
    assert [str(store / "dashboards" / link) for link in one] == fleet["pages"]
    assert {str(store / "dashboards" / link) for link in both} == {asset["file"], ask("dashboard", "EV-1")["file"]}


def test_the_fleets_rows_are_those_of_the_views(faulty):
    with faulty._pinned() as pin:
        view = fleet_view(pin, 0)

    def known(query):
        return {asset: pytest.approx(value, rel=1e-5) for asset, value in faulty.sql(query).fetchall()}

    def shown(key):
        pairs = zip(view.column("asset"), view.column(key), strict=True)
        return {asset: value for asset, value in pairs if value is not None}

    for key, output in (("cycles", "equivalent_cycles"), ("margin", "voltage_margin")):
        assert shown(key) == known(f"select asset_id, value from latest_outputs where output = '{output}'")
    alerts = known("select asset_id, count(*) from records where kind = 'alert' group by 1")
    assert shown("alerts") == alerts | {given.SINGLE: 0, given.EMPTY: 0}
    worst = "select asset_id, min(value) from outputs where output = 'voltage_margin' group by 1"
    assert shown("worst_margin") == known(worst)
    assert len(view.history) == 1


def test_what_is_parked_comes_first(ran):
    with ran._pinned() as pin:
        assert fleet_view(pin, 0).column("asset") == ["EV-2", "EV-1"]
    with ran.store().catalog.transaction("test") as con:
        con.execute("update store.heads set status = 'parked' where asset_id = 'EV-1' and model = 'eq_cycles'")
    ran.publish()
    with ran._pinned() as pin:
        assert fleet_view(pin, 0).column("asset") == ["EV-1", "EV-2"]


def test_debug_mode_writes_a_page_of_each_pair_of_its_models(ingested, ask, write, settings_document, store):
    settings_document["parameters"]["models"]["eq_cycles"]["debug_mode"] = True
    named = write("debug.json", settings_document)
    report = ask("run", "--local", "--settings", named)
    folder = store / "dashboards" / "runs" / report["run_id"]
    assert sorted(map(Path, report["dashboards"])) == [folder / f"EV-{i}.eq_cycles.html" for i in (1, 2)]
    text = (folder / "EV-1.eq_cycles.html").read_text()
    assert f"eq_cycles of EV-1, run {report['run_id']}" in text
    assert "min_voltage" not in text
    assert ask("run", "--local", "--settings", named)["dashboards"] == []


def test_a_models_own_debug_mode_wins_over_that_of_execution(ingested, ask, write, settings_document):
    settings_document["parameters"]["execution"]["debug_mode"] = True
    settings_document["parameters"]["models"]["voltage_monitor"] = {"debug_mode": False}
    report = ask("run", "--local", "--settings", write("debug.json", settings_document))
    assert {Path(page).name for page in report["dashboards"]} == {f"EV-{i}.eq_cycles.html" for i in (1, 2)}


def test_debug_pages_of_old_runs_go(ingested, ask, write, settings_document, store, monkeypatch):
    monkeypatch.setattr("actors.debug_pages.KEPT_RUNS", 2)
    settings_document["parameters"]["execution"]["debug_mode"] = True
    named = write("debug.json", settings_document)
    runs = [ask("run", "--local", "--compute-type", "full", "--settings", named)["run_id"] for _ in range(3)]
    assert {path.name for path in (store / "dashboards" / "runs").iterdir()} == set(runs[1:])


def test_more_pairs_than_debugging_looks_at_are_named(ingested, ask, write, settings_document, monkeypatch):
    monkeypatch.setattr("actors.debug_pages.MOST", 3)
    settings_document["parameters"]["execution"]["debug_mode"] = True
    report = ask("run", "--local", "--settings", write("debug.json", settings_document))
    assert len(report["dashboards"]) == 3
    assert [line for line in report["warnings"] if "debug_mode" in line] == [
        "debug_mode: pages of 3 of 4 pairs were written; --select narrows a run"
    ]


def test_pages_of_parked_pairs_come_first(tmp_path, make_events, monkeypatch):
    monkeypatch.setenv("TWINS__EXECUTION__DEBUG_MODE", "true")
    monkeypatch.setattr("actors.debug_pages.MOST", 6)
    fleet = given.build(tmp_path / "debugged", make_events)
    [folder] = (fleet.root / "dashboards" / "runs").iterdir()
    models = sorted(path.name.split(".")[-2] for path in folder.iterdir())
    assert models == ["breaks"] * 3 + ["waits"] * 3


def test_a_page_that_cannot_be_drawn_leaves_the_run_and_the_other_pages(
    ingested, ask, write, settings_document, monkeypatch
):
    def draw(view):
        if view.title.startswith("eq_cycles of EV-1"):
            raise ValueError("what a model gave cannot be drawn")
        return "page"

    monkeypatch.setattr("actors.debug_pages.asset_page", draw)
    settings_document["parameters"]["execution"]["debug_mode"] = True
    report = ask("run", "--local", "--settings", write("debug.json", settings_document))
    assert len(report["dashboards"]) == 3
    assert [line for line in report["warnings"] if "debug_mode" in line] == [
        "debug_mode: no page of EV-1 eq_cycles: ValueError: what a model gave cannot be drawn"
    ]


def test_a_dated_parameter_is_shown_as_it_is_now(ran, write):
    rows = "asset_id,valid_from,capacity\nEV-1,2026-01-31T00:00Z,45\n"
    ran.import_assets(write("aged.csv", rows))
    ran.publish()
    view = asset_view(ran, "EV-1")
    assert "45 Ah" in view.about
    mapping = {tuple(row[:2]): row[2] for row in view.tables["mapping"].rows}
    assert mapping["eq_cycles", "capacity"] == "parameter capacity = 45.0"


def test_a_page_that_cannot_be_written_leaves_the_run_as_it_is(ingested, ask, write, settings_document, store):
    settings_document["parameters"]["models"]["eq_cycles"]["debug_mode"] = True
    store.joinpath("dashboards").write_text("in the way")
    report = ask("run", "--local", "--settings", write("debug.json", settings_document))
    assert report["pairs"] == 4
    assert report["dashboards"] == []
    said = [line for line in report["warnings"] if "debug_mode" in line]
    assert len(said) == 2
    assert all("cannot be written" in line for line in said)


def test_an_unknown_asset_is_an_error_in_python_too(ran, tmp_path):
    with pytest.raises(SelectionError, match="no asset is called"):
        ran.dashboard("nobody")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        ran.dashboard("EV-1", tmp_path / "file" / "page.html")
