"""A real Chromium for the tests of pages: what it says in its console and asks of the network is noted."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
TIMEOUT_MS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium; without one a test is skipped, or fails where TWINS_BROWSER asks for it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        assert not os.environ.get("TWINS_BROWSER"), f"none of {', '.join(NAMES)} is installed"
        pytest.skip("no Chromium is installed: the pages are not tested")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Seen:
    """An opened page, and all that it has said and asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def ready(self) -> Page:
        """The page when its first plots are drawn."""
        self.page.wait_for_selector("html[data-ready=yes]", timeout=TIMEOUT_MS)
        return self.page


@contextmanager
def opened(browser: Browser, path: Path, **context: object) -> Iterator[Seen]:
    """A page of the disk in a fresh context, such as `color_scheme="dark"`; it must stay silent to its end."""
    made = browser.new_context(viewport=context.pop("viewport", {"width": 1280, "height": 900}), **context)
    seen = Seen(made.new_page())
    seen.page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    seen.page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
    seen.page.on("request", lambda request: seen.asked.append(request.url))
    try:
        seen.page.goto(path.absolute().as_uri())
        seen.ready()
        yield seen
    finally:
        made.close()
    assert seen.said == []
    # Its own address, and the script that it has unpacked itself, are all that a page asks for.
    assert [url for url in seen.asked if not url.startswith(("file:", "blob:"))] == []
