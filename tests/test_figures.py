"""The figures of the explanations: current, self-contained, described, and readable on light and dark pages."""

import re
from xml.etree import ElementTree

import pytest

from documentation.figures import FIGURES
from documentation.figures.__main__ import FOLDER
from documentation.figures.drawing import STYLE, WIDTH, Drawing

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=FIGURES)
def figure(request):
    """(text, root element) of a figure."""
    text = FIGURES[request.param]().svg()
    assert (FOLDER / f"{request.param}.svg").read_text(encoding="utf-8") == text, "run: make docs"
    return text, ElementTree.fromstring(text)


def test_every_figure_is_current_and_says_what_it_shows(figure):
    text, root = figure
    assert text == text.strip() + "\n"
    assert root.find(f"{SVG}title").text
    assert len(root.find(f"{SVG}desc").text) > 40


def test_no_figure_needs_anything_else(figure):
    text, _ = figure
    assert not re.search(r"<script|href|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)


def test_nothing_is_drawn_outside(figure):
    _, root = figure
    height = float(root.get("height"))
    for node in root.iter():
        for x in (node.get("x"), node.get("cx")):
            assert x is None or 0 <= float(x) <= WIDTH
        for y in (node.get("y"), node.get("cy")):
            assert y is None or 0 <= float(y) <= height


def test_every_class_has_a_colour_on_both_pages(figure):
    _, root = figure
    used = {name for node in root.iter() for name in (node.get("class") or "").split()}
    light, dark = STYLE.split("@media (prefers-color-scheme:dark)")
    assert used <= set(re.findall(r"\.([a-z]+)\{", light))
    assert set(re.findall(r"\.([a-z]+)\{[^}]*#", light)) <= set(re.findall(r"\.([a-z]+)\{[^}]*#", dark))


def test_there_are_no_figures_left_over():
    assert {path.stem for path in FOLDER.glob("*.svg") if path.stem.startswith(("law", "how"))} == set(FIGURES)


def test_words_are_escaped():
    picture = Drawing(10, "<a> & b", "c")
    picture.text(1, 2, "a < b & c")
    assert "a &lt; b &amp; c" in picture.svg()
    assert '<title id="title">&lt;a&gt; &amp; b</title>' in picture.svg()
