"""The console sessions of the README and the tutorial, run as they stand there and compared with what they show."""

import pytest

from documentation.transcripts import PAGES, ROOT, Step, agrees, blocks, comparable, differences, play, rewritten

PAGE = """text

```console
$ twins run
run 0123456789ab: 3 pairs in 0.4 s (9/s)
$ cat <<END
> a
> END
a
```
more
"""


@pytest.mark.ray
@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_what_happens(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert sum(map(len, blocks(text))) > 5
    wrong = differences(text, play(text, PAGES[page]))
    assert not wrong, "run: make transcripts\n" + "\n".join(wrong)


def test_make_demo_is_what_the_readme_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\ndemo: $(VENV)/.installed\n\t$(BIN)/twins --store demo-store demo\n" in makefile


def test_commands_and_outputs_are_told_apart():
    assert blocks(PAGE) == [
        [Step("twins run", "run 0123456789ab: 3 pairs in 0.4 s (9/s)\n"), Step("cat <<END\na\nEND", "a\n")]
    ]


@pytest.mark.parametrize(
    ("output", "same"),
    [
        ("run fedcba987654: 3 pairs in 1.2 s (1,234/s)\n", True),
        ("run fedcba987654: 4 pairs in 0.4 s (9/s)\n", False),
        ("run fedcba987654: 3 pairs in 0.4 s (9/s)\nwarning: x\n", False),
        ("", False),
    ],
)
def test_only_what_must_differ_may_differ(output, same):
    played = [[Step("twins run", output), Step("cat", "a\n")]]
    assert (differences(PAGE, played) == []) is same
    assert (rewritten(PAGE, played) == PAGE) is same
    assert differences(rewritten(PAGE, played), played) == []


def test_equal_digests_must_stay_equal():
    one, other, names = "1" * 63 + "a", "2" * 63 + "b", {}
    assert comparable(f"{one}\n{other}\n{one}\n", names) == "<digest 1>\n<digest 2>\n<digest 1>\n"
    assert comparable(other, names) == "<digest 2>"


@pytest.mark.parametrize(
    ("shown", "seen", "good"),
    [
        ("a\n…\n", "a\nb\nc\n", True),
        ("a\n…\nc\n", "a\nb\nc\n", True),
        ("…\nc\n", "a\nb\n", False),
        ("a.\n", "ab\n", False),
        ("a\n", "a\nb\n", False),
    ],
)
def test_a_page_may_leave_lines_out(shown, seen, good):
    assert agrees(shown, seen) is good
