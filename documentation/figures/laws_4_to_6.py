"""The last three laws: a bad pair stays alone, places do not matter, science and storage are apart."""

from documentation.figures.drawing import Drawing

_MODELS = ("data_quality", "my_soh", "eq_cycles", "voltage_monitor")
_ASSETS = ("EV-01", "EV-02", "EV-03", "EV-04")


def pairs() -> Drawing:
    """A table of assets and models in which one pair is parked and one waits for it."""
    picture = Drawing(
        286,
        "Law 4: one bad pair never stops the others",
        "A table of four assets and four models. One pair is parked, the pair that takes its output is blocked, "
        "and the other fourteen are up to date.",
    )
    for column, model in enumerate(_MODELS):
        picture.text(165 + 128 * column, 38, model, "strong", "middle")
    for row, asset in enumerate(_ASSETS):
        y = 54 + 48 * row
        picture.text(24, y + 24, asset, "strong")
        for column in range(len(_MODELS)):
            _pair(picture, 107 + 128 * column, y, {(2, 1): "parked", (2, 2): "blocked"}.get((row, column), "ok"))
    picture.text(622, 162, "my_soh has raised,", "small mute")
    picture.text(622, 179, "and keeps its last", "small mute")
    picture.text(622, 196, "state; eq_cycles", "small mute")
    picture.text(622, 213, "takes its output", "small mute")
    picture.text(24, 268, "twins retry --select asset:EV-03", "mono")
    picture.text(300, 268, "runs the parked pair again, and then what waits for it", "small mute")
    return picture


def _pair(picture: Drawing, x: float, y: float, status: str) -> None:
    style = {"ok": "good", "parked": "bad", "blocked": "warm"}[status]
    picture.box(x, y, 116, 38, style=style + (" dash" if status == "blocked" else ""))
    if status == "ok":
        picture.line([(x + 34, y + 19), (x + 39, y + 25), (x + 48, y + 13)])
        picture.text(x + 58, y + 24, "ok")
    elif status == "parked":
        picture.cross(x + 24, y + 19)
        picture.text(x + 40, y + 24, "parked")
    else:
        picture.text(x + 58, y + 24, "blocked", anchor="middle")


def places() -> Drawing:
    """The same actor in three places: one digest."""
    picture = Drawing(
        306,
        "Law 5: the same code runs in-process and on a cluster",
        "A twin actor loads, replays and hands over results. It lives in the command's process, in a Ray host that "
        "many assets share, or in a Ray process of its own; the digest is the same.",
    )
    columns = (
        ("in this process", "replay · run --local", 1),
        ("Ray: a host per CPU", "run · run --address auto", 3),
        ("Ray: a process per asset", "run --isolation process", 1),
    )
    for number, (where, command, actors) in enumerate(columns):
        x = 24 + 244 * number
        picture.box(x, 24, 224, 172, style="box")
        picture.text(x + 112, 50, where, "strong", "middle")
        picture.text(x + 112, 70, command, "mono mute", "middle")
        left = x + 36 - 4 * actors
        for place in reversed(range(actors)):
            shift = 8 * place
            picture.box(left + shift, 92 - shift / 2, 160, 84 - shift, style="pale")
        picture.text(left + 80, 118, "TwinActor", "strong", "middle")
        picture.text(left + 80, 139, "load → replay", "small", "middle")
        picture.text(left + 80, 157, "→ hand over", "small", "middle")
        picture.line([(x + 112, 196), (x + 112, 222)])
    picture.line([(136, 222), (624, 222)])
    picture.arrow((380, 222), (380, 242))
    picture.box(277, 242, 206, 44, ("digest", "1f3e9af7…"), style="good")
    picture.text(500, 268, "whatever the number of workers", "small mute")
    return picture


def layers() -> Drawing:
    """Who may import whom, and where files, clocks and Ray are."""
    picture = Drawing(
        322,
        "Law 6: science has no I/O, storage has no science, Ray lives in one file",
        "The packages and their imports: actors imports event_store, twins and the contract; event_store takes value "
        "types of twins; models and twins import the contract only.",
    )
    picture.box(44, 24, 450, 62, style="box")
    picture.text(60, 50, "actors", "strong")
    picture.text(60, 69, "the application: plan, run, command line", "small mute")
    picture.box(388, 36, 94, 38, "ray_pool.py", style="warm", text="mono")
    picture.box(44, 130, 190, 62, ("event_store", "files, transactions, views"), style="warm")
    picture.box(304, 130, 190, 62, ("twins", "the pure fold, the plan"), style="pale")
    picture.box(304, 236, 190, 62, ("models", "battery science"), style="pale")
    picture.box(44, 236, 190, 62, ("altergo_interface", "the model contract"), style="box")
    picture.arrow((139, 86), (139, 130))
    picture.arrow((399, 86), (399, 130))
    picture.arrow((234, 161), (304, 161))
    picture.text(269, 151, "types", "small mute", "middle")
    picture.arrow((304, 267), (234, 267))
    picture.arrow((330, 192), (330, 214), (139, 214), (139, 236))
    picture.line([(60, 86), (60, 108), (24, 108)])
    picture.arrow((24, 108), (24, 267), (44, 267))
    picture.text(520, 50, "Ray: in one file", "strong")
    picture.text(520, 69, "everything else runs without it", "small mute")
    picture.text(520, 156, "no files, no clock, no Ray", "strong")
    picture.text(520, 175, "time is an input", "small mute")
    picture.text(520, 262, "no files, no clock, no Ray", "strong")
    picture.text(520, 281, "found in folders, imported by nobody", "small mute")
    return picture
