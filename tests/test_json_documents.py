"""What `--json` promises: each command's document is that of its schema, no key missing, none undocumented."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from actors.cli.documents import DOCUMENTS, schema
from actors.cli.documents.page import json_page
from actors.cli.live import _record
from actors.cli.reference import commands
from actors.cli.shell import Shell
from event_store.records import Version

ROOT = Path(__file__).parents[1]


def strict(part):
    """A schema that takes documented keys alone."""
    if isinstance(part, dict):
        closed = {key: strict(value) for key, value in part.items()}
        return closed | ({"additionalProperties": False} if "properties" in part else {})
    return [strict(item) for item in part] if isinstance(part, list) else part


def faults(command, document):
    validator = Draft202012Validator(strict(schema(command)))
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(document)]


def test_every_command_has_a_document():
    names = {" ".join(words) for words, _ in commands()}
    assert names == {name.partition(" --")[0] for name in DOCUMENTS} - {"error"}


def test_the_reference_of_the_documents_is_current():
    page = (ROOT / "documentation" / "reference" / "json.md").read_text(encoding="utf-8")
    assert page == json_page(), "run: make docs"


LOOKS = {
    "sensors": ["sensors"],
    "sensors --suggest": ["sensors", "--suggest"],
    "batches list": ["batches", "list"],
    "assets list": ["assets", "list"],
    "plan": ["plan", "--compute-type", "full"],
    "plan --explain": ["plan", "--explain", "EV-1"],
    "replay": ["replay", "EV-1"],
    "status": ["status"],
    "state": ["state", "EV-1"],
    "digest": ["digest"],
    "sql": ["sql", "from assets"],
    "models list": ["models", "list"],
    "models check": ["models", "check", "eq_cycles"],
    "config": ["config", "--show-origin"],
    "store verify": ["store", "verify"],
    "store compact": ["store", "compact", "--all"],
    "store gc": ["store", "gc", "--dry-run"],
    "store upgrade": ["store", "upgrade"],
    "doctor": ["doctor"],
}


@pytest.mark.parametrize("command", LOOKS)
def test_of_a_store_after_a_run(ran, ask, command):
    document = ask(*LOOKS[command])
    assert document
    assert faults(command, document) == []


@pytest.mark.parametrize("command", ["plan", "status", "state", "config", "digest", "store verify", "doctor"])
def test_a_missing_a_changed_and_an_unknown_key_are_found(ran, ask, command):
    document = ask(*LOOKS[command])
    for key in document:
        assert faults(command, {name: value for name, value in document.items() if name != key}), key
        assert faults(command, document | {key: [[]]}), key
    assert faults(command, document | {"brand_new": 1})


def test_of_what_changes_a_store(store, workdir, prepared, ask, assets_csv):
    ask("init")
    ingest = ask("ingest", prepared / "events.parquet", prepared / "events.parquet")
    assert faults("ingest", ingest) == []
    assert faults("assets import", ask("assets", "import", assets_csv)) == []
    assert faults("plan", ask("plan", "--out", "plan.json")) == []
    assert faults("plan", json.loads((workdir / "plan.json").read_text())) == []
    assert faults("run", ask("run", "--local")) == []
    assert faults("retry", ask("retry", "--local")) == []
    (workdir / "out").mkdir()
    assert faults("upload", ask("upload", "--dry-run", "--gateway", "file:out")) == []
    assert faults("upload", ask("upload", "--gateway", "file:out", code=1)) == []  # it knows none of them
    batch = ingest["files"][0]["batch"]
    assert faults("batches retract", ask("batches", "retract", batch)) == []
    assert faults("assets purge", ask("assets", "purge", "EV-1", "--yes")) == []
    assert faults("models new", ask("models", "new", "my_model", "--models-dir", workdir / "mine")) == []


def test_of_a_new_store_and_of_its_loss(store, workdir, ask, prepared):
    elsewhere = (workdir / "segments").as_uri()
    assert faults("init", ask("init", "--segments", elsewhere)) == []
    ask("ingest", prepared / "events.parquet")
    for path in store.glob("*.duckdb"):
        path.unlink()
    assert faults("store restore", ask("store", "restore", "--segments", elsewhere)) == []


def test_of_a_fetch(platform_of, ask):
    folder = platform_of({"capacity": 50})
    assert faults("fetch", ask("fetch", "--gateway", f"file:{folder}")) == []


def test_of_records_as_they_come(store, capsys):
    version = Version("EV-1", "eq", "alert", "", 0, None, 2, 4.2, '{"limit": 4.1}', 60_000_000)
    _record(Shell(store, None, (), True), version)
    assert faults("live --follow", json.loads(capsys.readouterr().out)) == []


def test_of_a_broken_model(ran, ask, workdir):
    folder = workdir / "more" / "broken"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    listed = ask("models", "list", "--models-dir", workdir / "more")
    assert "error" in listed[-1]
    assert faults("models list", listed) == []


def test_of_an_error(store, twins):
    code, _, err = twins("--json", "status")
    assert code == 2
    assert faults("error", json.loads(err)) == []


@pytest.mark.ray
def test_of_the_demo(workdir, twins):
    code, document, err = twins("--json", "demo", "--assets", "2", "--days", "1")
    assert code == 0, err
    assert faults("demo", document) == []
