"""One file that holds everything: markup, style, scripts and data; nothing in it asks the network for anything."""

import base64
import gzip
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

PLOTLY = ("plotly", "package_data/plotly.min.js")
DATATABLES = ("itables", "html/dt_bundle.js")
DATATABLES_STYLE = ("itables", "html/dt_bundle.css")

# Scripts and data lie in the page as compressed text, so even a page that wanted to could load nothing more.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline' blob:",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
    )
)


def page(template: str, values: Mapping[str, Any], data: Any, *, tables: bool = False) -> str:
    """The HTML of a page: a template with its values, the data that its scripts read, Plotly, and where `tables`
    DataTables. The same arguments give the same bytes."""
    payloads = {"data": compressed(_json(data), 6), "plotly": _packed(*PLOTLY)}
    styles = [_static("page.css")]
    if tables:
        payloads["datatables"] = _packed(*DATATABLES)
        styles.insert(0, _text(*DATATABLES_STYLE))
    scripts = [_static(name) for name in ("unpack.js", "plots.js", "controls.js", *(["tables.js"] if tables else []))]
    return str(
        _environment()
        .get_template(template)
        .render(**values, policy=POLICY, payloads=payloads, styles=styles, scripts=scripts)
    )


def compressed(text: str, level: int) -> str:
    """Text as base64 of gzip, without a time in it: a browser unpacks it by itself."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=level, mtime=0)).decode()


@lru_cache(maxsize=4)
def _packed(package: str, path: str) -> str:
    return compressed(_text(package, path), 9)  # once per process: worth the better level


def _text(package: str, path: str) -> str:
    return files(package).joinpath(path).read_text(encoding="utf-8")


def _static(name: str) -> str:
    return _text(__package__, f"static/{name}")


def _json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader(__package__, "templates")
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
