"""The console sessions of the pages: run anew, compared, rewritten by `python -m documentation.transcripts`.

A block of the language `console` holds commands behind `$ ` (goes on behind `> `) and their output. The blocks of a
page are one shell session, in an empty folder, with the files that the page itself tells the reader to write. A line
`…` stands for any lines that the page leaves out.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
CLONE = "~/battery-twins"
PAGES = {
    "README.md": CLONE,
    "documentation/tutorial/first-ten-minutes.md": "~/fleet",
    "documentation/how-to/ingest.md": "~/fleet",
    "documentation/how-to/late-data.md": "~/fleet",
    "documentation/how-to/parked-pairs.md": "~/fleet",
}
"""Each page with what it calls the folder in which its session takes place."""

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"^`([\w./-]+)`:\n\n```(?:json|csv|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_MARK = "=== the output of the next command ==="
_LEFT_OUT = "…"


class Step(NamedTuple):
    """A command, and the output that the page shows or that was seen."""

    command: str
    output: str


def blocks(page: str) -> list[list[Step]]:
    """The console blocks of a page."""
    return [list(_steps(body)) for body in _BLOCK.findall(page)]


def _steps(body: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        first, *lines = part.splitlines()
        command = [first]
        while lines and lines[0].startswith("> "):
            command.append(lines.pop(0)[2:])
        yield Step("\n".join(command), "".join(f"{line}\n" for line in lines))


def play(page: str, called: str) -> list[list[Step]]:
    """Run a page's session; `called` is what the page calls the folder in which it takes place."""
    with TemporaryDirectory() as home, TemporaryDirectory() as tools:
        return _play(page, Path(home).resolve(), Path(tools), called)


def _play(page: str, home: Path, tools: Path, called: str) -> list[list[Step]]:
    for name, content in _FILE.findall(page):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content, encoding="utf-8")
    planned = blocks(page)
    commands = [step.command for block in planned for step in block]
    outputs = iter(_run(commands, home, tools, called))
    return [[Step(step.command, next(outputs)) for step in block] for block in planned]


def _run(commands: Sequence[str], home: Path, tools: Path, called: str) -> list[str]:
    # `make demo` builds an environment first: it is what this module runs in.
    (tools / "make").write_text('#!/bin/sh\nexec twins --store demo-store "$@"\n')
    (tools / "twins").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m actors.cli "$@"\n')
    (tools / Path(CLONE).name).symlink_to(ROOT)
    for name in ("make", "twins"):
        (tools / name).chmod(0o755)
    script = "".join(f"echo '{_MARK}'\n{command}\n" for command in commands)
    done = subprocess.run(
        ["bash"],
        input=script,
        cwd=home,
        env=_environment(tools),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    shown = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
    return [text.replace(str(home), called).replace(str(ROOT), CLONE) for text in shown.split(f"{_MARK}\n")[1:]]


def _environment(tools: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TWINS", "COLUMNS"))}
    kept |= {"PATH": f"{tools}{os.pathsep}{kept['PATH']}", "HOME": str(tools), "PYTHONUNBUFFERED": "1"}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")]).rstrip(os.pathsep)}


def comparable(output: str, names: dict[str, str]) -> str:
    """An output without what differs from run to run: seconds, rates, the time of day and ids. Whole digests are
    numbered in the order in which the session shows them, so that equal ones stay equal."""
    output = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "<now>", output)
    output = re.sub(r"^[\d,]+/[\d,]+ pairs, .*\n", "", output, flags=re.MULTILINE)  # how far a slow run has come
    output = re.sub(r"(\d+ min )?\b\d+(\.\d+)? s\b", "<n> s", output)
    output = re.sub(r"\([\d,]+/s\)", "(<n>/s)", output)
    output = re.sub(r"(published_age_s +)[\d.]+", r"\1<n>", output)
    output = re.sub(r"\([\d.,]+ ([kMG]B|bytes?)\)", "(<size>)", output)  # of a page, scripts and all

    def numbered(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"<digest {len(names) + 1}>")

    output = re.sub(r"\b[0-9a-f]{64}\b", numbered, output)
    return re.sub(r"\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{8,32}\b", "<id>", output)


def agrees(shown: str, seen: str) -> bool:
    """Whether a page's text is what was seen, but for the lines that it leaves out."""
    parts = [re.escape(part) for part in re.split(rf"^{_LEFT_OUT}\n", shown, flags=re.MULTILINE)]
    return re.fullmatch(r"(?:.*\n)*?".join(parts), seen) is not None


def differences(page: str, played: Sequence[Sequence[Step]]) -> list[str]:
    """What a page shows otherwise than it was seen, one text for each command."""
    wrong, shown_names, seen_names = [], dict[str, str](), dict[str, str]()
    for block, found in zip(blocks(page), played, strict=True):
        for step, seen in zip(block, found, strict=True):
            left, right = comparable(step.output, shown_names), comparable(seen.output, seen_names)
            if not agrees(left, right):
                wrong.append(f"$ {step.command}\n--- the page says\n{left}--- it is\n{right}")
    return wrong


def rewritten(page: str, played: Sequence[Sequence[Step]]) -> str:
    """The page with the outputs that were seen, where it shows others."""
    found = iter(played)

    def block(old: re.Match[str]) -> str:
        steps = zip(_steps(old[1]), next(found), strict=True)
        return f"```console\n{''.join(_text(step, seen) for step, seen in steps)}```"

    return _BLOCK.sub(block, page) if differences(page, played) else page


def _text(step: Step, seen: Step) -> str:
    same = agrees(comparable(step.output, {}), comparable(seen.output, {}))
    return "$ " + step.command.replace("\n", "\n> ") + "\n" + (step.output if same else seen.output)


def main() -> None:
    """Bring the sessions of all pages up to date, or of those that are named."""
    for name, called in PAGES.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        page = (ROOT / name).read_text(encoding="utf-8")
        (ROOT / name).write_text(rewritten(page, play(page, called)), encoding="utf-8")


if __name__ == "__main__":
    main()
