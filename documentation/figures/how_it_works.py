"""From events to answers: log, plan, fold, commit, views."""

from documentation.figures.drawing import Drawing


def how_it_works() -> Drawing:
    """The way of an event through the engine."""
    picture = Drawing(
        352,
        "How it works: event log, plan, fold, commit, views",
        "Files are ingested into the event log. The plan compares log, fingerprints and heads. Twin actors fold days "
        "of events through models, from a snapshot on. One writer commits outputs and snapshots; users query in SQL.",
    )
    picture.box(24, 24, 150, 56, ("CSV · Parquet", "a platform"))
    picture.arrow((174, 52), (232, 52))
    picture.text(203, 44, "ingest", "small mute", "middle")
    picture.box(232, 24, 190, 56, ("event log", "append-only, sequenced"), style="pale")
    picture.arrow((422, 52), (492, 52))
    picture.box(492, 24, 244, 56, ("plan", "which pairs, from where, and why"))
    picture.arrow((614, 80), (614, 112), (380, 112), (380, 134))
    picture.arrow((300, 80), (300, 134))
    picture.text(290, 112, "the events of one asset", "small mute", "end")
    picture.box(24, 134, 712, 104, style="page")
    picture.text(40, 156, "a twin actor folds", "strong")
    picture.text(184, 156, "advance(state, events) → (state, outputs)", "mono")
    picture.text(736 - 16, 226, "a closed day is computed once, the open one by every run", "small mute", "end")
    picture.diamond(196, 186)
    for x, name in ((216, "Mon"), (320, "Tue"), (424, "Wed")):
        picture.box(x, 168, 88, 34, name, style="pale")
        picture.diamond(x + 96, 186)
    picture.box(536, 168, 104, 34, "today: open", style="pale dash")
    picture.text(184, 191, "snapshot", "small mute", "end")
    picture.arrow((380, 238), (380, 268))
    picture.text(392, 258, "one transaction per group of twins", "small mute")
    picture.box(
        232, 268, 298, 58, ("outputs, records, states, snapshots", "one writer; all or nothing"), style="good"
    )
    picture.arrow((530, 297), (586, 297))
    picture.box(586, 268, 150, 58, ("SQL", "fleet.duckdb"))
    picture.arrow((232, 297), (196, 297), (196, 196))
    picture.text(188, 268, "where the next", "small mute", "end")
    picture.text(188, 284, "run goes on", "small mute", "end")
    return picture
