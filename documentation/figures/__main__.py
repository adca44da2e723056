"""Write all figures into `documentation/images`."""

from pathlib import Path

from documentation.figures import FIGURES

FOLDER = Path(__file__).parents[1] / "images"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")
