"""What commands tell people: counts with separators and the right number, durations and sizes in few digits."""

import pytest

from actors.wording import counted, sized


@pytest.mark.parametrize(("number", "text"), [(0, "0 assets"), (1, "1 asset"), (12345, "12,345 assets")])
def test_counts(number, text):
    assert counted(number, "asset") == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (888_101, "888 kB"), (9_900_000, "9.9 MB"), (2_500 * 10**9, "2,500 GB")],
)
def test_sizes(size, text):
    assert sized(size) == text


def test_the_status_of_a_new_store_and_after_a_run(ran, twins, store):
    lines = twins("status")[1].splitlines()
    assert lines[:6] == [
        "assets     2",
        "events     13,824",
        "head       2026-02-02T00:00:00Z",
        "lag        none",
        "parked     0",
        "blocked    0",
    ]
    assert lines[6].startswith("published  ")
    assert " done: 4 pairs, 13,824 events in " in lines[7]
    fresh = store.with_name("fresh")
    twins("--store", fresh, "init")
    assert twins("--store", fresh, "status")[1].splitlines()[-2:] == ["published  never", "last run   none yet"]


def test_a_run_in_one_line(ingested, twins):
    code, out, err = twins("run", "--local")
    assert code == 0
    assert ": 4 pairs, " in out
    assert out.endswith("/s), 0 parked\n")
    assert "4 pairs to run in this process, 0 skipped" in err


def test_a_state_is_whole_on_a_pipe(ran, twins):
    _, out, _ = twins("state", "EV-1", "--full")
    (state,) = [line for line in out.splitlines() if line.startswith("    state ") and "equivalent_cycles" in line]
    assert state.endswith("}")
