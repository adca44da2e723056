"""Help is true and at once: examples parse, panels are in order, eighty columns do, and no engine is loaded."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from actors.cli.grammar import DATA, RESULTS, TWINS, UPKEEP, hoist
from actors.cli.main import app, main
from actors.cli.reference import command_line, commands, example_lines

ROOT = Path(__file__).parents[1]
ALL = [(" ".join(words), command) for words, command in commands()]
ENGINE = ("ray", "duckdb", "pyarrow", "pandas", "numpy", "altergo_interface", "event_store", "twins", "models")


def parse(line):
    """Parse a command line as the program would, and run nothing."""
    words = hoist(shlex.split(line)[1:])
    root = typer.main.get_command(app)
    context = root.make_context("twins", words)
    group, rest = root, [*context._protected_args, *context.args]
    while hasattr(group, "commands"):
        name, group, rest = group.resolve_command(context, rest)
        if rest == ["--help"]:
            return name
        context = group.make_context(name, rest, parent=context)
        rest = [*context._protected_args, *context.args]
    return context.command_path.removeprefix("twins ")


@pytest.fixture(autouse=True)
def _no_streaming(workdir):
    """Parsing must depend on no store and no settings."""


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_every_example_is_a_command_line_of_its_command(name, command):
    lines = example_lines(command.epilog)
    assert 1 <= len(lines) <= 3
    for line in lines:
        assert parse(line) == name, line
        assert len(line) <= 76


def test_the_examples_of_the_program_parse():
    lines = example_lines(typer.main.get_command(app).epilog)
    assert [parse(line) for line in lines] == ["demo", "status", "run"]


def test_an_example_with_a_wrong_option_would_be_found():
    with pytest.raises(Exception, match="No such option"):
        parse("twins plan --selcet asset:EV-07")


@pytest.mark.parametrize("words", [(), *(tuple(name.split()) for name, _ in ALL)], ids=" ".join)
def test_help_fits_eighty_columns(words, capsys, monkeypatch):
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    with pytest.raises(SystemExit) as exit_:
        main([*words, "--help"])
    text = capsys.readouterr().out
    assert exit_.value.code == 0
    assert max(map(len, text.splitlines())) <= 80
    assert "Examples" in text
    assert "…" not in text  # nothing was cut


def test_the_panels_stand_in_their_order(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    places = [text.index(f" {panel} ─") for panel in (DATA, TWINS, RESULTS, UPKEEP)]
    assert places == sorted(places)
    assert " Commands ─" not in text  # every command has its panel


def test_the_reference_of_the_command_line_is_current():
    page = (ROOT / "documentation" / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert page == command_line(), "run: make docs"
    for name, _ in ALL:
        assert f"### `twins {name}`" in page


def test_help_and_completion_load_no_engine():
    script = (
        f"import sys; from actors.cli.main import app; from actors.cli import main\n"
        f"try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write(repr([m for m in {ENGINE} if m in sys.modules]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60)
    assert done.stderr == "[]"
    assert "Usage: twins" in done.stdout


@pytest.mark.parametrize("words", [(), ("assets",), ("store",)], ids=["twins", "assets", "store"])
def test_a_group_alone_shows_its_help_and_no_error(words, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(list(words))
    out, err = capsys.readouterr()
    assert (exit_.value.code, err) == (2, "")
    assert f"Usage: {' '.join(('twins', *words))} " in out
