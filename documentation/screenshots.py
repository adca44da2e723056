"""The pictures of the pages, taken of the real thing: `python -m documentation.screenshots` (it needs Chromium).

A small demo fleet is simulated and run; its dashboards are drawn by `twins dashboard` and photographed in a headless
browser, on a light and on a dark page; a plan is taken from a terminal, as SVG.
"""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

import actors

FOLDER = Path(__file__).parent / "images"
CODE = Path(actors.__file__).parents[1]
ASSET = "EV-0003"
FLEET = ("demo", "--assets", "12", "--days", "14")
PLAN = {"TWINS__MODELS__EQ_CYCLES__DEADBAND_A": "0.5"}
"""A change of the settings, so that the plan has something to say."""
LATE = "asset_id,sensor,ts,value\nEV-0006,temperature,2026-01-12T08:00:00Z,21.5\n"
COLUMNS, ROWS = 124, 40
PAGES = {"dashboard-asset": (ASSET, 1280, 806), "dashboard-fleet": ("--fleet", 1280, 1000)}
"""Picture → (what `twins dashboard` is asked for, width, height)."""


def twins(folder: Path, *words: str) -> None:
    """Run a command on the demo's store."""
    subprocess.run([sys.executable, "-m", "actors.cli", "--store", "fleet-store", *words], cwd=folder, check=True)


def terminal(folder: Path, words: Sequence[str], changed: dict[str, str]) -> str:
    """What a command writes to a terminal, control sequences included."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "actors.cli", "--store", "fleet-store", *words]
    environment = os.environ | changed | {"TERM": "xterm-256color"}
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=side, stdout=side, stderr=side):
        os.close(side)
        parts = list(iter(lambda: _read(main), b""))
    os.close(main)
    return b"".join(parts).decode("utf-8").replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Linux says so where the other end is closed
        return b""


def drawn(command: str, output: str) -> str:
    """A terminal's content as SVG, with the fonts that the reader has."""
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115 - it lives as long
    console.print(Text.from_ansi(f"$ {command}\n{output.rstrip()}\n"))  # the last line's feet need room
    found = console.export_svg(title="", unique_id="terminal")
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", found, flags=re.DOTALL)


def photograph(pages: dict[str, Path]) -> None:
    """Take each page in both colour schemes."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"))
        for name, path in pages.items():
            _, width, height = PAGES[name]
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(path.as_uri())
                page.wait_for_selector("html[data-ready=yes]")
                page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
                page.close()
        browser.close()


def main() -> None:
    """Take all pictures anew."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        twins(folder, *FLEET)
        pages = {picture: folder / f"{picture}.html" for picture in PAGES}
        for picture, path in pages.items():
            twins(folder, "dashboard", PAGES[picture][0], "--out", str(path))
        photograph(pages)
        (folder / "late.csv").write_text(LATE)
        twins(folder, "ingest", "late.csv")
        words = ("plan", "--select", "asset:EV-*")
        output = terminal(folder, words, PLAN).replace(str(CODE), "~/battery-twins")
        (FOLDER / "plan.svg").write_text(drawn("twins plan --select 'asset:EV-*'", output), encoding="utf-8")


if __name__ == "__main__":
    main()
