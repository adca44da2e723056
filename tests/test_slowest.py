"""The slowest assets: in the report of a run, its JSON document and its progress, where they stand out."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from histories import random_history
from toys import write_toys

from actors import Fleet, twin_actor
from actors.cli.progress import Meter
from actors.running import Progress
from actors.slowest import Replayed, Slowest
from actors.twin_actor import TwinActor


def test_the_slowest_of_all_batches_are_kept() -> None:
    total = Slowest()
    for batch in range(3):
        found = Slowest()
        for n in range(4):
            found.add(Replayed(float(10 * batch + n), f"EV-{batch}{n}"))
        total.merge(found)
    assert [asset for _, asset in total.top] == ["EV-23", "EV-22", "EV-21", "EV-20", "EV-13"]
    assert (total.assets, total.seconds) == (12, 138.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [([0.1] * 30 + [9.0], [9.0]), ([0.001] * 30 + [0.9], []), ([5.0] * 30 + [9.0], []), ([], [])],
)
def test_what_stands_out(seconds: list[float], expected: list[float]) -> None:
    found = Slowest()
    for n, each in enumerate(seconds):
        found.add(Replayed(each, f"EV-{n}"))
    assert [each.seconds for each in found.outstanding()] == expected


def test_progress_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(quiet=False) as meter:
        meter.show(Progress(1, 2, 500, 1000, 50.0, 0, [Replayed(31.25, "EV-7"), Replayed(12.0, "EV-8")]))
    assert ", slowest: EV-7 31.2 s, about 50 s left" in capsys.readouterr().err


def test_a_run_names_the_asset_that_stands_out(
    tmp_path: Path, twins: Any, monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    """One of thirty, by a clock that only a replay moves."""
    clock = [0.0]
    fold = TwinActor._fold

    def timed(actor: TwinActor, *order: Any) -> Any:
        clock[0] += 20.0 if actor._work.asset_id == "EV-9" else 0.25
        return fold(actor, *order)

    monkeypatch.setattr(twin_actor, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(TwinActor, "_fold", timed)
    toys = write_toys(tmp_path / "models", "held")
    assets = [f"EV-{n}" for n in range(30)]
    settings = write("settings.json", {"parameters": {"execution": {"enabled_models": "held"}}})
    fleet = Fleet(tmp_path / "store", settings, [toys])
    rows = "".join(f"{name},100,NMC\n" for name in assets)
    fleet.import_assets(write("assets.csv", "asset_id,capacity,chemistry\n" + rows))
    fleet.ingest(random_history(5, assets, 1).write(tmp_path / "events.parquet"))
    words = ("--models-dir", toys, "run", "--local", "--compute-type", "full")
    code, document, err = twins("--json", *words)
    assert (code, document["slowest"][0], len(document["slowest"])) == (
        0,
        {"asset_id": "EV-9", "seconds": 20.0},
        5,
    ), err
    digest = fleet.digest()
    _, _, err = twins(*words)
    assert "slowest: EV-9 " in err
    assert fleet.digest() == digest
