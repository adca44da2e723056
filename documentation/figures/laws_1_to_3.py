"""The first three laws: cuts do not matter, nothing is lost, a commit is whole."""

from itertools import pairwise

from documentation.figures.drawing import Drawing

_EVENTS = (96, 118, 131, 160, 185, 204, 236, 251, 279, 310, 322, 351, 377, 390, 424, 449, 470, 486)


def cuts() -> Drawing:
    """One replay, and the same history in days: both end in the same digest."""
    picture = Drawing(
        262,
        "Law 1: however the history is cut, the bits are the same",
        "One event log is replayed in one piece, and in four pieces with snapshots between them: one digest.",
    )
    picture.text(24, 44, "events", "mute")
    for x in _EVENTS:
        picture.dot(x, 40)
    picture.arrow((80, 56), (520, 56))
    picture.text(528, 60, "event time", "small mute")
    picture.text(24, 108, "at once", "strong")
    picture.box(90, 84, 410, 38, "one replay from the first event", style="pale")
    picture.text(24, 192, "in days", "strong")
    edges = (90, 193, 295, 398, 500)
    for day, (low, high) in enumerate(pairwise(edges), 1):
        picture.box(low + 9, 168, high - low - 18, 38, f"day {day}", style="pale")
    for x in edges[1:-1]:
        picture.diamond(x, 187)
    picture.diamond(99, 233)
    picture.text(114, 238, "a snapshot: the place where a later run goes on", "small mute")
    picture.arrow((500, 103), (600, 103), (600, 124))
    picture.arrow((491, 187), (600, 187), (600, 166))
    picture.box(530, 124, 206, 42, ("digest", "1f3e9af7…"), style="good")
    picture.text(672, 192, "the same bits", "small mute", "middle")
    return picture


def log() -> Drawing:
    """Files go into the log; what is known, broken or corrected is told apart, and nothing is overwritten."""
    picture = Drawing(
        306,
        "Law 2: the log is append-only",
        "Four files are ingested: events are appended, a known file is skipped, a bad row goes to quarantine, and a "
        "correction is one more entry that wins over the older one.",
    )
    files = (
        ("monday.csv", ""),
        ("monday.csv, again", ""),
        ("tuesday.csv", "one bad row"),
        ("fix.csv", "a correction"),
    )
    for number, (name, note) in enumerate(files):
        y = 24 + 64 * number
        picture.box(24, y, 168, 44, (name, note) if note else name)
    picture.box(342, 24, 190, 236, style="pale")
    picture.text(437, 46, "event log", "strong", "middle")
    entries = (("1", "12.5 A"), ("2", "12.7 A"), ("3", "11.9 A"))
    for (seq, value), y in zip(entries, (62, 152, 216), strict=True):
        picture.box(354, y, 166, 30, style="page")
        picture.text(366, y + 20, f"seq {seq}", "small mute")
        picture.text(508, y + 20, f"{value}", "mono", "end")
    picture.text(437, 116, "new rows go below,", "small mute", "middle")
    picture.text(437, 134, "none is changed", "small mute", "middle")
    picture.arrow((192, 46), (300, 46), (300, 77), (354, 77))
    picture.line([(192, 110), (224, 110)])
    picture.cross(234, 110)
    picture.text(248, 115, "skipped", "small mute")
    picture.arrow((192, 167), (354, 167))
    picture.arrow((192, 231), (354, 231))
    picture.box(576, 24, 160, 76, ("view events", "11.9 A", "the newest row wins"), style="good")
    picture.arrow((520, 231), (554, 231), (554, 62), (576, 62))
    picture.box(576, 152, 160, 76, ("quarantine", "the bad row alone:", "file, row, reason"), style="bad")
    picture.line([(192, 181), (300, 181), (300, 281), (656, 281)], "wire dash")
    picture.arrow((656, 281), (656, 228), style="wire dash")
    return picture


def commits() -> Drawing:
    """A run that is killed, and the next one: together they end where an undisturbed run does."""
    picture = Drawing(
        286,
        "Law 3: a commit is all or nothing",
        "An undisturbed run commits three batches. A killed run has committed one; the next run does the other two. "
        "Both end in the same digest.",
    )
    picture.text(24, 62, "undisturbed", "strong")
    picture.text(24, 150, "killed", "strong")
    picture.text(24, 226, "next run", "strong")
    _batches(picture, 36, (130, 290, 450), ("batch 1", "batch 2", "batch 3"))
    _batches(picture, 124, (130,), ("batch 1",))
    picture.box(290, 124, 90, 42, "batch 2", style="bad")
    picture.cross(380, 145, 9)
    picture.text(398, 141, "killed: what was not", "small mute")
    picture.text(398, 157, "committed is not there", "small mute")
    _batches(picture, 200, (290, 450), ("batch 2", "batch 3"))
    picture.arrow((242, 145), (262, 145), (262, 221), (290, 221), style="wire dash")
    picture.text(150, 226, "it goes on here", "small mute")
    picture.arrow((562, 57), (668, 57), (668, 124))
    picture.arrow((562, 221), (668, 221), (668, 166))
    picture.box(600, 124, 136, 42, ("digest", "1f3e9af7…"), style="good")
    picture.box(134, 258, 8, 16, style="orange")
    picture.text(150, 271, "a commit: one transaction for segments, snapshots, heads and attempts", "small mute")
    return picture


def _batches(picture: Drawing, y: float, places: tuple[float, ...], names: tuple[str, ...]) -> None:
    """Batches of work, each with its commit behind it."""
    for x, name in zip(places, names, strict=True):
        picture.box(x, y, 90, 42, name, style="pale")
        picture.box(x + 104, y - 6, 8, 54, style="orange")
        if x != places[-1]:
            picture.line([(x + 112, y + 21), (x + 160, y + 21)])
        picture.line([(x + 90, y + 21), (x + 104, y + 21)])
