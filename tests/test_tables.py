"""Tables fit the terminal they are shown on, and are a line for each row on a pipe."""

import json

import pytest
from terminals import Terminal

ERROR = "ModelError: the output soc is a word where a number was promised, and this is how long an error may well get"
LONG = f"""select 'asset-0000-abcdef' as asset_id, 12345.5 as value, timestamptz '2026-01-03 23:59:00+00' as as_of,
          '{ERROR}' as error, [1, 2, 3] as list union all
          select 'asset-1', 7, timestamptz '2026-01-03 23:59:00+00', null, [] order by value desc"""


def shown(ran, workdir, columns, *words, **environment):
    terminal = Terminal(["--store", "store", "--settings", "settings.json", *words], workdir, columns, **environment)
    assert terminal.end() == 0, terminal.text
    return terminal


def test_at_eighty_columns_ids_and_times_are_whole_and_text_is_folded(ran, workdir):
    terminal = shown(ran, workdir, 80, "sql", LONG)
    lines = terminal.text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["asset_id", "value", "as_of", "error", "list"]
    assert lines[1].startswith("asset-0000-abcdef  12345.5  2026-01-03T23:59:00Z  ")
    (second,) = [line for line in lines if line.startswith("asset-1 ")]
    assert second.startswith("asset-1                  7  2026")  # the number stands at the right
    assert [word for word in ERROR.split() if word not in terminal.text] == []  # folded between words
    assert "\x1b[1m" in terminal.raw  # the header is bold


@pytest.mark.parametrize("columns", [40, 60])
def test_where_a_table_does_not_fit_each_row_is_a_block(ran, workdir, columns):
    lines = shown(ran, workdir, columns, "sql", LONG).text.splitlines()
    assert max(map(len, lines)) <= columns
    assert [line.split() for line in lines[:3]] == [
        ["asset_id", "asset-0000-abcdef"],
        ["value", "12345.5"],
        ["as_of", "2026-01-03T23:59:00Z"],
    ]
    (after,) = [
        number for number, line in enumerate(lines[:20]) if line.startswith("list      [1, 2, 3]"[:10] + "1, 2")
    ]
    folded = " ".join(line[10:].strip() for line in lines[3:after])
    assert folded == ERROR  # nothing of it is lost


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize(
    "words",
    [
        ("assets", "list"),
        ("batches", "list"),
        ("models", "list"),
        ("sensors",),
        ("config", "--show-origin"),
        ("plan",),
    ],
    ids=" ".join,
)
def test_every_table_fits(ran, workdir, columns, words):
    lines = shown(ran, workdir, columns, *words).text.splitlines()
    assert max(len(line) for line in lines if not line.startswith("settings: ")) <= columns  # a path is what it is


def test_nested_values_end_with_an_ellipsis_rather_than_to_fill_lines(ran, workdir):
    lines = shown(ran, workdir, 80, "assets", "list").text.splitlines()
    assert len(lines) == 3  # the header and two assets
    assert all("…" in line for line in lines[1:])


def test_no_color_means_no_codes_at_all(ran, workdir):
    assert "\x1b" not in shown(ran, workdir, 80, "assets", "list", NO_COLOR="1").raw


def test_on_a_pipe_a_row_is_a_line_however_long(ran, twins):
    code, out, _ = twins("sql", "select repeat('word ', 300) || 'end' as text, 1 as n, e'two\\nlines' as broken")
    assert code == 0
    header, row = out.splitlines()
    assert header.split() == ["text", "n", "broken"]
    assert row.endswith("end  1  two lines")
    assert len(row) > 1500


def test_brackets_in_names_are_no_markup(ran, twins):
    _, out, _ = twins("sql", "select 'Cell Voltage # [mV]' as \"name [red]\"")
    assert out.splitlines() == ["name [red]", "Cell Voltage # [mV]"]
    document = json.loads(json.dumps(twins("--json", "sql", "select '[mV]' as unit")[1]))
    assert document == [{"unit": "[mV]"}]


def test_many_rows_take_no_longer_each_than_few(ran, twins):
    code, out, _ = twins("sql", "select range as n, 'x' as text from range(40000)")
    assert code == 0
    assert len(out.splitlines()) == 40_001  # with a look at all rows for each row this would take an hour
