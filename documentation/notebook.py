"""The example notebook, executed anew in an empty folder: `python -m documentation.notebook` (it needs Chromium).

What differs from run to run is taken out of the outputs, and figures are kept as pictures that a reader sees without
a kernel: `make notebook` writes them, and a test compares everything else.
"""

import base64
import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

PATH = Path(__file__).parent / "tutorial" / "first-fleet.ipynb"
PLOT = "application/vnd.plotly.v1+json"
PICTURE = "image/png"
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def read() -> Any:
    """The notebook as it is in the repository."""
    return nbformat.reads(PATH.read_text(encoding="utf-8"), as_version=4)


def executed(notebook: Any, folder: Path) -> Any:
    """The notebook with the outputs that it has in an empty folder, without what differs from run to run."""
    found = nbformat.from_dict(json.loads(json.dumps(notebook)))
    NotebookClient(found, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    found.metadata = nbformat.from_dict(_METADATA)
    for number, cell in enumerate(found.cells):
        cell.id, cell.metadata = f"cell-{number}", nbformat.from_dict({})
        for output in cell.get("outputs", ()):
            _settle(output, str(folder))
    return found


def _settle(output: Any, folder: str) -> None:
    if "text" in output:
        output["text"] = comparable(output["text"], folder)
    for kind, content in output.get("data", {}).items():
        if kind.startswith("text/"):
            output["data"][kind] = comparable(content, folder)


def comparable(text: str, folder: str) -> str:
    """A text without run ids, batch ids, seconds and the place of the folder."""
    text = text.replace(folder, ".")
    text = re.sub(r"\bRun [0-9a-f]{12}\b", "Run 0123456789ab", text)
    text = re.sub(r"\bBatch [0-9a-f]{8}\b", "Batch 01234567", text)
    return re.sub(r"replayed in \d+\.\d s", "replayed in 0.0 s", text)


def with_pictures(notebook: Any) -> Any:
    """The notebook with each figure as a picture instead of its data."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if figure := output.get("data", {}).get(PLOT):
                output["data"] = nbformat.from_dict({PICTURE: picture(figure)})
    return notebook


def picture(figure: Any) -> str:
    """A Plotly figure as a PNG, base64, drawn by a headless browser."""
    from playwright.sync_api import sync_playwright
    from plotly.offline import get_plotlyjs

    draw = """async (figure) => Plotly.toImage(figure, {format: "png", width: 900, height: 520, scale: 1.5})"""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page()
        page.add_script_tag(content=get_plotlyjs())
        address = page.evaluate(draw, json.loads(json.dumps(figure)))
        browser.close()
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64", head
    base64.b64decode(data, validate=True)
    return str(data)


def main() -> None:
    """Execute the notebook and write it with its outputs."""
    with TemporaryDirectory() as folder:
        found = with_pictures(executed(read(), Path(folder)))
    nbformat.validate(found)
    PATH.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
