"""The README's numbered steps and the page on creating models, followed to the letter in a copy of the checkout.

A folder stands in for the platform, and what pip would install is what is installed; of the engine itself nothing is,
as with `pip install -r requirements.txt`.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import distributions, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`([\w./-]+\.(?:json|py))`[^`]*\Z")


def steps(text):
    """(language, content, the file that the text before it names, or None) of each block, in order."""
    for found in FENCE.finditer(text):
        indent, language, body = found.groups()
        content = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
        named = FILE.search(text[: found.start()].rstrip().rstrip(":"))
        yield language, content, named.group(1) if named else None


def section(page, title):
    text = (ROOT / page).read_text(encoding="utf-8")
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


class Shell:
    """Runs the lines of bash blocks, with a stand-in for what needs the network."""

    def __init__(self, home, packages):
        self.folder, self.packages, self.outputs = home, packages, []

    def follow(self, text):
        for language, content, file in steps(text):
            if language == "bash":
                for line in content.splitlines():
                    self.line(shlex.split(line, comments=True))
            else:
                assert file is not None, content
                (self.folder / file).write_text(content, encoding="utf-8")

    def line(self, words):
        match words:
            case []:
                return
            case ["git", "clone", _, name]:
                self.clone(self.folder / name)
            case ["cd", name]:
                self.folder /= name
            case ["pip", "install", "-r", name]:
                check_lock(self.folder / name)
            case ["mkdir", *rest]:
                (self.folder / rest[-1]).mkdir(parents=rest[0] == "-p")
            case ["python", *rest]:
                self.python(*rest)
            case ["twins", *rest]:
                self.python("-m", "actors.cli", *rest)
            case _:
                pytest.fail(f"no stand-in for {words}")

    def clone(self, target):
        """What git has: not what it ignores."""
        ignored = shutil.ignore_patterns(".*", "__pycache__", "*-store*", "dist")
        shutil.copytree(ROOT, target, ignore=ignored)

    def python(self, *words):
        environment = {"PYTHONPATH": str(self.packages), "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "-S", *words]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        self.outputs.append(done.stdout + done.stderr)


def check_lock(path):
    """What pip would do: the lock is complete and is what is installed here."""
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    for name in ("numpy", "pandas", "pyarrow", "duckdb", "ray", "pydantic", "typer"):
        assert version(name) in re.findall(rf"^{name}==([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(locked) > 40


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """All that is installed here but the engine itself."""
    folder = tmp_path_factory.mktemp("packages")
    for place in {Path(str(dist.locate_file(""))) for dist in distributions()}:
        for entry in place.iterdir():
            link = folder / entry.name
            own = entry.name.startswith(("battery_twins", "_editable_impl", "__editable__")) or entry.suffix == ".pth"
            if place.name == "site-packages" and not own and not link.exists():
                link.symlink_to(entry)
    return folder


@pytest.fixture(scope="module")
def shell(tmp_path_factory, packages):
    """The Quick Start, done: a clone with dev-parameters.json that has run once."""
    made = Shell(tmp_path_factory.mktemp("home"), packages)
    blocks = list(steps(section("README.md", "Quick Start on the Altergo platform")))
    assert [language for language, *_ in blocks] == ["bash", "json", "bash"]
    assert json.loads(blocks[1][1]).keys() == {
        "altergoUserApiKey",
        "altergoFactoryApi",
        "altergoIotApi",
        "assetId",
    }
    text = section("README.md", "Quick Start on the Altergo platform")
    head, tail = text.split("3. Fetch")
    made.follow(head)
    with_folder(made.folder)
    made.follow("3. Fetch" + tail)
    return made


def with_folder(clone):
    """Put a folder in the platform's place, as the README says it may."""
    path = clone / "dev-parameters.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"gateway": "file:platform"}))
    asset = clone / "platform" / "YOUR_ASSET_ID"
    (asset / "sensors").mkdir(parents=True)
    (asset / "parameters.json").write_text('{"capacity": 50, "chemistry": "NMC", "cells_in_series": 96}')
    for sensor, value in (("current", 10), ("pack_voltage", 360)):
        rows = (
            f"2026-01-{day:02}T{hour:02}:{minute:02}:00Z,{value * (1 + hour / 100)}\n"
            for day in (30, 31)
            for hour in range(24)
            for minute in range(60)
        )
        (asset / "sensors" / f"{sensor}.csv").write_text("ts,value\n" + "".join(rows))


def latest(shell):
    shell.python("-m", "actors.cli", "--json", "sql", "select model, output, value from latest_outputs")
    return {(row["model"], row["output"]): row["value"] for row in json.loads(shell.outputs[-1])}


def test_the_quick_start_runs_to_the_end(shell):
    assert latest(shell)["eq_cycles", "equivalent_cycles"] > 1
    assert not any((shell.folder / "fleet-store").rglob("*YOUR*"))  # names are data
    assert "0 parked" in shell.outputs[0]


def test_creating_new_models_in_four_steps(shell):
    text = section("README.md", "Creating New Models")
    assert [language for language, *_ in steps(text)] == ["bash", "python", "json", "python"]
    shell.follow(text)
    shell.line(["python", "entrypoint.py", "dev-parameters.json"])
    assert latest(shell)["your_model", "output_name"] == pytest.approx(12.3)


def test_the_guide_to_creating_models(shell):
    text = (ROOT / "documentation" / "how-to" / "creating-models.md").read_text(encoding="utf-8")
    *four, then = text.split("\n## ")
    for part in four:
        shell.follow(part)
    commands, _ = then.split("Settings map inputs")
    shell.follow(commands)
    assert "peak_power" in shell.outputs[-3]
    assert latest(shell)["peak_power", "peak_power"] == pytest.approx(12.3 * 360 * 1.23, rel=1e-6)
    assert "YOUR_ASSET_ID" in shell.outputs[-2]


def test_the_guides_settings_are_accepted(shell):
    text = (ROOT / "documentation" / "how-to" / "creating-models.md").read_text(encoding="utf-8")
    (document,) = [content for language, content, file in steps(text) if language == "json" and file is None]
    (shell.folder / "mine.json").write_text(document)
    options = ("--settings", "mine.json", "--models-dir", "my-models", "--json")
    shell.python("-m", "actors.cli", *options, "config", "--show-origin")
    found = {row["key"]: (row["value"], row["origin"]) for row in json.loads(shell.outputs[-1])["values"]}
    assert found["models.peak_power.configuration.factor"] == (0.99, "file")
    assert found["models.peak_power.inputs.voltage"] == (["U_pack", "pack_voltage"], "file")


def test_no_requirement_is_resolved_by_the_sdks_name():
    """Whoever registers that name on an index would get the users' keys."""
    for page in ("pyproject.toml", "requirements.txt"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert not re.search(r"altergo[-_.]?sdk", text, re.IGNORECASE), page
        names = re.findall(r"""^\s*["']?([A-Za-z0-9][\w.-]*)""", text, re.MULTILINE)
        assert not [name for name in names if re.sub(r"[-_.]", "", name.lower()).startswith("altergosdk")]


def test_the_documentation_warns_of_strangers():
    text = (ROOT / "documentation" / "how-to" / "deployment.md").read_text(encoding="utf-8")
    commands = re.findall(r"pip install .*altergo.*", text)
    assert commands
    assert all("@ git+https://" in command for command in commands)
    assert "No package of that name on PyPI" in text


def test_the_configuration_reference_is_current():
    from altergo_interface.reference import reference

    page = (ROOT / "documentation" / "reference" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference(), "run: make docs"
    for key in ("max_days_period_compute", "valid_range", "charge_efficiency", "`default` | list of names"):
        assert key in page
