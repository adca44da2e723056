"""The pages hold together: links and anchors lead somewhere, generated pages are current, commands and SQL real."""

import json
import re
import shlex
import textwrap
from itertools import takewhile
from pathlib import Path

import pytest
import typer

from actors.cli.grammar import hoist
from actors.cli.main import app
from altergo_interface.config import load_settings
from documentation.generated import FOLDER, PAGES

ROOT = Path(__file__).parents[1]
HIDDEN = {".venv", ".git", ".pytest_cache", "node_modules", "fleet-store", "upstream"}


def pages():
    """Every page of the repository, notebooks included: (path relative to the root, its Markdown)."""
    for path in sorted(ROOT.rglob("*.*")):
        name = path.relative_to(ROOT)
        if HIDDEN.intersection(name.parts):
            continue
        if path.suffix == ".md":
            yield name.as_posix(), path.read_text(encoding="utf-8")
        elif path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            text = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
            yield name.as_posix(), "\n\n".join(text)


def prose(text):
    """A page without its code."""
    text = re.sub(r"^( *)(```|~~~).*?^ *\2", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def targets(text):
    inline = re.findall(r"\]\(\s*<?([^)\s>]+)", prose(text))
    return inline + re.findall(r"""(?:href|src|srcset)=["']([^"']+)""", prose(text))


def anchors(text):
    """The anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"^( *)```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    found = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = next(n for n in range(1000) if (f"{slug}-{n}" if n else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
    return found | set(re.findall(r"""(?:id|name)=["']([^"']+)""", text))


def broken(name, text):
    """The relative links of a page that lead nowhere."""
    for target in targets(text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        known = anchors(path.read_text(encoding="utf-8")) if path.is_file() and path.suffix == ".md" else {anchor}
        if not path.exists() or (anchor and anchor not in known):
            yield target


def test_every_link_leads_somewhere():
    wrong = {name: found for name, text in pages() if (found := list(broken(name, text)))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](README.md) [b](README.md#models) [c](https://example.org/x)", []),
        ("[a](READ.md)", ["READ.md"]),
        ("[a](README.md#no-such-heading)", ["README.md#no-such-heading"]),
        ('<img src="nowhere.svg">', ["nowhere.svg"]),
        ("![a](documentation/nowhere.svg 'title')", ["documentation/nowhere.svg"]),
        ("[a](#here)\n\n# There", ["#here"]),
        ("`[a](READ.md)`\n\n```\n[a](READ.md)\n```\n", []),
    ],
)
def test_a_broken_link_is_found(text, found, tmp_path):
    if text.startswith("[a](#"):  # an anchor of the page itself
        assert anchors(text) == {"there"}
        return
    assert list(broken("page.md", text)) == found


def test_every_page_is_reached_from_the_map():
    known, waiting = set(), ["documentation/README.md"]
    texts = dict(pages())
    while waiting:
        name = waiting.pop()
        if name in known or name not in texts:
            continue
        known.add(name)
        inside = (target.partition("#")[0] for target in targets(texts[name]) if ":" not in target)
        links = [(ROOT / name).parent / target for target in inside]
        waiting += [link.resolve().relative_to(ROOT).as_posix() for link in links if link.exists()]
    assert {name for name in texts if name.startswith("documentation/")} <= known


def test_files_that_are_named_in_code_exist():
    """In error hints, docstrings and configuration files."""
    places = [path for suffix in ("py", "yaml", "toml") for path in ROOT.rglob(f"*.{suffix}")] + [ROOT / "Makefile"]
    missing = set()
    for path in places:
        if not HIDDEN.intersection(path.relative_to(ROOT).parts) and path != Path(__file__):
            named = re.findall(r"\bdocumentation/[\w./-]+\.(?:md|ipynb|svg|png)", path.read_text(encoding="utf-8"))
            missing |= {name for name in named if not (ROOT / name).exists()}
    assert missing == set()


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "run: make docs"


def commands(text):
    """Every call of `twins` in a page's code blocks, a line each."""
    text = re.sub(r"^ {4,}(?=twins )", "", text, flags=re.MULTILINE)
    for line in re.sub(r"\\\n\s*|\n> ", " ", text).splitlines():
        line = re.sub(r"^\s*\$ ", "", line.strip())
        if re.match(r"(?:[A-Z_]+=\S+ )*twins [^|]*", line) and "`" not in line:
            for part in re.split(r" (?:&&|\|\|?|;|>) ", line):
                words = shlex.split(part.split("   ")[0], comments=True)
                yield list(words[next((i + 1 for i, word in enumerate(words) if word == "twins"), len(words)) :])


def test_every_command_in_the_pages_is_understood():
    """Its name and its options, without running it."""
    root = typer.main.get_command(app)
    wrong, seen = [], 0
    for name, text in pages():
        for words in commands(text):
            if not words or "…" in words:
                continue
            seen += 1
            try:
                understand(root, hoist(words))
            except Exception as error:
                wrong.append((name, words, str(error)))
    assert wrong == []
    assert seen > 100


def understand(command, words):
    """Parse the words by the command and its subcommands. Raises a usage error where that fails."""
    context = command.make_context(command.name, list(words), resilient_parsing=False)
    if hasattr(command, "commands"):
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        name, below, more = command.resolve_command(context, rest)
        assert below is not None, name
        understand(below, more)


def test_a_wrong_command_is_noticed():
    root = typer.main.get_command(app)
    understand(root, ["store", "verify", "--sample", "5"])
    for words in (["stores"], ["plan", "--sellect", "x"], ["store", "verifi"], ["state"]):
        with pytest.raises(Exception, match=r"."):
            understand(root, words)


def documented_views():
    """name → (columns by their table or their prose, examples) of each section of the page on views."""
    text = (ROOT / "documentation/reference/views.md").read_text(encoding="utf-8")
    for section in text.split("\n## ")[1:]:
        name, _, body = section.partition("\n")
        lines = body.splitlines()
        start = next((i + 2 for i, line in enumerate(lines) if line.startswith("| column |")), None)
        rows = list(takewhile(lambda line: line.startswith("|"), lines[start:])) if start else []
        columns = {column: row.split("|")[2] for row in rows for column in re.findall(r"`(\w+)`", row.split("|")[1])}
        yield name, columns, re.findall(r"```sql\n(.*?)```", body, re.DOTALL)


def test_the_page_on_views_is_true(ran):
    there = {row[0] for row in ran.sql("select view_name from duckdb_views() where not internal").fetchall()}
    described = {name: columns for name, columns, _ in documented_views()}
    assert described.keys() == there
    for name, columns in described.items():
        found = {row[0]: row[1] for row in ran.sql(f"describe {name}").fetchall()}
        if name == "assets":  # one column per parameter
            found = {key: found[key] for key in ("asset_id", "first_ts", "last_ts", "events")}
        for column, types in columns.items():
            written = types.strip().replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
            assert found[column] in written or not written, (name, column)
        assert not columns or columns.keys() == found.keys(), name


def test_the_queries_on_the_page_of_views_run(ran):
    examples = [query for _, _, queries in documented_views() for query in queries]
    assert len(examples) >= 15
    for query in examples:
        ran.sql(query).fetchall()


def examples(folder, language, start=""):
    """(page, code) of the blocks of a language in the pages of a folder that begin with a text."""
    for name, text in pages():
        if name.startswith(folder):
            found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
            blocks = (textwrap.dedent(code) for _, code in found)
            yield from ((name, code) for code in blocks if code.startswith(start))


def test_the_settings_in_the_pages_are_accepted(tmp_path):
    found = [pair for pair in examples("documentation/", "json", '{"parameters"') if "chemistries" not in pair[1]]
    assert len(found) >= 6
    for number, (name, document) in enumerate(found):
        path = tmp_path / f"{number}.json"
        path.write_text(document)
        assert load_settings(path).models, name


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # DuckDB's own conversion to a DataFrame
def test_the_python_lines_on_queries_run(ran, store, capsys):
    codes = [code for _, code in examples("documentation/how-to/query.md", "python")]
    assert len(codes) == 3
    for code in codes:
        exec(code.replace("fleet-store", store.name).replace("EV-0003", "EV-1"), {})
    assert "EV-1" in capsys.readouterr().out
    assert (store.parent / "ev-0003.parquet").stat().st_size > 1000
