"""The slowest assets: in the report of a run, its JSON document and its progress, where they stand out."""

from pathlib import Path
from typing import Any

import pytest
from histories import random_history
from toys import write_toys

from actors import Fleet
from actors.cli.progress import Meter
from actors.running import Progress
from actors.slowest import Replayed, Slowest

SLOW = "            import time\n\n            time.sleep(1.05)\n"


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
    """One of thirty: a model that waits a second for the asset whose capacity is odd."""
    toys = write_toys(tmp_path / "models", "held")
    code = toys / "held" / "__init__.py"
    slow = f'        if data.number("capacity") == 7:\n{SLOW}'
    code.write_text(code.read_text().replace("        t, steps =", f"{slow}        t, steps =", 1))
    manifest = toys / "held" / "model.json"
    manifest.write_text(manifest.read_text().replace('"inputs": {', '"inputs": {"capacity": {"type": "float"}, ', 1))
    assets = [f"EV-{n}" for n in range(30)]
    settings = write("settings.json", {"parameters": {"execution": {"enabled_models": "held"}}})
    fleet = Fleet(tmp_path / "store", settings, [toys])
    rows = "".join(f"{name},{7 if name == 'EV-9' else 100},NMC\n" for name in assets)
    fleet.import_assets(write("assets.csv", "asset_id,capacity,chemistry\n" + rows))
    fleet.ingest(random_history(5, assets, 1).write(tmp_path / "events.parquet"))
    words = ("--models-dir", toys, "run", "--local", "--compute-type", "full")
    code_, document, err = twins("--json", *words)
    assert (code_, document["slowest"][0]["asset_id"], len(document["slowest"])) == (0, "EV-9", 5), err
    assert document["slowest"][0]["seconds"] > 1
    digest = fleet.digest()
    _, _, err = twins(*words)
    assert "slowest: EV-9 " in err
    assert fleet.digest() == digest
