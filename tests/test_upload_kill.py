"""Uploads that die at any step, also while the platform takes what it is sent; the next one mends it."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from faults import Commands, steps
from histories import DAY_US, START, random_history, write_assets
from platform_double import FilePlatform, Killed, Platform, winning

from actors import Fleet
from actors.uploading import upload

ASSETS = ("A", "B")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store whose results were sent once, and have changed since; a batch that can be undone."""
    root = tmp_path_factory.mktemp("template")
    models = {"execution": {"enabled_models": "eq_cycles"}}
    (root / "settings.json").write_text(json.dumps({"parameters": models}))
    history = random_history(12, ASSETS, 4)
    fleet = Fleet(root / "store", root / "settings.json")
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS))
    fleet.ingest(history.between(START, START + 2 * DAY_US).write(root / "0.parquet"))
    fleet.run(local=True)
    upload(fleet, FilePlatform(root / "store" / "platform"))
    (root / "batch").write_text(
        fleet.ingest(history.between(START + 2 * DAY_US, START + 4 * DAY_US).write(root / "1.parquet")).batch
    )
    fleet.run(local=True)
    return root


def copy(template: Path, target: Path) -> Fleet:
    shutil.copytree(template, target)
    return Fleet(target / "store", target / "settings.json")


def mended(fleet: Fleet, platform: Platform) -> None:
    """One upload makes good whatever had happened, and then there is nothing left to do."""
    assert upload(fleet, platform).exit_code == 0
    assert platform.holds() == winning(fleet)
    assert upload(fleet, platform, dry_run=True).changes == []
    assert fleet.verify(sample=1).findings == []


def test_any_step_of_an_upload_can_be_the_last(template: Path, tmp_path: Path, commands: Commands) -> None:
    """Killed for good, and then: uploaded again; or first the new results are taken back, and it is compacted."""
    words = ("upload", "--gateway", "double", "--settings", str(template / "settings.json"))
    counting = copy(template, tmp_path / "counting")
    code, count = commands.run(counting.root, *words)
    assert (code, count >= 30) == (0, True), commands.err.read_text()
    mended(counting, FilePlatform(counting.root / "platform"))
    for at in steps(count):
        fleet = copy(template, tmp_path / f"at{at}")
        assert commands.run(fleet.root, *words, at=at)[0] == -signal.SIGKILL
        if at % 2:
            fleet.retract((template / "batch").read_text())
            fleet.run(local=True)
            fleet.compact(every=True)
        mended(fleet, FilePlatform(fleet.root / "platform"))


def test_a_kill_repeats_only_the_asset_that_was_being_sent(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.uploading.SETTLE_EVERY_S", 0.0)
    count = whole(template, tmp_path / "whole")
    for die_at in steps(count):
        fleet = copy(template, tmp_path / f"at{die_at}")
        platform = FilePlatform(fleet.root / "platform")
        platform.die_at = die_at
        with pytest.raises(Killed):
            upload(fleet, platform)
        was_sent = {asset for asset, _ in platform.calls[:-1]}
        platform.forget_calls()
        platform.die_at = 0
        upload(fleet, platform)
        assert {asset for asset, _ in platform.calls} <= set(ASSETS) - was_sent
        assert platform.holds() == winning(fleet)


def whole(template: Path, target: Path) -> int:
    """The steps of an upload that nothing disturbs."""
    fleet = copy(template, target)
    platform = FilePlatform(fleet.root / "platform")
    upload(fleet, platform)
    assert len(platform.calls) == len(ASSETS)
    return platform.steps
