"""Writes the reference of all JSON documents: `python -m actors.cli.documents.page`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from actors.cli.documents import DOCUMENTS, schema

HEAD = """# JSON documents

With `--json` a command writes one document on stdout and nothing else there; progress and warnings go to stderr, and
so does an error, as a document of its own. `live --follow` writes one on each line. Written by `make docs`: do not
edit.

Keys stay and keep their types. New ones may come with any version, so a reader has to leave out what it does not
know. Times are ISO 8601 in UTC. A number that is not finite is `null`, or `"inf"` with its sign. The exit codes stand
in the README.
"""


def json_page() -> str:
    """The page."""
    parts = [HEAD]
    for command in DOCUMENTS:
        parts += _section(command, schema(command))
    return "\n".join(parts)


def _section(command: str, found: dict[str, Any]) -> Iterator[str]:
    yield f"## `{command}`\n" if command != "error" else "## Errors\n"
    defined = found.get("$defs", {})
    top = _resolved(found, defined)
    items = _resolved(top.get("items", {}), defined) if top.get("type") == "array" else top
    if "properties" in items:
        yield f"{'A list of objects:' if items != top else 'An object:'}\n"
        yield from _table(items)
    else:
        yield (
            "A list of objects; their keys are the data's.\n" if items != top else "An object of the data's keys.\n"
        )
    for name, part in defined.items():
        if part != items and part.get("properties"):
            yield f"`{name}`: {_sentence(part)}\n"
            yield from _table(part)
    text = json.dumps(found, ensure_ascii=False)
    yield f"<details><summary>JSON Schema</summary>\n\n```json\n{text}\n```\n\n</details>\n"


def _resolved(part: Mapping[str, Any], defined: Mapping[str, Any]) -> dict[str, Any]:
    name = str(part.get("$ref", "")).rpartition("/")[2]
    return dict(defined[name] if name else part)


def _sentence(part: Mapping[str, Any]) -> str:
    return str(part.get("description", "")).strip()


def _table(part: Mapping[str, Any]) -> Iterator[str]:
    required = part.get("required", ())
    yield "| key | type | meaning |\n|---|---|---|"
    for key, entry in part["properties"].items():
        optional = "" if key in required else " (not always)"
        yield f"| `{key}` | {_type(entry)}{optional} | {_sentence(entry)} |"
    yield ""


def _type(entry: Mapping[str, Any]) -> str:
    if "$ref" in entry:
        return f"`{entry['$ref'].rpartition('/')[2]}`"
    if "anyOf" in entry:
        return " or ".join(map(_type, entry["anyOf"]))
    kind = entry.get("type")
    if kind == "array":
        return f"list of {_type(entry.get('items', {}))}"
    if kind == "object" and isinstance(entry.get("additionalProperties"), dict):
        return f"object of {_type(entry['additionalProperties'])}"
    if entry.get("format") == "date-time":
        return "time"
    return str(kind or "anything")
