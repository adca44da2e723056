"""Where dashboards lie, and how they get there: whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from altergo_interface import StoreError
from altergo_interface.file_names import to_file_name

FOLDER = "dashboards"
"""Below the store."""


def asset_file(folder: Path, asset_id: str, part: str = "") -> Path:
    """Where an asset's page lies beside the fleet's in `folder`, or that of a part of its history."""
    return folder / "assets" / f"{to_file_name(asset_id)}{part}.html"


def written(path: Path, text: str) -> Path:
    """Write a page. Raises StoreError naming the file."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise StoreError(f"{path}: cannot be written ({error.strerror})", "Choose another file with --out") from error
    return path
