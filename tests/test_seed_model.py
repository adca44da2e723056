"""A model in the four steps of "Creating New Models", as first published: a plain `process`, a manifest of lists."""

from itertools import pairwise
from pathlib import Path

import pytest
from histories import DAY_US, START, random_history, write_assets

from actors import Fleet

CODE = """
from altergo_interface import Model, register_model

@register_model("your_model")
class YourModel(Model):
    def process(self, data):
        # Your battery science logic here
        current = data["current"]
        hours = current.index.to_series().diff().dt.total_seconds() / 3600
        result_series = (current.abs() * hours).fillna(0.0).cumsum()
        return {"output_name": result_series}
"""
MANIFEST = """
{
    "name": "Your Model",
    "version": "1.0.0",
    "inputs": [
        {"logical_name": "current", "unit": "A", "required": true}
    ],
    "outputs": [
        {"logical_name": "output_name", "unit": "unit"}
    ]
}
"""
INIT = "from .your_model import YourModel\n"
ASSETS = ("EV-1", "EV-2")
DAYS = 5


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "models" / "your_model"
    home.mkdir(parents=True)
    (home / "your_model.py").write_text(CODE)
    (home / "model.json").write_text(MANIFEST)
    (home / "__init__.py").write_text(INIT)
    return tmp_path / "models"


def in_pieces(root: Path, models: Path, *cuts: int) -> Fleet:
    root.mkdir()
    fleet = Fleet(root / "store", models_dirs=[models])
    fleet.import_assets(write_assets(root / "assets.csv", ASSETS))
    history = random_history(8, ASSETS, DAYS)
    for n, (low, high) in enumerate(pairwise([START, *cuts, START + DAYS * DAY_US])):
        fleet.ingest(history.between(low, high).write(root / f"{n}.parquet"))
        assert fleet.run(local=True).parked == []
    return fleet


def test_it_runs_obeys_law_1_and_shows_in_sql(models: Path, tmp_path: Path) -> None:
    whole = in_pieces(tmp_path / "whole", models)
    hour = DAY_US // 24
    pieces = in_pieces(
        tmp_path / "pieces", models, START + 7 * hour, START + 2 * DAY_US, START + 3 * DAY_US + 13 * hour
    )
    assert pieces.digest() == whole.digest()
    assert pieces.digest("model:your_model") == whole.digest("model:your_model")
    rows = whole.sql(
        "select asset_id, max(value) > 0, count(*) > 10 from outputs where model = 'your_model' group by 1 order by 1"
    )
    assert rows.fetchall() == [(asset, True, True) for asset in ASSETS]
    assert str(whole.registry()["your_model"].continuity) == "windowed"


def test_the_kit_says_how_much_naive_chunking_would_lose(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from actors.cli import main

    with pytest.raises(SystemExit) as exit_:
        main(["models", "check", str(models / "your_model")])
    out = capsys.readouterr().out
    assert exit_.value.code == 0, out
    assert "PASS  law 1" in out
    (sensitivity,) = (line for line in out.splitlines() if "chunk sensitivity" in line)
    assert "hourly / 6 h / daily calls" in sensitivity
    assert "'output_name' by -" in sensitivity
