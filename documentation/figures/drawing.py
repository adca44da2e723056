"""A small kit for line drawings in SVG: readable on light and dark pages, and without seeing colours.

Colours are those of Okabe and Ito; whatever a colour says, a shape, a mark or a word says too.
"""

from collections.abc import Sequence
from html import escape

WIDTH = 760
STYLE = """
text{font:14px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.small{font-size:12px}.strong{font-weight:600}.mute{fill:#59636e}.on{fill:#fff}
.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12px}
.page{fill:#fff;stroke:#d1d9e0}.box{fill:#f6f8fa;stroke:#818b98}.wire{fill:none;stroke:#59636e;stroke-width:1.5}
.tip{fill:#59636e}.axis{stroke:#818b98;stroke-width:1}.dash{stroke-dasharray:5 4}
.blue{fill:#0072b2}.orange{fill:#b35c00}.red{fill:#c2410c}.green{fill:#00795a}.pale{fill:#ddeefa;stroke:#0072b2}
.warm{fill:#fdf0dc;stroke:#b35c00}.bad{fill:#fde7dd;stroke:#c2410c}.good{fill:#dff3ec;stroke:#00795a}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}.mute{fill:#9198a1}.on{fill:#0d1117}
.page{fill:#0d1117;stroke:#3d444d}.box{fill:#161b22;stroke:#656c76}.wire{stroke:#9198a1}.tip{fill:#9198a1}
.axis{stroke:#656c76}.blue{fill:#56b4e9}.orange{fill:#e69f00}.red{fill:#ff8a5c}.green{fill:#2fc49a}
.pale{fill:#0c2a3d;stroke:#56b4e9}.warm{fill:#33240a;stroke:#e69f00}.bad{fill:#3a1a0e;stroke:#ff8a5c}
.good{fill:#0b2e25;stroke:#2fc49a}}
""".strip()


class Drawing:
    """An SVG picture that grows by shapes; x goes right, y goes down."""

    def __init__(self, height: int, title: str, description: str) -> None:
        self._height, self._title, self._description = height, title, description
        self._shapes: list[str] = []

    def svg(self) -> str:
        """The file's content."""
        size = f'viewBox="0 0 {WIDTH} {self._height}" width="{WIDTH}" height="{self._height}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(self._title)}</title>',
            f'<desc id="desc">{escape(self._description)}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{self._height - 1}" rx="8"/>',
        ]
        return "\n".join([*lines, *self._shapes, "</svg>"]) + "\n"

    def text(self, x: float, y: float, words: str, style: str = "", anchor: str = "start") -> None:
        """A line of text; y is its base line."""
        self._shapes.append(
            f'<text class="{style}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def box(self, x: float, y: float, width: float, height: float, words: str | Sequence[str] = (), *,
            style: str = "box", text: str = "") -> None:  # fmt: skip
        """A rounded rectangle with lines of text in its middle; the first of several is set in bold."""
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
        self._shapes.append(f'<rect class="{style}" {place} rx="5"/>')
        lines = [words] if isinstance(words, str) else list(words)
        top = y + height / 2 + 5 - 9 * (len(lines) - 1)
        for number, line in enumerate(lines):
            look = f"{text} {'strong' if number == 0 else 'small mute'}" if len(lines) > 1 else text
            self.text(x + width / 2, top + 18 * number, line, look.strip(), "middle")

    def line(self, points: Sequence[tuple[float, float]], style: str = "wire") -> None:
        """A line through points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._shapes.append(f'<polyline class="{style}" points="{path}" fill="none"/>')

    def arrow(self, *points: tuple[float, float], style: str = "wire") -> None:
        """A line with a tip at its last point; the last piece is horizontal or vertical."""
        (x0, y0), (x, y) = points[-2:]
        dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
        self.line([*points[:-1], (x - 6 * dx, y - 6 * dy)], style)
        left = (x - 8 * dx - 4.5 * dy, y - 8 * dy + 4.5 * dx)
        right = (x - 8 * dx + 4.5 * dy, y - 8 * dy - 4.5 * dx)
        corners = " ".join(f"{a:g},{b:g}" for a, b in ((x, y), left, right))
        self._shapes.append(f'<polygon class="tip" points="{corners}"/>')

    def dot(self, x: float, y: float, radius: float = 4, style: str = "blue") -> None:
        """An event."""
        self._shapes.append(f'<circle class="{style}" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>')

    def diamond(self, x: float, y: float, size: float = 8, style: str = "orange") -> None:
        """A snapshot."""
        corners = ((x, y - size), (x + size, y), (x, y + size), (x - size, y))
        self._shapes.append(f'<polygon class="{style}" points="{" ".join(f"{a:g},{b:g}" for a, b in corners)}"/>')

    def cross(self, x: float, y: float, size: float = 6, style: str = "red") -> None:
        """Something that failed."""
        for sign in (1, -1):
            place = f'x="{x - size:g}" y="{y - 2:g}" width="{2 * size:g}" height="4"'
            self._shapes.append(f'<rect class="{style}" {place} transform="rotate({sign * 45} {x:g} {y:g})"/>')
