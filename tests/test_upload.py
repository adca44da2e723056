"""Uploading: a platform holds what the store's outputs say, and is sent no more than that takes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from platform_double import Killed, Platform, winning
from toys import write_toys

from actors import Fleet
from actors.uploading import upload
from altergo_interface import SelectionError, SettingsError, StoreBusy
from event_store.ingest import ParseOptions

CYCLES = "eq_cycles equivalent_cycles"


@pytest.fixture
def platform() -> Platform:
    return Platform()


def sent_nothing(fleet: Fleet, platform: Platform) -> bool:
    """Whether one more upload finds nothing to do."""
    platform.forget_calls()
    report = upload(fleet, platform)
    return (platform.calls, report.points, report.withdrawn) == ([], 0, 0)


def rows(*events: tuple[str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(events, columns=["asset_id", "sensor", "ts", "value"]).assign(
        ts=lambda frame: pd.to_datetime(frame.ts, utc=True)
    )


def with_settings(fleet: Fleet, write: Callable[..., Path], document: dict[str, Any], **models: Any) -> Fleet:
    """The same store under settings with these changes to the blocks of models."""
    for name, block in models.items():
        document["parameters"]["models"].setdefault(name, {}).update(block)
    return Fleet(fleet.root, write("changed.json", document))


def test_the_first_upload_sends_all_outputs_and_the_second_nothing(ran: Fleet, platform: Platform) -> None:
    report = upload(ran, platform)
    assert platform.holds() == winning(ran)
    assert report.points == sum(map(len, platform.content.values())) > 0
    assert (report.assets, report.series) == (2, len(platform.content))
    assert (report.restated, report.withdrawn, report.failed, report.exit_code) == (0, 0, [], 0)
    assert len(platform.calls) == 2
    assert sent_nothing(ran, platform)


def test_units_come_from_the_manifest(ran: Fleet, platform: Platform) -> None:
    upload(ran, platform)
    assert platform.units["EV-1", "eq_cycles charge_throughput_ah"] == "Ah"
    assert platform.units["EV-1", CYCLES] == ""
    assert platform.units["EV-1", "voltage_monitor min_voltage"] == "V"


def test_only_what_a_late_event_changes_is_sent(ran: Fleet, platform: Platform, write: Callable[..., Path]) -> None:
    upload(ran, platform)
    before = {key: dict(series) for key, series in platform.content.items()}
    ran.ingest(write("late.parquet", rows(("EV-2", "current", "2026-02-01T12:02:30Z", 500.0))))
    ran.run(local=True)
    platform.forget_calls()
    report = upload(ran, platform)
    assert platform.holds() == winning(ran) != before
    assert report.restated > 0
    for (asset, series), (stamps, withdrawn) in platform.sent().items():
        assert asset == "EV-2"
        was, now = before[asset, series], platform.content[asset, series]
        assert {t for t in stamps if was.get(t) != now[t]} == set(stamps)
        assert set(withdrawn) == set(was) - set(now)
    assert sent_nothing(ran, platform)


def test_what_is_retracted_is_withdrawn(ran: Fleet, platform: Platform, write: Callable[..., Path]) -> None:
    upload(ran, platform)
    batch = ran.ingest(write("more.parquet", rows(("EV-1", "current", "2026-02-04T12:00Z", 20.0)))).batch
    ran.run(local=True)
    assert upload(ran, platform).points > 0
    ran.retract(batch)
    ran.run(local=True)
    assert upload(ran, platform).withdrawn > 0
    assert platform.holds() == winning(ran)
    assert sent_nothing(ran, platform)


def test_an_asset_of_which_nothing_is_left_is_withdrawn(
    ran: Fleet, platform: Platform, write: Callable[..., Path], events: pd.DataFrame
) -> None:
    upload(ran, platform)
    keys = events[events.asset_id == "EV-1"]
    ran.ingest(write("keys.parquet", keys), ParseOptions(retract=True))
    ran.run(local=True)
    upload(ran, platform)
    assert {asset for asset, _ in platform.holds()} == {"EV-2"}
    assert sent_nothing(ran, platform)
    ran.ingest(write("again.parquet", keys), again=True)
    ran.run(local=True)
    upload(ran, platform)
    assert platform.holds() == winning(ran)


def test_a_provisional_point_that_moves_on_is_withdrawn(tmp_path: Path, workdir: Path, platform: Platform) -> None:
    """A window's result is stamped at its newest sample: no mask and no later row says that it stood elsewhere."""
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"parameters": {"execution": {"enabled_models": "windowed"}}}))
    fleet = Fleet(tmp_path / "store", settings, [write_toys(tmp_path / "toys", "windowed")])
    for hour in (6, 12, 18):
        path = tmp_path / f"{hour}.parquet"
        rows(("EV-1", "current", f"2026-02-01T{hour:02}:00Z", 1.0)).to_parquet(path)
        fleet.ingest(path)
        fleet.run(local=True)
        upload(fleet, platform)
        assert platform.holds() == winning(fleet)
        assert len(platform.holds()["EV-1", "windowed mean"]) == 1
    assert sent_nothing(fleet, platform)


def test_a_point_that_only_a_mask_hides_is_withdrawn(tmp_path: Path, workdir: Path, platform: Platform) -> None:
    """The slot is replayed without its first point: nothing new stands where that was."""
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"parameters": {"execution": {"enabled_models": "latest"}}}))
    fleet = Fleet(tmp_path / "store", settings, [write_toys(tmp_path / "toys", "latest")])
    batches = []
    # Day by day, so that the replay begins at the snapshot before the stray one and not at the first event.
    for at, value in (("01T12", 0.0), ("02T06", 90.0), ("02T12", 0.0), ("03T12", 0.0), ("04T12", 0.0)):
        rows(("EV-1", "current", f"2026-02-{at}:00Z", value)).to_parquet(tmp_path / f"{at}.parquet")
        batches.append(fleet.ingest(tmp_path / f"{at}.parquet").batch)
        fleet.run(local=True)
    upload(fleet, platform)
    assert ("90.0", None) in platform.content["EV-1", "latest value"].values()
    fleet.retract(batches[1])
    fleet.run(local=True)
    assert upload(fleet, platform).withdrawn == 1
    assert platform.holds() == winning(fleet)
    assert sent_nothing(fleet, platform)


def test_a_full_recompute_sends_only_points_that_differ(
    ran: Fleet, platform: Platform, write: Callable[..., Path], settings_document: dict[str, Any]
) -> None:
    upload(ran, platform)
    ran.run(compute_type="full", local=True)
    assert sent_nothing(ran, platform)
    changed = with_settings(ran, write, settings_document, eq_cycles={"configuration": {"charge_efficiency": 0.9}})
    changed.run(local=True)
    platform.forget_calls()
    report = upload(changed, platform)
    assert platform.holds() == winning(changed)
    assert report.restated > 0
    assert not {series for _, series in platform.sent() if series.startswith("voltage_monitor")}
    assert "eq_cycles unobserved_hours" not in {series for _, series in platform.sent()}


def test_compaction_and_collection_change_nothing(ran: Fleet, platform: Platform, write: Callable[..., Path]) -> None:
    """Masks are all that says where rows have gone: they must stay until the upload has seen them."""
    upload(ran, platform)
    for value in (500.0, -500.0):
        name = f"late{value}.parquet"
        ran.ingest(write(name, rows(("EV-2", "current", "2026-01-31T12:02:30Z", value))))
        ran.run(local=True)
    ran.compact(every=True)
    ran.gc(grace_s=0)
    upload(ran, platform)
    assert platform.holds() == winning(ran)
    ran.compact(every=True)
    ran.gc(grace_s=0)
    assert sent_nothing(ran, platform)
    assert ran.verify().findings == []
    with ran.store().catalog.session("test") as con:
        places = con.execute(
            "select count(*), count(distinct (bucket, month)) from store.segments where kind = 'sent'"
        ).fetchall()
        assert places[0][0] == places[0][1] > 0
    with duckdb.connect() as con:
        found = con.execute(
            f"select count(*), bool_and(held) from '{ran.root}/segments/sent/**/*.parquet'"
        ).fetchall()
    assert found == [(sum(map(len, platform.holds().values())), True)]


def test_masks_go_once_the_upload_has_seen_them(ran: Fleet, platform: Platform, write: Callable[..., Path]) -> None:
    upload(ran, platform)
    ran.ingest(write("late.parquet", rows(("EV-2", "current", "2026-01-31T12:02:30Z", 500.0))))
    ran.run(local=True)
    assert ran.compact(every=True).masks == 0
    upload(ran, platform)
    ran.ingest(write("new.parquet", rows(("EV-2", "current", "2026-02-05T12:00Z", 1.0))))
    ran.run(local=True)
    assert ran.compact(every=True).masks > 0


def test_a_display_name_moves_the_series(
    ran: Fleet, platform: Platform, write: Callable[..., Path], settings_document: dict[str, Any]
) -> None:
    upload(ran, platform)
    named = with_settings(
        ran, write, settings_document, eq_cycles={"outputs": {"equivalent_cycles": {"default": "Equivalent Cycles"}}}
    )
    platform.forget_calls()
    report = upload(named, platform)
    names = {"eq_cycles:equivalent_cycles": "Equivalent Cycles"}
    assert platform.holds() == winning(named, names)
    assert {series for _, series in platform.sent()} == {"Equivalent Cycles", CYCLES}
    assert report.points == report.withdrawn > 0
    assert sent_nothing(named, platform)


def test_a_name_that_is_taken_back_after_a_kill_is_mended(
    ran: Fleet, platform: Platform, write: Callable[..., Path], settings_document: dict[str, Any]
) -> None:
    """Nothing has moved since the upload before the killed one; but the platform has a part of the other name."""
    upload(ran, platform)
    named = with_settings(ran, write, settings_document, eq_cycles={"outputs": {"equivalent_cycles": "Cycles"}})
    platform.steps, platform.die_at = 0, 3
    with pytest.raises(Killed):
        upload(named, platform)
    assert platform.holds() != winning(ran)
    upload(ran, platform)
    assert platform.holds() == winning(ran)
    assert sent_nothing(ran, platform)


def test_two_outputs_may_change_names_with_each_other(
    ran: Fleet, platform: Platform, write: Callable[..., Path], settings_document: dict[str, Any]
) -> None:
    def named(cycles: str, voltage: str) -> Fleet:
        blocks = {"eq_cycles": {"outputs": {"equivalent_cycles": cycles}}}
        blocks |= {"voltage_monitor": {"outputs": {"min_voltage": voltage}}}
        return with_settings(ran, write, settings_document, **blocks)

    upload(named("X", "Y"), platform)
    swapped = named("Y", "X")
    with pytest.raises(SettingsError, match="eq_cycles:equivalent_cycles and voltage_monitor:min_voltage are both"):
        upload(swapped, platform, "model:eq_cycles")  # the other one still has the name
    upload(swapped, platform)
    names = {"eq_cycles:equivalent_cycles": "Y", "voltage_monitor:min_voltage": "X"}
    assert platform.holds() == winning(swapped, names)
    assert platform.units["EV-1", "X"] == "V"
    assert sent_nothing(swapped, platform)


def test_a_name_for_two_outputs_is_an_error_that_names_both(
    ran: Fleet, platform: Platform, write: Callable[..., Path], settings_document: dict[str, Any]
) -> None:
    both = {
        "eq_cycles": {"outputs": {"equivalent_cycles": "X"}},
        "voltage_monitor": {"outputs": {"min_voltage": "X"}},
    }
    clashing = with_settings(ran, write, settings_document, **both)
    with pytest.raises(SettingsError, match="eq_cycles:equivalent_cycles and voltage_monitor:min_voltage") as refused:
        upload(clashing, platform)
    assert "'X'" in str(refused.value)
    assert platform.calls == []


def test_another_unit_sends_the_series_again(ran: Fleet, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    from altergo_interface.manifest import OutputSpec

    upload(ran, platform)
    registry = ran.registry()
    outputs = registry["eq_cycles"].manifest.outputs
    monkeypatch.setitem(outputs, "equivalent_cycles", OutputSpec(unit="%"))
    monkeypatch.setattr(Fleet, "registry", lambda self: registry)
    platform.forget_calls()
    upload(ran, platform)
    assert {series for _, series in platform.sent()} == {CYCLES}
    assert platform.sent()["EV-1", CYCLES][0] == sorted(platform.content["EV-1", CYCLES])
    assert platform.units["EV-1", CYCLES] == "%"
    assert sent_nothing(ran, platform)


def test_a_parked_pair_keeps_its_last_good_points(
    ran: Fleet, platform: Platform, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.eq_cycles import EqCycles

    def broken(self: object, state: object, data: object) -> None:
        raise ValueError("no")

    upload(ran, platform)
    before = {key: dict(series) for key, series in platform.content.items()}
    ran.ingest(write("new.parquet", rows(("EV-2", "current", "2026-02-05T12:00Z", 1.0))))
    monkeypatch.setattr(EqCycles, "advance", broken)
    assert ran.run(local=True).parked
    upload(ran, platform)
    assert platform.holds() == winning(ran)
    assert platform.content["EV-2", CYCLES] == before["EV-2", CYCLES]


def test_a_purged_asset_is_forgotten_here_and_stays_there(ran: Fleet, platform: Platform) -> None:
    upload(ran, platform)
    held = platform.holds()
    ran.purge("EV-1")
    assert [path for path in ran.root.rglob("*") if path.is_file() and b"EV-1" in path.read_bytes()] == []
    assert sent_nothing(ran, platform)
    assert platform.holds() == held


def test_a_dry_run_lists_what_would_be_sent_and_changes_nothing(
    ran: Fleet, platform: Platform, snapshot: Callable[..., Any], write: Callable[..., Path]
) -> None:
    before = snapshot(ran.root)
    planned = upload(ran, platform, dry_run=True)
    assert snapshot(ran.root) == before
    assert platform.calls == []
    done = upload(ran, platform)
    assert (planned.counts, planned.changes != []) == (done.counts, True)
    found = {(change.asset_id, change.series): change for change in planned.changes}
    assert set(found) == set(platform.content)
    for key, series in platform.content.items():
        change = found[key]
        assert (change.new, change.restated, change.withdrawn) == (len(series), 0, 0)
        assert (change.first_ts, change.last_ts) == (min(series), max(series))
    ran.ingest(write("late.parquet", rows(("EV-2", "current", "2026-02-01T12:02:30Z", 500.0))))
    ran.run(local=True)
    planned = upload(ran, platform, dry_run=True)
    done = upload(ran, platform)
    assert (planned.counts, planned.restated) == (done.counts, done.restated)
    assert sum(change.restated for change in planned.changes) == done.restated > 0
    assert upload(ran, platform, dry_run=True).changes == []


def test_a_selection_is_sent_alone(ran: Fleet, platform: Platform) -> None:
    upload(ran, platform, "asset:EV-1,model:eq_cycles")
    assert {(asset, series.split()[0]) for asset, series in platform.holds()} == {("EV-1", "eq_cycles")}
    upload(ran, platform)
    assert platform.holds() == winning(ran)
    assert not [p for asset, points in platform.calls[1:] for p in points if (asset, p.sensor) == ("EV-1", CYCLES)]
    for wrong in ("model:eq_cycle", "asset:ZZ*", "status:parked"):
        with pytest.raises(SelectionError):
            upload(ran, platform, wrong)


def test_a_refused_asset_does_not_stop_the_others(ran: Fleet, platform: Platform) -> None:
    platform.refused = {"EV-1"}
    report = upload(ran, platform)
    assert report.failed == [("EV-1", "double: EV-1 is not welcome")]
    assert (report.exit_code, report.assets) == (1, 1)
    expected = winning(ran)
    assert {k: v for k, v in platform.holds().items() if k[0] == "EV-2"} == {
        k: v for k, v in expected.items() if k[0] == "EV-2"
    }
    platform.refused = set()
    platform.forget_calls()
    assert upload(ran, platform).exit_code == 0
    assert platform.holds() == expected
    assert {asset for asset, _ in platform.calls} == {"EV-1"}
    assert sent_nothing(ran, platform)


def test_what_reached_a_platform_before_a_refusal_is_not_forgotten(
    ran: Fleet, platform: Platform, write: Callable[..., Path]
) -> None:
    """Points that were taken, and that no longer hold when the asset is tried again."""
    upload(ran, platform)
    batch = ran.ingest(write("more.parquet", rows(("EV-1", "current", "2026-02-04T12:00Z", 20.0)))).batch
    ran.run(local=True)
    platform.refused = {"EV-1"}
    upload(ran, platform)
    assert platform.holds() != winning(ran)  # a part of it
    platform.refused = set()
    ran.retract(batch)
    ran.run(local=True)
    ran.compact(every=True)
    upload(ran, platform)
    assert platform.holds() == winning(ran)
    assert sent_nothing(ran, platform)


def test_a_withdrawal_in_doubt_is_tried_again(ran: Fleet, platform: Platform, write: Callable[..., Path]) -> None:
    batch = ran.ingest(write("more.parquet", rows(("EV-1", "current", "2026-02-04T12:00Z", 20.0)))).batch
    ran.run(local=True)
    upload(ran, platform)
    ran.retract(batch)
    ran.run(local=True)
    platform.reachable = False  # only once it has been noted what is about to be sent
    assert upload(ran, platform).unreachable
    platform.reachable = True
    ran.compact(every=True)
    assert upload(ran, platform).withdrawn > 0
    assert platform.holds() == winning(ran)
    assert sent_nothing(ran, platform)


def test_an_unreachable_platform_ends_the_upload_and_the_next_goes_on(ran: Fleet, platform: Platform) -> None:
    platform.reachable = False
    report = upload(ran, platform)
    assert (report.exit_code, report.unreachable, report.error) == (3, True, "double: no answer")
    assert report.assets == 0
    platform.reachable = True
    assert upload(ran, platform).exit_code == 0
    assert platform.holds() == winning(ran)


def test_each_platform_has_a_ledger_of_its_own(ran: Fleet) -> None:
    one, other = Platform("one"), Platform("other")
    upload(ran, one)
    upload(ran, other)
    assert one.holds() == other.holds() == winning(ran)
    assert sent_nothing(ran, one)
    assert sent_nothing(ran, other)


def test_one_upload_at_a_time(ran: Fleet, platform: Platform) -> None:
    with ran.store().uploading(), pytest.raises(StoreBusy, match=r"an upload by process .* since"):
        upload(ran, platform)
    with ran.store().uploading():
        for command in (lambda: ran.purge("EV-1"), lambda: ran.gc(grace_s=0), ran.upgrade):
            with pytest.raises(StoreBusy, match="an upload by process"):
                command()


def test_it_reads_one_moment_while_runs_commit(ran: Fleet, platform: Platform, write: Callable[..., Path]) -> None:
    """A run between what an upload reads and what it notes: the next upload finds the difference."""
    send = platform.send

    def meanwhile(*call: Any) -> None:
        send(*call)
        platform.send = send  # type: ignore[method-assign]
        ran.ingest(write("late.parquet", rows(("EV-1", "current", "2026-02-01T12:02:30Z", 500.0))))
        ran.run(local=True)
        ran.compact(every=True)

    platform.send = meanwhile  # type: ignore[method-assign]
    upload(ran, platform)
    upload(ran, platform)
    assert platform.holds() == winning(ran)
    assert sent_nothing(ran, platform)


def test_a_model_that_is_not_registered_is_left_alone_and_told(
    ran: Fleet, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = ran.registry()
    fewer = {name: spec for name, spec in registry.items() if name != "eq_cycles"}
    monkeypatch.setattr(Fleet, "registry", lambda self: fewer)
    report = upload(ran, platform)
    assert report.warnings == ["model 'eq_cycles' is not registered: 2 pairs were left as they are"]
    assert {series.split()[0] for _, series in platform.holds()} == {"voltage_monitor"}


def test_the_uploads_are_listed(ran: Fleet, platform: Platform) -> None:
    report = upload(ran, platform)
    upload(ran, platform)  # nothing to do: nothing to list
    found = ran.sql("select platform, status, assets, series, points, withdrawn, failed from uploads").fetchall()
    assert found == [("double", "done", 2, report.series, report.points, 0, 0)]


def test_batches_of_any_size_come_to_the_same(
    ran: Fleet, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.upload_batches.ROWS_AT_ONCE", 1)
    upload(ran, platform)
    assert platform.holds() == winning(ran)
    assert sent_nothing(ran, platform)


def test_it_works_where_segments_lie_in_an_object_store(story: Callable[..., Any], s3: str) -> None:
    told = story(s3)
    fleet: Fleet = told.fleet
    platform = Platform()
    for step in (told.begin, told.go_on):
        step()
        fleet.compact(every=True)
        upload(fleet, platform)
        assert platform.holds() == winning(fleet) != {}
    assert sent_nothing(fleet, platform)


def test_labels_are_sent_and_compared(ran: Fleet, platform: Platform) -> None:
    """No model gives labels yet: rows of a run that did."""
    label_outputs(ran, "eq_cycles", {0: "charging", 1: None, 2: "resting"})
    upload(ran, platform)
    assert platform.holds() == winning(ran)
    assert "charging" in {label for _, label in platform.content["EV-1", CYCLES].values()}
    assert sent_nothing(ran, platform)
    ran.run(compute_type="full", local=True)  # the same values without labels
    report = upload(ran, platform)
    assert platform.holds() == winning(ran)
    assert report.restated > 0


def label_outputs(fleet: Fleet, model: str, words: dict[int, str | None]) -> None:
    """Give the stored outputs of a model labels."""
    import pyarrow.parquet as pq

    from event_store.local_files import checksum
    from event_store.segments import OUTPUT_SCHEMA

    with fleet.store().catalog.transaction("test") as con:
        paths = con.execute("select path from store.segments where kind = 'output'").fetchall()
        for (path,) in paths:
            table = pq.read_table(fleet.root / path)
            labels = [
                words.get(n % 3) if name == model else None for n, name in enumerate(table["model"].to_pylist())
            ]
            import pyarrow as pa

            columns = [pa.array(labels, pa.string()) if n == "label" else table[n] for n in table.column_names]
            pq.write_table(pa.table(columns, names=table.column_names).cast(OUTPUT_SCHEMA), fleet.root / path)
            size = (fleet.root / path).stat().st_size
            con.execute(
                "update store.segments set bytes = ?, checksum = ? where path = ?",
                [size, checksum(fleet.root / path), path],
            )


# --- the command, and the end of a run ---------------------------------------------------------------------------


@pytest.fixture
def gated(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The platform, reached by the name `double:`."""
    monkeypatch.setattr("actors.platform.open_gateway", lambda spec, environ: {"double:": platform}[spec])
    return platform


def test_the_command(ran: Fleet, gated: Platform, ask: Callable[..., Any], twins: Callable[..., Any]) -> None:
    planned = ask("upload", "--dry-run", "--gateway", "double:")
    assert gated.calls == []
    assert (planned["dry_run"], planned["points"], len(planned["changes"])) == (True, 2545, 22)
    assert set(planned["changes"][0]) == {
        *("asset_id", "series", "new", "restated", "withdrawn", "first_ts", "last_ts")
    }
    code, text, _ = twins("upload", "--dry-run", "--gateway", "double:")
    assert (code, CYCLES in text) == (0, True)
    done = ask("upload", "--gateway", "double:")
    assert done.items() >= {
        *{"gateway": "double", "dry_run": False, "assets": 2, "series": 22, "points": 2545}.items(),
        *{"restated": 0, "withdrawn": 0, "error": None, "unreachable": False}.items(),
    }
    assert (done["failed"], done["warnings"], "changes" in done) == ([], [], False)
    assert gated.holds() == winning(ran)
    assert twins("upload", "--gateway", "double:") == (0, "double: up to date\n", "")


def test_the_exit_code_says_what_failed(ran: Fleet, gated: Platform, twins: Callable[..., Any]) -> None:
    gated.refused = {"EV-1"}
    code, document, _ = twins("--json", "upload", "--gateway", "double:")
    assert (code, document["failed"]) == (1, [{"asset_id": "EV-1", "error": "double: EV-1 is not welcome"}])
    gated.reachable = False
    code, document, _ = twins("--json", "upload", "--gateway", "double:")
    assert (code, document["unreachable"], document["error"]) == (3, True, "double: no answer")
    code, _, err = twins("upload", "--gateway", "double:")
    assert (code, "error: double: no answer" in err) == (3, True)


@pytest.mark.parametrize("words", [(), ("--gateway", "ftp://key@host")])
def test_without_a_known_gateway_nothing_happens(ran: Fleet, twins: Callable[..., Any], words: tuple[str]) -> None:
    code, _, err = twins("upload", *words)
    assert code == 2
    assert "file:DIR" in err
    assert "key" not in err


@pytest.fixture
def uploading(write: Callable[..., Path], settings_document: dict[str, Any]) -> Path:
    settings_document["parameters"]["execution"]["upload_output"] = True
    return write("settings.json", settings_document)


def test_a_run_uploads_at_its_end(ingested: Fleet, uploading: Path, platform: Platform) -> None:
    report = ingested.run(local=True, gateway=platform)
    assert report.upload is not None
    assert report.upload.points > 0
    assert platform.holds() == winning(ingested)


def test_a_run_that_cannot_upload_has_still_run(
    ingested: Fleet, uploading: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch, twins: Callable[..., Any]
) -> None:
    code, _, err = twins("run", "--local")
    assert (code, "no gateway is named" in err) == (2, True)
    assert len(ingested.plan().items) == 4  # found out before the run
    monkeypatch.setattr(Fleet, "gateway", lambda self, spec=None: platform)
    platform.reachable = False
    code, document, _ = twins("--json", "run", "--local")
    assert (code, document["pairs"], document["upload"]["unreachable"]) == (3, 4, True)
    with ingested.store().uploading():
        code, document, _ = twins("--json", "run", "--local")
    assert (code, "an upload by process" in document["upload"]["error"]) == (1, True)
    platform.reachable = True
    code, _, err = twins("run", "--local")
    assert (code, "2,545 points" in err) == (0, True)
    assert platform.holds() == winning(ingested)


def test_a_run_without_the_setting_sends_nothing(ingested: Fleet, platform: Platform) -> None:
    assert ingested.run(local=True, gateway=platform).upload is None
    assert platform.calls == []


def test_the_report_is_json(ran: Fleet, platform: Platform) -> None:
    json.dumps(upload(ran, platform, dry_run=True).document())
