"""The README is true: its demo finds its own faults on Ray, and its Python lines and settings are accepted.

Its console session is run by test_transcripts.py, its numbered steps by test_quick_start.py.
"""

import json
import re
from pathlib import Path

import pytest

from actors import Fleet
from actors.cli import main
from altergo_interface.models import discover

README = Path(__file__).parents[1] / "README.md"
OWN_CURVES = README.parent / "documentation" / "how-to" / "ocv-curve.md"
pytestmark = pytest.mark.ray


def blocks(language: str, page: Path = README) -> list[str]:
    text = page.read_text(encoding="utf-8")
    # Those of the README's numbered steps are indented: see test_quick_start.
    indent = "" if page == README else " *"
    return re.findall(rf"^{indent}```{language}\n(.*?)^{indent}```", text, re.DOTALL | re.MULTILINE)


def run(words: list[str]) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(words)
    return int(exit_.value.code or 0)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's store, a small one, as `make demo` leaves it."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["--store", "demo-store", "demo", "--assets", "8", "--days", "3"]) == 0
    return folder


def test_the_demo_finds_its_own_faults(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    capsys.readouterr()
    assert run(["--store", "other-store", "--json", "demo", "--assets", "8", "--days", "3"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["pairs"], document["parked"]) == (8 * len(discover(())), 0)
    assert document["voltage_faults"] == {"injected": 2, "found": 2, "false": 0}
    assert document["worst_throughput_error"] < 0.004
    assert document["digest"] == Fleet(home / "demo-store").digest()  # the same seed, the same fleet


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # DuckDB's own conversion to a DataFrame
def test_the_python_lines_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(code.replace("fleet-store", "demo-store").replace("EV-07", "EV-0000"), names)
    assert "eq_cycles" in names["twin"].outputs  # type: ignore[attr-defined]


def test_the_settings_example_is_accepted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    (document,), (chemistries,) = blocks("json"), blocks("json", OWN_CURVES)
    (home / "example.json").write_text(document)
    plan = Fleet(home / "demo-store", "example.json").plan()
    assert {entry.model for entry in plan.skipped} == {"eq_cycles"}  # the demo has no sensor I_pack
    for name in ("nmc532.csv", "our-lfp.csv"):
        (home / name).write_text("soc,ocv\n0,3.0\n1,4.0\n")
    (home / "example.json").write_text(chemistries)
    assert set(Fleet(home / "demo-store", "example.json").settings().chemistries) == {"NMC532", "LFP"}
