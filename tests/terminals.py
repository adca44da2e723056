"""A command on a terminal of its own: a real pty of a set size, typed into and read from."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE_S = 30.0
"""How long a command that hangs is waited for; one that does not is waited for no longer than it takes."""

INSIST_S = 0.5

_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>]|\x1b\][^\x07]*\x07")


def _take_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Whoever runs the tests in the background ignores Ctrl-C, and what they start would do so, too.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """`twins` with these words, on a terminal so many columns wide."""

    def __init__(self, words, folder, columns=80, rows=24, **environment):
        self._screen, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR", "CI")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "actors.cli", *map(str, words)],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            cwd=folder,
            env={
                **kept,
                "PYTHONPATH": str(ROOT),
                "TERM": "xterm-256color",
                "PROMPT_TOOLKIT_NO_CPR": "1",
                **environment,
            },
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(inner)
        self.raw = ""
        self._seen = 0

    @property
    def text(self):
        """All that was shown, without what only moves or colours it."""
        return _CODES.sub("", self.raw).replace("\r\n", "\n")

    def read_until(self, pattern):
        """Read on until a pattern appears in what was shown since the last call; what was shown up to then."""
        while True:
            found = re.search(pattern, self.text[self._seen :])
            if found:
                shown = self.text[self._seen : self._seen + found.end()]
                self._seen += found.end()
                return shown
            if not self._read():
                raise AssertionError(f"it ended without {pattern!r}:\n{self.text[self._seen :]}")

    def insist(self, key, pattern):
        """Press a key until a pattern appears: what comes between two prompts may swallow it."""
        for _ in range(int(PATIENCE_S / INSIST_S)):
            self.type(key)
            while select.select([self._screen], [], [], INSIST_S)[0] and self._read():
                if re.search(pattern, self.text[self._seen :]):
                    return self.read_until(pattern)
        raise AssertionError(f"{key!r} led to no {pattern!r}:\n{self.text[self._seen :]}")

    def type(self, text):
        """Type something, as a user does."""
        os.write(self._screen, text.encode())

    def end(self):
        """Read to the end; the exit code."""
        while self._read():
            pass
        os.close(self._screen)
        return self.process.wait(PATIENCE_S)

    def _read(self):
        if not select.select([self._screen], [], [], PATIENCE_S)[0]:
            self.process.kill()
            raise AssertionError(f"nothing came any more:\n{self.text[self._seen :]}")
        try:
            part = os.read(self._screen, 65_536)
        except OSError:  # so Linux tells that the other side is closed
            return False
        self.raw += part.decode(errors="replace")
        return bool(part)
