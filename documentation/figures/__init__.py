"""The figures of the explanations, drawn as SVG: `python -m documentation.figures` writes them."""

from documentation.figures.drawing import Drawing
from documentation.figures.how_it_works import how_it_works
from documentation.figures.laws_1_to_3 import commits, cuts, log
from documentation.figures.laws_4_to_6 import layers, pairs, places

FIGURES = {
    "how-it-works": how_it_works,
    "law-1": cuts,
    "law-2": log,
    "law-3": commits,
    "law-4": pairs,
    "law-5": places,
    "law-6": layers,
}

__all__ = ["FIGURES", "Drawing"]
