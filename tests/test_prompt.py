"""The prompt of `twins sql`, on a real terminal: statements, history, completion, its commands, errors, Ctrl-C."""

import pytest
from terminals import Terminal


@pytest.fixture
def prompt(ran, workdir):
    """`prompt()`: a terminal at the prompt of the store."""
    begun = []

    def begin(columns=100):
        place = {"XDG_STATE_HOME": str(workdir / "state")}
        begun.append(Terminal(["--store", "store", "--settings", "settings.json", "sql"], workdir, columns, **place))
        begun[-1].read_until("twins>")
        return begun[-1]

    yield begin
    for terminal in begun:
        if terminal.process.poll() is None:
            terminal.process.kill()


def asked(terminal, text, answer):
    """Type a line, and read on until the answer has come, and the prompt again."""
    terminal.type(text + "\r")
    terminal.read_until(answer)
    terminal.read_until("twins>")


def left(terminal):
    terminal.type("\x04")
    return terminal.end()


def test_a_statement_may_have_several_lines_and_ends_with_a_semicolon(prompt):
    terminal = prompt()
    terminal.type("select 40 + 2 as answer,\r")
    terminal.read_until(r"\.\.\.")
    assert "42" not in terminal.text
    asked(terminal, "'x' as mark;", r"answer +mark\n +42 +x")
    assert left(terminal) == 0


def test_errors_leave_the_prompt_standing(prompt):
    terminal = prompt()
    asked(terminal, "from latest_output;", r"error: SQL: .*\. Did you mean 'latest_outputs'\?\n")
    asked(terminal, ".schma", r"error: no command is called '\.schma'\. Did you mean '\.schema'\?\n")
    asked(terminal, ".schema", r"error: \.schema names no view\. For example")
    asked(terminal, "select 6 * 7 as still_here;", r"still_here\n +42")
    assert left(terminal) == 0


def test_its_own_commands(prompt):
    terminal = prompt()
    asked(terminal, ".help", r"\.schema VIEW")
    asked(terminal, ".tables", r"view *\nassets")
    asked(terminal, ".schema latest_outputs", r"column +type *\nasset_id +VARCHAR")
    terminal.type(".quit\r")
    assert terminal.end() == 0


@pytest.mark.parametrize("word", [".quit", ".exit"])
def test_an_unfinished_statement_is_left_as_well(prompt, word):
    terminal = prompt()
    terminal.type("select 40 +\r")
    terminal.read_until(r"\.\.\.")
    terminal.type(f"{word}\r")
    assert terminal.end() == 0


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("select count(*) as n from latest_ou", "latest_outputs"),
        ("from outputs select asset_", "asset_id"),
        ("from outputs limit 1 offs", "offset"),
        (".sch", ".schema"),
        (".schema twin_s", "twin_state"),
    ],
)
def test_tab_completes(prompt, typed, whole):
    terminal = prompt()
    terminal.type(typed)
    terminal.read_until(typed[-3:])
    terminal.type("\t")
    terminal.read_until(whole[len(typed.rpartition(" ")[2]) :])


def test_the_history_outlives_the_prompt(prompt, workdir):
    first = prompt()
    asked(first, "select 'from before' as said;", r"said *\nfrom before")
    assert left(first) == 0
    assert "from before" in (workdir / "state" / "battery-twins" / "sql_history").read_text()
    second = prompt()
    second.type("\x1b[A")
    second.read_until("from before' as said;")
    second.type("\r")
    second.read_until(r"said *\nfrom before")


def test_a_history_that_cannot_be_written_hinders_nothing(prompt, workdir):
    (workdir / "state").write_text("a file where the folder should be")
    terminal = prompt()
    asked(terminal, "select 6 * 7 as answer;", r"answer\n +42")
    assert left(terminal) == 0


def test_control_c_drops_the_line(prompt):
    terminal = prompt()
    terminal.type("from nonsen")
    terminal.read_until("nonsen")
    terminal.type("\x03")
    terminal.read_until("twins>")
    asked(terminal, "select 6 * 7 as answer;", r"answer\n +42")
    assert "error" not in terminal.text
    assert left(terminal) == 0


def test_control_c_stops_a_query(prompt):
    terminal = prompt()
    terminal.type("select sum(a.range * b.range) as n from range(10000000) a, range(10000000) b;\r")
    terminal.insist("\x03", "stopped")
    terminal.read_until("twins>")
    asked(terminal, "select 6 * 7 as answer;", r"answer\n +42")
    assert left(terminal) == 0


def test_sigterm_ends_it(prompt):
    terminal = prompt()
    terminal.process.terminate()
    assert terminal.end() == 130


def test_a_long_result_is_cut_and_says_so(prompt):
    terminal = prompt()
    asked(terminal, "from range(12345);", r"… 12,305 more rows")
    asked(terminal, "from range(40);", r"\n +39\n")
    assert "… 0" not in terminal.text
    assert left(terminal) == 0


def test_statements_are_coloured(prompt):
    terminal = prompt()
    asked(terminal, "select 1 as one;", r"one\n +1")
    assert "\x1b[0;" in terminal.raw


def test_piped_statements_need_no_terminal(ran, workdir, twins, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("select 6 * 7 as answer, range from range(50)"))
    code, out, _ = twins("sql")
    assert code == 0
    assert len(out.splitlines()) == 51  # nobody looks at a terminal: nothing is cut
