"""The page of the Python classes, from their signatures and docstrings."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from actors.fleet import Fleet
from actors.report import RunReport
from actors.twin_view import AssetTwin, TwinReplay
from altergo_interface.records import Record
from documentation.markdown import MADE, table
from event_store.ingest import ParseOptions
from event_store.ingest.batch import IngestReport
from twins import Plan, PlanItem

TEXT = """```python
from actors import Fleet

fleet = Fleet("fleet-store")
```

`Fleet` is the one facade; the command line uses nothing else. What it returns shows itself in one line, and in a
notebook as a small table. Errors are listed [here](errors.md); what a model author imports is told in
[writing a model](../how-to/writing-a-model.md). Stamps that are integers are µs since 1970, UTC.
"""
RESULTS = (AssetTwin, TwinReplay, Record, Plan, PlanItem, RunReport, IngestReport, ParseOptions)


def python_page() -> str:
    """The facade with all its methods, and the classes that it gives and takes."""
    parts = ["# Python\n", MADE, TEXT, "## `Fleet`\n", _text(Fleet), *_methods(Fleet)]
    for cls in RESULTS:
        parts += [f"## `{cls.__name__}`\n", _text(cls), *_fields(cls), *_methods(cls)]
    return "\n".join(parts)


def _text(documented: Any) -> str:
    """A docstring as Markdown: its lists of arguments, attributes and errors become lists."""
    lines = inspect.cleandoc(documented.__doc__ or "").splitlines()
    found: list[str] = []
    for line in lines:
        if re.fullmatch(r"(Args|Attributes|Raises):", line):
            found += [f"{line[:-1]}:".replace("Args", "Arguments"), ""]
        elif line.startswith("        "):
            found.append("  " + line.strip())
        elif line.startswith("    "):
            name, colon, rest = line.strip().partition(":")
            found.append(f"- `{name}`{colon}{rest}")
        else:
            found.append(line)
    return "\n".join(found).rstrip() + "\n"


def _methods(cls: type) -> Iterator[str]:
    for name, member in inspect.getmembers_static(cls):
        if name.startswith("_") or not member.__doc__:
            continue
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if inspect.isfunction(function) and not _inherited(cls, name):
            yield f"### `{cls.__name__}.{name}`\n"
            given = _type(inspect.signature(function).return_annotation)
            yield f"```python\n{name}({_arguments(function)}) -> {given}\n```\n"
            yield _text(function)


def _inherited(cls: type, name: str) -> bool:
    """Whether a method comes from a library: of those this page says nothing."""
    owner = next(base for base in cls.__mro__ if name in vars(base))
    return owner.__module__.partition(".")[0] not in ("actors", "altergo_interface", "event_store", "twins")


def _arguments(function: Any) -> str:
    found: list[str] = []
    starred = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            found, starred = [*found, "*"], True
        default = "" if parameter.default is parameter.empty else f" = {_default(parameter.default)}"
        star = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        found.append(f"{star}{parameter.name}: {_type(parameter.annotation)}{default}")
    return ", ".join(found)


def _default(value: Any) -> str:
    return "…" if callable(value) else repr(value)


def _type(annotation: Any) -> str:
    """An annotation without the modules that the names come from."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text).removeprefix("'").removesuffix("'")


def _fields(cls: type) -> Iterator[str]:
    if issubclass(cls, ParseOptions):
        rows = [
            (f"`{key}`", _type(entry.annotation), entry.description or "") for key, entry in cls.model_fields.items()
        ]
        yield table(("option", "type", "meaning"), rows)
    elif is_dataclass(cls):
        yield table(("field", "type"), [(f"`{entry.name}`", _type(entry.type)) for entry in fields(cls)])
    elif hasattr(cls, "_fields"):
        yield table(("field", "type"), [(f"`{name}`", _type(cls.__annotations__[name])) for name in cls._fields])
