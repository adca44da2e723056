"""The pages that are made from the code: `python -m documentation.generated` writes them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from actors.cli.documents.page import json_page
from actors.cli.reference import command_line
from altergo_interface.reference import reference
from documentation.generated_errors import errors_page
from documentation.generated_models import models_page
from documentation.generated_python import python_page

FOLDER = Path(__file__).parent / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "command-line.md": command_line,
    "configuration.md": reference,
    "errors.md": errors_page,
    "json.md": json_page,
    "models.md": models_page,
    "python.md": python_page,
}


def main() -> None:
    """Write them all."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
