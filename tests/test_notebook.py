"""The example notebook: executed in an empty folder, it gives what the repository's copy shows."""

import json

import pytest

from documentation.notebook import PATH, PICTURE, PLOT, comparable, executed, read

HINT = "run: make notebook"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The notebook, executed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TWINS_STORE", raising=False)
        return executed(read(), tmp_path_factory.mktemp("notebook"))


def shown(notebook):
    """Of each code cell what it shows: streams, texts, tables; of a figure only that there is one."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield cell.source, [_part(output) for output in cell.outputs]


def _part(output):
    if output.output_type == "stream":
        return output.name, output.text
    assert output.output_type != "error", output
    if {PICTURE, PLOT} & output.data.keys():
        return "a figure"
    return {kind: content for kind, content in output.data.items() if kind.startswith("text/")}


def test_the_outputs_are_those_of_the_repository(fresh):
    for (source, new), (_, old) in zip(shown(fresh), shown(read()), strict=True):
        assert new == old, f"{HINT}\n{source}"


def test_the_figure_shows_voltage_cycles_and_the_alert(fresh):
    (figure,) = [o.data[PLOT] for cell in fresh.cells for o in cell.get("outputs", ()) if PLOT in o.get("data", {})]
    assert [trace["name"] for trace in figure["data"]] == ["equivalent cycles", "highest cell", "lowest cell"]
    assert len(figure["layout"]["shapes"]) == 1


def test_the_committed_notebook_is_light_and_clean():
    text = PATH.read_text(encoding="utf-8")
    notebook = read()
    assert len(text) < 500_000
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(cell.metadata == {} for cell in notebook.cells)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code"), HINT
    assert sum(PICTURE in o.get("data", {}) for cell in notebook.cells for o in cell.get("outputs", ())) == 1, HINT
    assert not [place for place in ("/home/", "/tmp/", "/root/", "/Users/") if place in json.dumps(notebook)]


def test_only_what_must_differ_is_taken_out():
    text = "<Run 34201d8ca8ae: 2 pairs, 9 events replayed in 1.4 s, sequence 2> in /x/y/store"
    assert comparable(text, "/x/y") == (
        "<Run 0123456789ab: 2 pairs, 9 events replayed in 0.0 s, sequence 2> in ./store"
    )
